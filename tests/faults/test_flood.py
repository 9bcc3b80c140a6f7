"""Proves that slow senders, guessers and a rush of connections take nothing from others: a short form of
`./dev bench flood`, which has the figures."""

import ctypes
import os
import platform
import re
import struct
import sys
import threading

from boxoffice import LIMITS, ROOT, Server, buy, create_ticket, sanitizer
from check import Skip, expect, resident_kib, wait_for

sys.path.insert(0, os.path.join(ROOT, "bench"))
from machine import Bench, Flood  # noqa: E402

SLOW, SIGNINS, CONNECTS, SECONDS = 3000, 100, 500, 6
RESIDENT_KIB_MAX = 256 * 1024


SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}
SLICES_SINCE = (6, 12)  # Linux; before, only the niceness counts


def scheduling(thread):
    """(niceness, slice in nanoseconds) of a thread: sched_getattr(2), which has no function."""
    attributes = ctypes.create_string_buffer(48)
    done = ctypes.CDLL(None, use_errno=True).syscall(
        SCHED_GETATTR[platform.machine()], int(thread), attributes, len(attributes), 0)
    assert done == 0, os.strerror(ctypes.get_errno())
    _, _, _, nice, _, slice_ns, _, _ = struct.unpack("IIQiIQQQ", attributes.raw)
    return nice, slice_ns


def http_figures(server):
    return expect(server.monitor().get("/streaming"), 200).json["http"]


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


def test_hashing_threads_give_way_to_whoever_wakes():
    if platform.machine() not in SCHED_GETATTR:
        raise Skip(f"the number of a system call is not known on {platform.machine()}")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    if own == 19:
        raise Skip("there is no lower niceness than the test's own")
    with Server() as server:
        server.sign_up()  # they run by now
        threads = [scheduling(thread) for thread in os.listdir(f"/proc/{server.process.pid}/task")]
        usual = [(nice, slice_ns) for nice, slice_ns in threads if nice == own]
        hashing = [(nice, slice_ns) for nice, slice_ns in threads if nice != own]
        assert len(usual) > 5 and len(hashing) == 2, threads
        assert all(nice == min(own + 10, 19) for nice, _ in hashing), threads
        if tuple(map(int, re.findall(r"\d+", platform.release())[:2])) >= SLICES_SINCE:
            longest = max(slice_ns for _, slice_ns in usual)
            assert all(slice_ns > longest for _, slice_ns in hashing), threads


def test_the_heap_grows_in_large_steps():
    if sanitizer():
        raise Skip("a sanitizer build has a heap of its own")
    with Server() as server:
        with open(f"/proc/{server.process.pid}/maps", encoding="ascii") as maps:
            start, end = re.search(r"^(\w+)-(\w+) .* \[heap\]$", maps.read(), re.MULTILINE).groups()
        assert int(end, 16) - int(start, 16) >= 16 << 20


def test_an_address_that_takes_too_many_connections_is_told_so_and_counted():
    with Server(env={"CONNECTIONS_PER_ADDRESS": "50"}) as server:
        figures = http_figures(server)
        held = [server.raw(timeout=60) for _ in range(60)]
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
