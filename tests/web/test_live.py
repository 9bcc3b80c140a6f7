"""Proves the event stream: what is told, how soon, to whom, and what ten thousand listeners cost."""

import concurrent.futures
import json
import resource
import socket
import time

from boxoffice import Server, create_ticket, pay, reserve, sanitizer, wait_order
from check import Skip, resident_kib, wait_for
from client import Client

SERVER = {}


class Ears:
    """A connection to /live, its events read as they come."""

    def __init__(self, server, path="/live", cookies=None, timeout=10):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cookie = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        self.data = b""
        self._read_to(b"retry: 2000\n\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _read_to(self, mark):
        while mark not in self.data:
            piece = self.socket.recv(65536)
            assert piece, f"ended: {self.data!r}"
            self.data += piece
        before, _, self.data = self.data.partition(mark)
        return before

    def next(self):
        """(event, data, when) of the next one."""
        self._read_to(b"event: ")
        text = self._read_to(b"\n\n").decode()
        event, _, data = text.partition("\ndata: ")
        return event, json.loads(data), time.monotonic()

    def ticket(self, ticket_id, state=None):
        """The next event about this ticket, or the next that says it is in this state: of what
        happens within a moment only the last is told."""
        while True:
            event, data, when = self.next()
            if event == "ticket" and data["id"] == ticket_id and state in (None, data["state"]):
                return data, when


def test_everyone_hears_what_becomes_of_a_ticket(server):
    seller, buyer = server.sign_up(), server.sign_up()
    with Ears(server) as ears:
        ticket = create_ticket(seller, 'A "quoted" <title>', 49.9)["id"]
        told, _ = ears.ticket(ticket)
        assert told == {"id": ticket, "state": "new", "title": 'A "quoted" <title>', "price": "$49.90"}
        order = reserve(buyer, ticket)["id"]
        assert ears.ticket(ticket)[0]["state"] == "reserved"
        buyer.delete(f"/api/orders/{order}")
        assert ears.ticket(ticket)[0]["state"] == "free"
        pay(buyer, reserve(buyer, ticket)["id"])
        ears.ticket(ticket, "sold")


def test_every_reservation_is_told_to_who_looks(server):
    seller, buyer = server.sign_up(), server.sign_up()
    late = []
    with Ears(server) as ears:
        for _ in range(20):
            ticket = create_ticket(seller)["id"]
            ears.ticket(ticket)
            reserve(buyer, ticket)
            answered = time.monotonic()
            late.append((ears.ticket(ticket)[1] - answered) * 1000)
    late.sort()
    print(f"# told after {late[10]:.1f} ms, at most {late[-1]:.1f} ms")


def test_only_the_buyer_hears_of_an_order(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
    with Ears(server, "/live", buyer.cookies) as mine, Ears(server) as anybody:
        pay(buyer, order)
        wait_order(buyer, order, "complete")
        while mine.next()[:2] != ("order", {"id": order}):
            pass
        # The ticket's sale is told to all in the same breath or later: no order before it.
        while True:
            event, data, _ = anybody.next()
            assert event != "order", (event, data)
            if event == "ticket":
                assert "orderId" not in data and "userId" not in data, (event, data)
                if data["state"] == "sold":
                    break


def test_orders_of_before_a_restart_are_told_too():
    with Server() as server:
        buyer = server.sign_up()
        order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
        server.stop()
        server.start()
        again = server.client()
        again.cookies = dict(buyer.cookies)
        with Ears(server, "/live", buyer.cookies) as mine:
            again.delete(f"/api/orders/{order}")
            while mine.next()[:2] != ("order", {"id": order}):
                pass


def test_a_flood_of_listings_is_told_in_few_words():
    """However much one account lists, an open page is sent little, and told once to look again."""
    with Server() as server:
        seller = server.sign_up()
        ticket = create_ticket(seller, "Known before")["id"]
        with Ears(server, timeout=2) as ears:
            hands = [Client(server.host, server.port) for _ in range(8)]
            for hand in hands:
                hand.cookies = dict(seller.cookies)

            def list_many(hand):
                for n in range(150):
                    create_ticket(hand, f"One of very many, {n}")
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(list_many, hands))
            told, size = [], 0
            while ("ticket", ticket) not in told:
                try:
                    event, data, _ = ears.next()
                except TimeoutError:  # told in few words, too: once more, now that it is quiet
                    seller.put(f"/api/tickets/{ticket}", {"title": "Known before", "price": 7})
                    continue
                told.append((event, data["id"] if event == "ticket" else ""))
                size += len(str(data)) + 30
            print(f"# 1,200 listings: {len(told)} events, {size:,} bytes")
            assert len(told) < 1000 and size < 150_000, (len(told), size)


def test_a_stream_is_no_ordinary_answer(server):
    raw = server.raw()
    with raw:
        raw.send(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: raw._fill() and b"retry" in raw.buffer, 5, "the first bytes")
        head = raw.buffer.split(b"\r\n\r\n")[0].decode()
    assert "text/event-stream" in head and "no-store" in head and "chunked" in head


def test_listeners_that_left_are_forgotten(server):
    seller = server.sign_up()
    for _ in range(50):
        with Ears(server):
            pass
    with Ears(server) as ears:
        ticket = create_ticket(seller)["id"]
        assert ears.ticket(ticket)[0]["state"] == "new"


def test_ten_thousand_idle_listeners_cost_at_most_8_kb_each():
    if sanitizer():
        raise Skip("a sanitizer build has its own costs")
    count = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 500:
        raise Skip(f"needs {count + 500} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Server() as server:
        seller = server.sign_up()
        with Ears(server):
            create_ticket(seller)
        before = resident_kib(server.process.pid)
        ears = []
        try:
            for _ in range(count):
                ears.append(Ears(server))
            after = resident_kib(server.process.pid)
            each = (after - before) * 1024 / count
            print(f"# {each:,.0f} bytes each, {after / 1024:.0f} MiB in all")
            started = time.monotonic()
            ticket = create_ticket(seller)["id"]
            times = [one.ticket(ticket)[1] - started for one in ears]
            print(f"# told to {count} within {max(times) * 1000:.0f} ms")
            assert each <= 8192, f"{each:.0f} bytes each"
        finally:
            for one in ears:
                one.socket.close()
