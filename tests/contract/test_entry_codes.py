"""Proves what entries' codes promise: another program can check them by the public keys alone, what is wrong
with one is named, and another key ends none of them."""

import base64
import contextlib
import json
import os
import subprocess
import tempfile
import time

from boxoffice import Server, new_id, run_cli, sanitizer
from check import Cases, Skip, expect
from client import Client
from clock import WallClock
from test_entries import bought, entries_of, wait_entries
from test_orders_of_listings import some_listing
import session

PARALLEL = 2

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DER_OF_ED25519 = bytes.fromhex("302a300506032b6570032100")  # what goes before a public key (RFC 8410)


def bytes_of(code):
    number = 0
    for letter in code:
        number = number << 5 | LETTERS.index(letter)
    return (number >> 2).to_bytes(96, "big")


def text_of(read):
    number = int.from_bytes(read, "big") << 2
    return "".join(LETTERS[number >> 5 * place & 31] for place in range(153, -1, -1))


def keys_of(server):
    answer = expect(server.client().get("/.well-known/entry-keys.json"), 200)
    return answer.json["keys"]


def public_of(key):
    assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig"), key
    return base64.urlsafe_b64decode(key["x"] + "=")


def openssl_takes(public, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        for path, content in zip(paths, (DER_OF_ED25519 + public, message, signature)):
            with open(path, "wb") as file:
                file.write(content)
        done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0],
                               "-rawin", "-in", paths[1], "-sigfile", paths[2]], capture_output=True, check=False)
        return done.returncode == 0


def some_code(server, **changes):
    """A buyer with an entry, as its page has it, and what was paid."""
    _, listing = some_listing(server, **changes)
    buyer = server.as_user()
    _, paid = bought(buyer, listing)
    entry, = wait_entries(buyer, 1)
    return buyer, expect(buyer.get(f"/api/entries/{entry['id']}"), 200).json, paid


def verify(server, code):
    """The exit status, and what is said."""
    done = run_cli("entries", "verify", code, "--data", server.data)
    return done.returncode, json.loads(done.stdout)


def lasting(server, days=2):
    """Clients with sessions that the clock may go so many days ahead of, for server.as_user."""
    def as_user(user_id=None):
        user_id = user_id or new_id()
        client = Client(server.host, server.port, user_id, f"{user_id}@example.test")
        client.cookies["session"] = session.make_cookie(server.key(), user_id, client.email,
                                                        exp=int(time.time()) + (days + 3) * 86_400)
        return client
    return as_user


def rotate(server):
    return run_cli("entries", "rotate-key", "--data", server.data)


def test_a_code_can_be_checked_by_another_program(server):
    _, entry, _ = some_code(server)
    read = bytes_of(entry["code"])
    key, = [key for key in keys_of(server) if key["kid"] == str(read[31])]
    assert len(entry["code"]) == 154 and text_of(read) == entry["code"]
    assert read[:12].hex() == entry["show"]["id"] and read[12:24].hex() == entry["ticketId"]
    assert read[29:31] == bytes(2), "its version"
    message = b"boxoffice entry 1" + read[:32]
    assert openssl_takes(public_of(key), message, read[32:])
    assert not openssl_takes(public_of(key), message[:-1] + b"\x02", read[32:])


def test_what_is_wrong_with_a_code_is_named(server):
    buyer, entry, _ = some_code(server)
    code = entry["code"]
    right = {"answer": "valid", "entryId": entry["id"], "serial": entry["serial"], "status": "valid",
             "ticketId": entry["ticketId"], "showId": entry["show"]["id"]}
    assert verify(server, code) == (0, right)
    assert verify(server, f" {code.lower()}\n") == (0, right)
    read = bytes_of(code)
    with Cases() as case:
        for said, text in {
                "truncated": code[:-1], "too_long": code + "0", "no_code": "https://example.test/",
                "forged": text_of(read[:20] + bytes([read[20] ^ 1]) + read[21:]),
                "unknown_key": text_of(read[:31] + b"\xc8" + read[32:])}.items():
            with case(said):
                assert verify(server, text) == (1, {"answer": said})
    assert run_cli("entries", "verify", "--data", server.data).returncode == 2
    assert "code" not in entries_of(buyer)[0], "a list has none"


def test_void_is_named_and_has_no_code(server):
    buyer, entry, paid = some_code(server)
    done = run_cli("payments", "refund", paid["id"], "--data", server.data)
    assert done.returncode == 0, done
    wait_entries(buyer, 1, "void")
    assert "code" not in expect(buyer.get(f"/api/entries/{entry['id']}"), 200).json
    status, said = verify(server, entry["code"])
    assert (status, said["answer"], said["status"]) == (1, "void", "void"), said


def test_the_organisers_file_opens_the_door_where_it_is_to(server):
    _, entry, _ = some_code(server, delivery="upload")
    assert entry["status"] == "valid" and entry["delivery"] == "upload" and "code" not in entry, entry


def test_another_key_signs_from_a_day_on_and_ends_no_code():
    if sanitizer():
        raise Skip("a program with a sanitizer takes no clock of another library")
    with contextlib.closing(WallClock()) as clock, Server(env=clock.environment()) as server:
        server.as_user = lasting(server)
        buyer, entry, _ = some_code(server)
        assert [key["kid"] for key in keys_of(server)] == ["1"]
        first = server.client().get("/.well-known/entry-keys.json").headers
        held = {"If-None-Match": first["etag"]}
        assert first["cache-control"] == "public, max-age=300", first
        assert server.client().get("/.well-known/entry-keys.json", headers=held).status == 304
        done = rotate(server)
        assert server.client().get("/.well-known/entry-keys.json", headers=held).status == 200
        assert done.returncode == 0, done
        made = json.loads(done.stdout)
        assert [key["kid"] for key in keys_of(server)] == ["1", "2"] and made["id"] == 2
        assert keys_of(server)[1]["signsFrom"] == made["signsFrom"]
        assert rotate(server).returncode == 1, "the latest one does not sign yet"
        _, before, _ = some_code(server)
        assert bytes_of(before["code"])[31] == 1
        clock.set(2 * 86_400)
        _, after, _ = some_code(server)
        assert bytes_of(after["code"])[31] == 2
        server.stop()
        server.start()
        assert expect(server.as_user(buyer.user_id).get(f"/api/entries/{entry['id']}"), 200).json == entry
        for each in (entry, before, after):
            assert verify(server, each["code"])[0] == 0
        audit = run_cli("audit", "list", "--data", server.data).stdout
        assert audit.count("entry_key.rotated") == 1, audit


def test_the_operators_routes_are_the_operators(server):
    for path in ("verify", "rotate-key"):
        expect(server.as_user().post(f"/operator/entries/{path}", {"code": "0"}), 404)
