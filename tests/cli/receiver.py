"""A receiver of deliveries that checks their signatures by itself.

Writes each body that holds into the file it is given, one a line, and refuses the others. The first
answers are failures, as many as it is told.
"""

import base64
import hashlib
import hmac
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

FILE, SECRET = sys.argv[1], base64.b64decode(sys.argv[2].removeprefix("whsec_"))
failures = int(sys.argv[3])
seen = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        global failures
        body = self.rfile.read(int(self.headers["content-length"]))
        identifier = self.headers["webhook-id"]
        moment = self.headers["webhook-timestamp"]
        if failures > 0:
            failures -= 1
            seen.add(identifier)
            return self.answer(503)
        signed = f"{identifier}.{moment}.".encode() + body
        tag = hmac.new(SECRET, signed, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(tag).decode()
        holds = hmac.compare_digest(self.headers["webhook-signature"], expected)
        if not holds or abs(time.time() - int(moment)) > 300:
            return self.answer(401)
        again = "repeated " if identifier in seen else "first "
        with open(FILE, "ab") as kept:
            kept.write(body + b"\n")
        with open(FILE + ".log", "a") as log:
            log.write(again + identifier + "\n")
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
