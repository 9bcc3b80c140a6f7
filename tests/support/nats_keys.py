"""Keys and credentials as NATS has them: nkeys (https://github.com/nats-io/nkeys: base32 of a prefix,
an ed25519 key and a CRC) and the JWTs of operator, account and user (https://docs.nats.io, "JWT")."""

import base64
import binascii
import ctypes
import ctypes.util
import json
import os
import tempfile
import time

PREFIX = {"U": 20 << 3, "A": 0, "O": 14 << 3}
SEED = 18 << 3
FILES = []  # of configurations, gone with the process


def sodium():
    library = ctypes.CDLL(ctypes.util.find_library("sodium"))
    assert library.sodium_init() >= 0
    return library


def base32(raw):
    checked = raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Key:
    """An nkey of a user (U), an account (A) or an operator (O)."""

    def __init__(self, kind):
        seed = os.urandom(32)
        public, self.secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
        sodium().crypto_sign_seed_keypair(public, self.secret, seed)
        prefix = PREFIX[kind]
        self.public = base32(bytes([prefix]) + public.raw)
        self.seed = base32(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + seed)

    def jwt(self, name, about, nats):
        """A JWT that this key signs about another."""
        claims = {"jti": name, "iat": int(time.time()), "iss": self.public, "name": name,
                  "sub": about.public, "nats": {**nats, "version": 2}}
        text = ".".join(base64url(json.dumps(part).encode()) for part in
                        ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        signature = ctypes.create_string_buffer(64)
        sodium().crypto_sign_detached(signature, None, text.encode(), ctypes.c_ulonglong(len(text)),
                                      self.secret)
        return f"{text}.{base64url(signature.raw)}"


class Operator:
    """An operator with a system account, and an account with JetStream and one user."""

    def __init__(self):
        self.key, self.account, self.system, self.user = (Key(kind) for kind in "OAAU")
        everything = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
                      "wildcards": True, "conn": -1, "leaf": -1}
        store = {"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
        self.accounts = {
            self.account.public: self.key.jwt("boxoffice", self.account, {
                "type": "account", "limits": {**everything, **store}}),
            self.system.public: self.key.jwt("system", self.system, {
                "type": "account", "limits": everything})}
        self.user_jwt = self.account.jwt("box", self.user, {
            "type": "user", "subs": -1, "data": -1, "payload": -1})

    def config(self):
        accounts = ", ".join(f'{public}: "{jwt}"' for public, jwt in self.accounts.items())
        own = self.key.jwt("operator", self.key, {"type": "operator"})
        return (f'operator: "{own}"\nsystem_account: {self.system.public}\nresolver: MEMORY\n'
                f"resolver_preload: {{ {accounts} }}\n")

    def credentials(self):
        """What a .creds file says."""
        return (f"-----BEGIN NATS USER JWT-----\n{self.user_jwt}\n------END NATS USER JWT------\n\n"
                "************************* IMPORTANT *************************\n"
                "NKEY Seed printed below can be used to sign and prove identity.\n\n"
                f"-----BEGIN USER NKEY SEED-----\n{self.user.seed}\n------END USER NKEY SEED------\n")


def config(text):
    """Arguments for a nats-server with that configuration."""
    file = tempfile.NamedTemporaryFile("w", suffix=".conf")  # pylint: disable=consider-using-with
    file.write(text)
    file.flush()
    FILES.append(file)
    return ["-c", file.name]
