"""Tickets that are offered together: a listing of 500 seats in one commit, an order that names how many against one
that names its ticket, a rush after pairs, and what a full market takes of memory."""
import concurrent.futures
import http.client
import json
import os
import statistics
import subprocess
import time

from machine import ROOT, Program

TICKETS = int(os.environ.get("BENCH_TICKETS", "1000000"))
SEATS = 500  # of a listing: the most there may be
LISTED = 40
COMMIT_MS = 20.0
ORDERS = 200  # of a round
ROUNDS = 3
BUYERS = 1000
THREADS = 32
RATIO = 0.8
MEMORY_MB = 60


class Caller:
    """One connection, with a session."""

    def __init__(self, program, number):
        self.connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=120)
        self.headers = {"Cookie": f"session={program.cookie(number)}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        """The status, the document, and how many milliseconds it took."""
        started = time.perf_counter()
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, 1000 * (time.perf_counter() - started)

    def must(self, status, *request):
        got, document, taken = self.ask(*request)
        if got != status:
            raise SystemExit(f"bench: {request[:2]}: {got} {document}")
        return document, taken


def open_show(bench, program):
    """A show of the coming year, out of files as an import takes them."""
    bench.stop(program.process)
    files = {"venues": {"id": "hall", "name": "Harbour Hall", "city": "Berlin", "country": "DE",
                        "timeZone": "Europe/Berlin"},
             "shows": {"id": f"{2**40:024x}", "venueId": "hall", "title": "Mono Lake", "category": "music",
                       "startsAt": f"{time.gmtime().tm_year + 1}-07-01T19:30"}}
    words = []
    for name, document in files.items():
        with open(bench.path(name), "w", encoding="utf-8") as out:
            json.dump(document, out)
        words += [f"--{name}", bench.path(name)]
    subprocess.run([os.path.join(ROOT, "build/boxoffice"), "import", *words, "--data", program.data], check=True,
                   capture_output=True)
    return f"{2**40:024x}"


def offer(show, row, split):
    return {"showId": show, "section": "A", "row": str(row), "seats": [str(seat) for seat in range(1, SEATS + 1)],
            "price": 20, "split": split, "delivery": "issued"}


def rate(buyer, bodies):
    """Orders a second on one connection, one after the other."""
    started = time.perf_counter()
    for body in bodies:
        buyer.must(201, "POST", "/api/orders", body)
    return len(bodies) / (time.perf_counter() - started)


def by_quantity_or_ticket(program, seller, show, rows):
    """Both ways through listings of the same size: the median of the rounds, each."""
    buyer, named, counted = Caller(program, 2), [], []
    for _ in range(ROUNDS):
        one, other = (seller.must(201, "POST", "/api/listings", offer(show, next(rows), "any"))[0] for _ in "ab")
        program.wait_quiet()
        named.append(rate(buyer, [{"ticketId": ticket["id"]} for ticket in one["tickets"][:ORDERS]]))
        counted.append(rate(buyer, ORDERS * [{"listingId": other["id"], "quantity": 1}]))
    return statistics.median(counted), statistics.median(named)


def rush(program, seller, show, rows):
    """How many pairs were sold, in how many seconds; parted ones, and answers that are errors of ours."""
    listing = seller.must(201, "POST", "/api/listings", offer(show, next(rows), "pairs"))[0]
    program.wait_quiet()
    places = {ticket["id"]: place for place, ticket in enumerate(listing["tickets"])}
    callers = [Caller(program, 10 + number) for number in range(THREADS)]

    def buy(caller):
        return [caller.ask("POST", "/api/orders", {"listingId": listing["id"], "quantity": 2})
                for _ in range(BUYERS // THREADS + 1)]
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        answers = [answer for some in pool.map(buy, callers) for answer in some]
    seconds = time.monotonic() - started
    pairs = [[places[ticket["id"]] for ticket in document["tickets"]] for status, document, _ in answers
             if status == 201]
    return len(pairs), seconds, sum(b != a + 1 or a % 2 for a, b in pairs), sum(a[0] >= 500 for a in answers)


def memory_mb(program):
    with open(f"/proc/{program.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def bench_listings(bench, table):
    program = Program(bench, "listings")
    show = open_show(bench, program)
    program = Program(bench, "listings")
    seller, rows = Caller(program, 1), iter(range(1, 10**9))
    program.wait_quiet()
    taken = sorted(seller.must(201, "POST", "/api/listings", offer(show, next(rows), "any"))[1]
                   for _ in range(LISTED))
    middle = taken[len(taken) // 2]
    table.add(f"a listing of {SEATS} seats, one after the other", f"p50 {middle:.1f} ms, worst {taken[-1]:.1f} ms", "",
              "", f"p50 < {COMMIT_MS:g} ms", middle < COMMIT_MS)
    program.wait_quiet()
    counted, named = by_quantity_or_ticket(program, seller, show, rows)
    table.at_least(f"an order by quantity, of a listing of {SEATS}", counted, named, "by ticket", RATIO)
    sold, seconds, parted, errors = rush(program, seller, show, rows)
    table.add(f"{BUYERS:,} and more after pairs of {SEATS} seats, on {THREADS} connections",
              f"{sold} pairs in {seconds:.1f} s, {parted} parted, {errors} × 5xx", "", "", f"{SEATS // 2}, 0, 0",
              (sold, parted, errors) == (SEATS // 2, 0, 0))
    made = (LISTED + 2 * ROUNDS + 1) * SEATS
    while made < TICKETS:
        seller.must(201, "POST", "/api/listings", offer(show, next(rows), "any"))
        made += SEATS
    program.wait_quiet()
    used = memory_mb(program)
    table.add(f"memory, with {made:,} tickets in listings", f"{used:.0f} MB", "", "", f"< {MEMORY_MB} MB",
              used < MEMORY_MB)
    bench.stop(program.process)
