"""Mints tokens with PyJWT, a library that shares nothing with the guard: `mint.py ISSUER AUDIENCE SUBJECT`.

Prints one JSON object: the issuer's set of keys, and a token for each algorithm.
"""

import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ALGORITHMS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "RS512": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "PS384": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}


def main(issuer, audience, subject):
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": [audience, "another"],
        "sub": "ada@example.com",
        "act": {"sub": subject},
        "iat": now,
        "nbf": now,
        "exp": now + 300,
    }
    keys, tokens = [], {}
    for name, make in ALGORITHMS.items():
        private = make()
        algorithm = jwt.get_algorithm_by_name(name)
        public = algorithm.to_jwk(private.public_key(), as_dict=True)
        keys.append({**public, "kid": f"key-{name}", "alg": name, "use": "sig"})
        header = {"kid": f"key-{name}", "typ": "at+jwt"}
        tokens[name] = jwt.encode(claims, private, algorithm=name, headers=header)
    # What the same library makes of the same secret-free set: a token by a secret, and an unsigned one.
    header = {"kid": "key-RS256", "typ": "at+jwt"}
    tokens["HS256"] = jwt.encode(claims, b"s" * 32, algorithm="HS256", headers=header)
    tokens["none"] = jwt.encode(claims, None, algorithm="none", headers=header)
    json.dump({"keys": {"keys": keys}, "tokens": tokens}, sys.stdout)


main(*sys.argv[1:])
