"""An issuer's set of keys over TLS: `keyring.py FOLDER`.

It listens on a free port of this machine, which it writes into FOLDER/port, with a certificate for `localhost` by an
authority that it writes into FOLDER/ca.pem, answers every request with FOLDER/keys.json, and appends one line of JSON
for each to FOLDER/asked.
"""

import json
import pathlib
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import trustme

FOLDER = pathlib.Path(sys.argv[1])


class Keyring(BaseHTTPRequestHandler):
    def do_GET(self):
        with (FOLDER / "asked").open("a") as file:
            file.write(json.dumps({"path": self.path}) + "\n")
        body = (FOLDER / "keys.json").read_bytes()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(HTTPServer):
    def handle_error(self, *_):
        """A peer that does not trust the certificate hangs up, which is not worth a word."""


authority = trustme.CA()
authority.cert_pem.write_to_path(FOLDER / "ca.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("localhost").configure_cert(context)
server = Server(("127.0.0.1", 0), Keyring)
server.socket = context.wrap_socket(server.socket, server_side=True)
draft = FOLDER / "port.draft"
draft.write_text(str(server.server_port))
draft.rename(FOLDER / "port")
server.serve_forever()
