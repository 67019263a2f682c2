"""A mail server that takes mail for one user, over STARTTLS or from the begin over TLS or in plain text.

mailbox.py FOLDER MODE USER PASSWORD: MODE is starttls, tls or none. It listens on a free port of this machine, which it
writes into FOLDER/port, with a certificate for `localhost` by an authority that it writes into FOLDER/ca.pem, and
appends one line of JSON for each mail to FOLDER/mails.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = pathlib.Path(sys.argv[1])
MODE, USER, PASSWORD = sys.argv[2:5]


class Box:
    async def handle_DATA(self, server, session, envelope):
        content = envelope.content.decode()
        letter = email.message_from_string(content, policy=email.policy.default)
        mail = {
            "private": session.ssl is not None or MODE == "tls",
            "authenticated": session.authenticated,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": content,
            "head": {name.lower(): value for name, value in letter.items()},
            "text": letter.get_content(),
        }
        with (FOLDER / "mails").open("a") as file:
            file.write(json.dumps(mail) + "\n")
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)


async def main():
    authority = trustme.CA()
    authority.cert_pem.write_to_path(FOLDER / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    is_open = MODE == "none"

    def session():
        return SMTP(
            Box(),
            hostname="localhost",
            tls_context=context if MODE == "starttls" else None,
            require_starttls=MODE == "starttls",
            authenticator=None if is_open else authenticate,
            auth_required=not is_open,
            auth_require_tls=MODE == "starttls",
        )

    loop = asyncio.get_running_loop()
    implicit = context if MODE == "tls" else None
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=implicit)
    port = server.sockets[0].getsockname()[1]
    (FOLDER / "port.draft").write_text(str(port))
    (FOLDER / "port.draft").rename(FOLDER / "port")
    await server.serve_forever()


asyncio.run(main())
