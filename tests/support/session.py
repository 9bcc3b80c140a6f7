"""Session cookies made by hand: HS256 tokens (RFC 7519) and the cookie around them.

Tests sign tokens for users that never signed up, as another service with the same key would, and
break them in every way a client might.
"""

import base64
import hashlib
import hmac
import json
import time

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def sign(key, signed, alg="HS256"):
    """The signature part of a token over `signed` (header.payload)."""
    if alg not in HASHES:
        return ""
    return base64url(hmac.new(key, signed.encode(), HASHES[alg]).digest())


def make_token(key, claims, alg="HS256", header=None):
    """A token with these claims. header replaces the usual {"alg": alg, "typ": "JWT"}."""
    head = base64url(compact(header or {"alg": alg, "typ": "JWT"}))
    signed = head + "." + base64url(compact(claims))
    return signed + "." + sign(key, signed, alg)


def claims_for(user_id, email="someone@example.test", **more):
    """The usual claims, made now and good for an hour; a claim given as None is left out."""
    now = int(time.time())
    claims = {"id": user_id, "email": email, "iat": now, "exp": now + 3600, **more}
    return {name: value for name, value in claims.items() if value is not None}


def wrap_token(token):
    """The cookie value around a token."""
    return base64.b64encode(compact({"jwt": token})).decode()


def unwrap_cookie(value):
    """(header, claims, token) of a cookie value made by the server."""
    text = base64url_decode(value.rstrip("=").replace("+", "-").replace("/", "_"))
    token = json.loads(text)["jwt"]
    header, claims, _ = token.split(".")
    return json.loads(base64url_decode(header)), json.loads(base64url_decode(claims)), token


def make_cookie(key, user_id, email="someone@example.test", **more):
    """The value of a session cookie for any user id."""
    return wrap_token(make_token(key, claims_for(user_id, email, **more)))


def expired_cookies(key, client):
    """The cookies of a client whose session ended because it was not used."""
    now = int(time.time())
    return {"session": make_cookie(key, client.user_id, client.email, iat=now - 4000, exp=now - 3000)}
