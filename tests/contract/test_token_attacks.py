"""Attacks on session tokens (RFC 8725): nobody gets in, nothing breaks."""

import base64
import hashlib
import hmac
import time

from boxoffice import TEST_KEY, new_id
from check import Cases, expect, expect_not_authorized
from session import base64url, claims_for, compact, make_token, sign, unwrap_cookie, wrap_token

PARALLEL = 4
KEY = TEST_KEY.encode()
RSA_PUBLIC = (b"-----BEGIN PUBLIC KEY-----\n"
              b"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALvKJWb1Yb3vNw3dF0n0lAZ0pX7QYlZ7\n"
              b"oI2Zl2kq1W2E0Yx1m1b1nJr1p0n7k1q2f8Qb8w3W0y4sVd5c6h7e8f0CAwEAAQ==\n"
              b"-----END PUBLIC KEY-----\n")


def signed(head, payload, key=KEY):
    """A token of bytes as they are, signed with HS256."""
    text = base64url(head) + "." + base64url(payload)
    return text + "." + sign(key, text)


def is_believed(server, token):
    client = server.client()
    client.cookies["session"] = wrap_token(token)
    answer = expect(client.get("/api/users/currentuser"), 200)
    believed = answer.json["currentUser"] is not None
    if not believed:
        client.cookies["session"] = wrap_token(token)
        expect_not_authorized(client.get("/api/orders"))
    return believed


def refuse_all(server, tokens):
    with Cases() as case:
        for label, token in tokens.items():
            with case(label):
                assert not is_believed(server, token), "believed"


HEAD = compact({"alg": "HS256", "typ": "JWT"})


def test_the_attacks_would_work_if_nothing_stopped_them(server):
    """The helpers make tokens that are believed when there is nothing wrong with them."""
    assert is_believed(server, signed(HEAD, compact(claims_for(new_id()))))
    assert is_believed(server, make_token(KEY, claims_for(new_id())))


def test_unsigned_tokens(server):
    claims = compact(claims_for(new_id()))
    tokens = {}
    for alg in ("none", "None", "nOnE", "NONE", "none\0", " none", ""):
        head = base64url(compact({"alg": alg, "typ": "JWT"}))
        tokens[f"{alg!r}, no signature"] = f"{head}.{base64url(claims)}."
        tokens[f"{alg!r}, no third part"] = f"{head}.{base64url(claims)}"
        tokens[f"{alg!r}, signed"] = signed(compact({"alg": alg}), claims)
    tokens["HS256, no signature"] = f"{base64url(HEAD)}.{base64url(claims)}."
    refuse_all(server, tokens)


def test_other_algorithms(server):
    claims = claims_for(new_id())
    tokens = {alg: make_token(KEY, claims, alg) for alg in ("HS384", "HS512")}
    for alg in ("HS1", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "hs256", "HS256\0",
                "HS2560", "A128KW", "dir"):
        tokens[f"{alg}, signed as HS256"] = signed(compact({"alg": alg}), compact(claims))
    refuse_all(server, tokens)


def test_key_confusion(server):
    """A public key, an empty key, keys that the token itself brings along or points at."""
    claims = compact(claims_for(new_id()))
    own = b"a key of the attacker's own, long enough to be one"
    jwk = {"kty": "oct", "k": base64url(own), "alg": "HS256"}
    tokens = {"public key": signed(HEAD, claims, RSA_PUBLIC),
              "public key, RS256": signed(compact({"alg": "RS256"}), claims, RSA_PUBLIC),
              "empty key": signed(HEAD, claims, b""),
              "zero key": signed(HEAD, claims, b"\0" * 32),
              "cut key": signed(HEAD, claims, KEY[:32]),
              "its hash": signed(HEAD, claims, hashlib.sha256(KEY).digest())}
    for name, value in (("jwk", jwk), ("jku", "http://127.0.0.1:1/keys"), ("x5u", "file:///etc/passwd"),
                        ("x5c", ["AAAA"]), ("kid", "../../dev/null"), ("kid", "' OR '1'='1"),
                        ("kid", "/proc/self/environ"), ("kid", ""), ("kid", "0" * 3000)):
        head = compact({"alg": "HS256", name: value})
        for label, key in (("own key", own), ("empty key", b""), ("value", str(value).encode())):
            tokens[f"{name}={str(value)[:20]}, {label}"] = signed(head, claims, key)
    refuse_all(server, tokens)


def test_the_id_of_a_key_opens_nothing(server):
    """The kid that the program names itself: not a key, and no way past the signature."""
    kid = unwrap_cookie(server.sign_up().cookies["session"])[0]["kid"]
    claims = compact(claims_for(new_id()))
    head = compact({"alg": "HS256", "typ": "JWT", "kid": kid})
    refuse_all(server, {"kid as key": signed(head, claims, kid.encode()),
                        "hex of kid as key": signed(head, claims, bytes.fromhex(kid)),
                        "own key": signed(head, claims, b"x" * 40)})
    assert is_believed(server, signed(head, claims))


def test_critical_extensions_are_not_understood(server):
    claims = compact(claims_for(new_id()))
    refuse_all(server, {str(crit): signed(compact({"alg": "HS256", "crit": crit, "b64": False}), claims)
                        for crit in (["b64"], [], "b64", ["exp"], None)})


def test_duplicate_claims_and_headers(server):
    now = int(time.time())
    good = b'"iat":%d,"exp":%d' % (now, now + 600)
    tokens = {
        "id twice": signed(HEAD, b'{"id":"a","id":"b",' + good + b"}"),
        "id twice, the same": signed(HEAD, b'{"id":"a","id":"a",' + good + b"}"),
        "exp twice": signed(HEAD, b'{"id":"a","exp":1,' + good + b"}"),
        "escaped twice": signed(HEAD, b'{"id":"a","\\u0069d":"b",' + good + b"}"),
        "inside another claim": signed(HEAD, b'{"id":"a","x":{"y":1,"y":2},' + good + b"}"),
        "alg twice": signed(b'{"alg":"none","alg":"HS256"}', b'{"id":"a",' + good + b"}"),
    }
    refuse_all(server, tokens)
    inner = make_token(KEY, claims_for(new_id()))
    client = server.client()
    client.cookies["session"] = base64.b64encode(
        b'{"jwt":"%s","jwt":"%s"}' % (inner.encode(), inner.encode())).decode()
    assert client.get("/api/users/currentuser").json == {"currentUser": None}


def test_oversized_tokens(server):
    claims = claims_for("x" * 64)
    tokens = {f"{size} bytes more": make_token(KEY, {**claims, "x": "y" * size})
              for size in (3000, 4096, 8000)}
    tokens["deep"] = signed(HEAD, b'{"id":"x","x":' + b"[" * 900 + b"]" * 900 + b"}")
    tokens["many claims"] = signed(HEAD, compact({**claims, **{str(i): 0 for i in range(400)}}))
    refuse_all(server, tokens)
    client = server.client()
    client.cookies["session"] = "A" * 20000
    assert client.get("/api/orders").status == 431
    assert server.client().get("/healthz").status == 200


def test_times_that_are_none(server):
    now = int(time.time())
    claims = claims_for(new_id())
    bad = [{"exp": "9999999999"}, {"exp": True}, {"exp": -1}, {"exp": 1e400}, {"exp": None},
           {"nbf": "x"}, {"nbf": now + 3600}, {"iat": "x"}, {"exp": [now + 600]}]
    tokens = {}
    for change in bad:
        text = compact({**claims, **change}).replace(b"Infinity", b"1e400")
        tokens[str(change)] = signed(HEAD, text)
    refuse_all(server, tokens)


def test_a_signature_is_compared_whole(server):
    token = make_token(KEY, claims_for(new_id()))
    body, _, signature = token.rpartition(".")
    mac = hmac.new(KEY, body.encode(), hashlib.sha256).digest()
    tokens = {f"byte {at} turned": body + "." + base64url(mac[:at] + bytes([mac[at] ^ 1]) + mac[at + 1:])
              for at in (0, 15, 31)}
    tokens.update({"31 bytes": body + "." + base64url(mac[:31]),
                   "33 bytes": body + "." + base64url(mac + b"\0"),
                   "twice": f"{body}.{signature}{signature}"})
    refuse_all(server, tokens)
