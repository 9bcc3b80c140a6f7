"""Proves that slow senders, guessers and a rush of connections take nothing from others: a short form of
`./dev bench flood`, which has the figures."""

import os
import sys
import threading

from boxoffice import LIMITS, ROOT, Server, buy, create_ticket
from check import expect, resident_kib, wait_for

sys.path.insert(0, os.path.join(ROOT, "bench"))
from machine import Bench, Flood  # noqa: E402

SLOW, SIGNINS, CONNECTS, SECONDS = 3000, 100, 500, 6
RESIDENT_KIB_MAX = 256 * 1024


def http_figures(server):
    return expect(server.client().get("/streaming"), 200).json["http"]


def test_a_flood_takes_nothing_from_others():
    with Server(env=LIMITS) as server, Bench() as bench:
        seller = server.as_user()
        tickets = [create_ticket(seller)["id"] for _ in range(20)]
        flood = Flood(bench, server, SECONDS, SLOW, SIGNINS, CONNECTS)
        assert http_figures(server)["connections_open"] >= SLOW
        results, over = [], threading.Event()

        def wait():
            try:
                results.append(flood.result())
            finally:
                over.set()
        waiter = threading.Thread(target=wait)
        waiter.start()
        visits = largest = 0
        while not over.is_set():
            fresh, regular = server.client(), server.as_user()
            for _ in range(10):
                expect(fresh.get(f"/api/tickets/{tickets[visits % len(tickets)]}"), 200)
                expect(regular.post("/api/tickets", {"title": "A seat", "price": 20}), 201)
                expect(regular.get("/api/users/currentuser"), 200)
                expect(fresh.get("/healthz"), 200)
                visits += 1
            expect(fresh.get("/readyz"), 200)
            largest = max(largest, resident_kib(server.process.pid))
        waiter.join()
        result = results[0]
        print(f"# {visits} rounds of visits beside {result}; {largest // 1024} MiB resident at most")
        assert visits > 0 and result["failed"] == 0, result
        assert sum(result["signins"].values()) > 0 and set(result["signins"]) <= {"400", "429"}, result
        assert largest < RESIDENT_KIB_MAX, largest
        wait_for(lambda: http_figures(server)["connections_open"] < 10, 20, "the flood to ebb away")
        assert buy(server.as_user(), tickets[0])["status"] == "complete"


def test_an_address_that_takes_too_many_connections_is_told_so_and_counted():
    with Server(env={"CONNECTIONS_PER_ADDRESS": "50"}) as server:
        figures = http_figures(server)
        held = [server.raw(timeout=10) for _ in range(60)]
        try:
            refused = 0
            for raw in held:
                raw.send(b"GET /api/tickets?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = raw.read_answer()
                assert answer.status in (200, 429), answer
                refused += answer.status == 429
            assert refused >= 10, refused
        finally:
            for raw in held:
                raw.close()
        wait_for(lambda: server.client().get("/healthz").status == 200, 10, "room")
        now = wait_for(lambda: (lambda f: f["connections_open"] < 10 and f)(http_figures(server)), 10,
                       "them to be gone")
        grown = now["connections_refused_address"] - figures["connections_refused_address"]
        assert grown >= refused, (now, refused)
