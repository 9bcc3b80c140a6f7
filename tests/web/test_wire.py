"""Proves what a page costs on the wire, first and again, what may be kept of it and by whom, and that nothing
is compressed whose length would tell a secret."""

import gzip
import re

from boxoffice import Server, create_ticket, reserve
from check import Cases, wait_for
from test_safety import OURS, read, send

SERVER = {}
GZIP = {"Accept-Encoding": "gzip, deflate, br"}


def weight(answer):
    """Bytes of status line, headers and body."""
    return len(answer.body) + sum(len(f"{name}: {value}\r\n") for name, value in answer.headers.items()) + 20


def unpacked(answer):
    assert answer.headers["Content-Encoding"] == "gzip"
    return gzip.decompress(answer.body)


def quiet(client, path):
    """The page's tag, once nothing happens any more."""
    def same():
        tags = {read(client, path).headers["ETag"] for _ in range(2)}
        return tags.pop() if len(tags) == 1 else None
    return wait_for(same, 20, "the same page twice")


def test_pages_come_packed_to_who_takes_it(server):
    create_ticket(server.sign_up(), "Packed well")
    client = server.client()
    with Cases() as case:
        for path in ("/", "/auth/signin", "/nothing/here"):
            with case(path):
                packed = read(client, path, **GZIP)
                assert b"<!doctype html>" in unpacked(packed)
                assert "Accept-Encoding" in packed.headers["Vary"]
                for refused in ({}, {"Accept-Encoding": "br"}, {"Accept-Encoding": "gzip;q=0"}):
                    plain = read(client, path, **refused)
                    assert "Content-Encoding" not in plain.headers and b"<!doctype html>" in plain.body
                    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_public_page_that_did_not_change_is_not_sent_again(server):
    seller, client = server.sign_up(), server.client()
    ticket = create_ticket(seller, "Kept", 20)["id"]
    with Cases() as case:
        for path in ("/", f"/tickets/{ticket}"):
            with case(path):
                tag = quiet(client, path)
                for headers in ({}, GZIP):
                    again = read(client, path, **{"If-None-Match": tag, **headers})
                    assert again.status == 304 and not again.body, again
                    assert again.headers["ETag"] == tag and again.headers["Cache-Control"] == "no-cache"
                    assert again.headers["Vary"] == "Cookie, Accept-Language, Accept-Encoding"
                seller.put(f"/api/tickets/{ticket}", {"title": "Kept " + path, "price": 21})

                def changed():
                    answer = read(client, path, **{"If-None-Match": tag})
                    return answer.status == 200 and ("Kept " + path).encode() in answer.body
                wait_for(changed, 10, "the change")


def test_what_is_a_visitors_own_is_kept_by_nobody(server):
    person = server.sign_up()
    ticket = create_ticket(server.sign_up())["id"]
    order = reserve(person, ticket)["id"]
    with Cases() as case:
        for path in ("/", f"/tickets/{ticket}", "/orders", f"/orders/{order}", "/selling", "/tickets/new"):
            with case(path):
                answer = read(person, path, **{"If-None-Match": "*"})
                assert answer.status == 200 and "ETag" not in answer.headers
                assert answer.headers["Cache-Control"] == "no-store"


def test_a_secret_beside_chosen_words_is_never_packed(server):
    person = server.sign_up()
    ticket = create_ticket(person, "Mine")["id"]
    with Cases() as case:
        for path in ("/orders?after=" + "0" * 24, "/?after=" + "0" * 24):
            with case(path):
                answer = read(person, path, **GZIP)
                assert answer.status == 200 and "Content-Encoding" not in answer.headers
        with case("a form that came back"):
            answer = send(person, f"/tickets/{ticket}", {"title": "", "price": "x"}, {**OURS, **GZIP})
            assert answer.status in (400, 422) and "Content-Encoding" not in answer.headers


def test_a_first_visit_costs_30_kb_and_the_next_page_8():
    with Server() as server, Cases() as case:
        buyer, seller = server.sign_up(), server.sign_up()
        for n in range(100):
            ticket = create_ticket(seller, f"A ticket with a title of usual length, {n}", 20 + n)["id"]
        order = reserve(buyer, ticket)["id"]
        for who, path in ((server.client(), "/"), (server.client(), f"/tickets/{ticket}"), (buyer, "/"),
                          (buyer, "/orders"), (buyer, f"/orders/{order}"), (buyer, "/selling"),
                          (buyer, "/tickets/new"), (server.client(), "/auth/signin")):
            with case(path):
                page = read(who, path, **GZIP)
                text = unpacked(page) if "Content-Encoding" in page.headers else page.body
                files = set(re.findall(r'(?:href|src)="(/static/[^"]+|/favicon.ico)"', text.decode()))
                first = weight(page) + sum(weight(who.get(file, headers=GZIP)) for file in files)
                print(f"# {path}: first {first:,} bytes, again {weight(page):,}")
                assert first <= 30_000 and weight(page) <= 8_000
