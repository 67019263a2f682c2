"""A receiver of webhooks that verifies every signature with other implementations: `v1` with the library of
Standard Webhooks, `v1a` with libsodium.

receiver.py FOLDER SECRET: listens on a free port of this machine, which it writes into FOLDER/port, and appends
one line of JSON for each message to FOLDER/messages. FOLDER/key holds the sender's public key; FOLDER/answers, while
it has lines, the status to answer with, one a line.
"""

import base64
import json
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nacl.exceptions
import nacl.signing
import standardwebhooks

FOLDER = pathlib.Path(sys.argv[1])
SHARED = standardwebhooks.Webhook(sys.argv[2])


def verify_shared(headers, body):
    try:
        SHARED.verify(body, headers)
        return True
    except standardwebhooks.WebhookVerificationError:
        return False


def verify_own(headers, body):
    key = (FOLDER / "key").read_text().strip().removeprefix("whpk_")
    key = nacl.signing.VerifyKey(base64.b64decode(key))
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for signature in headers["webhook-signature"].split():
        version, _, signature = signature.partition(",")
        if version != "v1a":
            continue
        try:
            key.verify(text, base64.b64decode(signature))
            return True
        except nacl.exceptions.BadSignatureError:
            pass
    return False


def next_answer():
    answers = FOLDER / "answers"
    lines = answers.read_text().splitlines() if answers.exists() else []
    if not lines:
        return 200
    answers.write_text("\n".join(lines[1:]))
    return int(lines[0])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = next_answer()
        message = {
            "status": status,
            "path": self.path,
            "headers": headers,
            "body": body,
            "v1": verify_shared(headers, body),
            "v1a": verify_own(headers, body),
            "other_v1": verify_shared(headers, body + " "),
            "other_v1a": verify_own(headers, body + " "),
        }
        with (FOLDER / "messages").open("a") as file:
            file.write(json.dumps(message) + "\n")
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"got it")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
(FOLDER / "port.draft").write_text(str(server.server_port))
(FOLDER / "port.draft").rename(FOLDER / "port")
server.serve_forever()
