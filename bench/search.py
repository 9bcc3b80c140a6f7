"""The search among many shows, and their pages: one connection asks for what people ask for, one after the other;
first alone, then beside a thousand purchases a second. The shows are put into the databases as an import would leave
them; the index is made by `boxoffice search rebuild`, and the tickets are listed by the API."""
import http.client
import json
import os
import random
import sqlite3
import subprocess
import threading
import time

from listings import SEATS, TICKETS, Caller, offer
from machine import ROOT, Nginx, Program, get, wrk

SHOWS = int(os.environ.get("BENCH_SHOWS", "100000"))
VENUES = 2000
ASKED = 2000  # requests a question
PURCHASES = 1000  # a second, beside
BUYERS = 512
POPULAR = 20  # listings of the first show; the others have one each, as long as there are tickets
P99_MS = 10.0
CACHED_OF_NGINX = 0.3
TOWNS = [("Berlin", "DE", "Europe/Berlin", 52.52, 13.40), ("Hamburg", "DE", "Europe/Berlin", 53.55, 9.99),
         ("Wien", "AT", "Europe/Vienna", 48.21, 16.37), ("Zürich", "CH", "Europe/Zurich", 47.37, 8.54),
         ("New York", "US", "America/New_York", 40.71, -74.0), ("東京", "JP", "Asia/Tokyo", 35.68, 139.69)]
QUESTIONS = [  # what, query
    ("nothing but what is next", "sort=soonest"),
    ("the first letter of many", "q=s"),
    ("a word of a tenth of them", "q=live"),
    ("a performer", "q=pamino"),
    ("two words and a city", "q=pami+live&city=berlin"),
    ("a slip", "q=pamnio"),
    ("any piece of a Japanese name", "q=%E4%BA%AC%E3%83%89"),
    ("within 50 km, soonest first", "near=52.5,13.4"),
    ("within 50 km, nearest first", "near=52.5,13.4&sort=nearest&q=live"),
    ("a category on one day", "category=comedy&from=2030-03-03&to=2030-03-03"),
]


def names():
    """20,000 made-up names, each of two to four syllables."""
    picked = random.Random(7)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    made = {"pamino"}
    while len(made) < 20_000:
        made.add("".join(picked.choice(syllables) for _ in range(picked.randint(2, 4))))
    return sorted(made)


def show_id(number):
    return f"{2**40 + number:024x}"


def follow(data, starts):
    """What tickets and orders know of the shows, in the order of their numbers."""
    for service, columns, values in (
            ("tickets", "id, version, title, status, starts_at_ms, max_per_buyer, max_over_face_bps, on_sale",
             "?, 0, 'A show', 'scheduled', ?, 0, -1, 1"),
            ("orders", "id, version, status, starts_at_ms, max_per_buyer", "?, 0, 'scheduled', ?, 0")):
        with sqlite3.connect(os.path.join(data, f"{service}.db")) as db:
            db.executemany(f"INSERT INTO show_copies ({columns}) VALUES ({values})",
                           [(show_id(number), at) for number, at in enumerate(starts)])
        db.close()


def fill(path):
    """The shows and their venues; when each begins."""
    picked, words, begins = random.Random(11), names(), []
    now_ms = int(time.time() * 1000)
    with sqlite3.connect(path) as db:
        for number in range(VENUES):
            city, country, zone, north, east = TOWNS[number % len(TOWNS)]
            name = f"{picked.choice(words).title()} {'ドーム' if country == 'JP' else 'Hall'}"
            db.execute("INSERT INTO venues VALUES (?, 0, 'accepted', ?, ?, ?, ?, ?, ?, 'u', NULL, ?, NULL, '')",
                       (f"{number:024x}", name, city, country, int(north * 1e6) + picked.randint(-90000, 90000),
                        int(east * 1e6) + picked.randint(-90000, 90000), zone, now_ms))
        for number in range(SHOWS):
            starts = now_ms // 60000 * 60000 + picked.randint(1, 4 * 365 * 24 * 60) * 60000
            begins.append(starts)
            local = time.strftime("%Y-%m-%dT%H:%M+00:00", time.gmtime(starts / 1000))
            players = "\n".join(" ".join(picked.choice(words).title() for _ in range(2))
                                for _ in range(picked.randint(1, 3)))
            title = f"{players.split(chr(10))[0]} {picked.choice(('Live',) + 9 * ('',))}".strip()
            db.execute("INSERT INTO shows VALUES (?, 0, 'scheduled', ?, ?, ?, ?, ?, ?, 0, '', 0, -1, 'u', NULL, ?,"
                       " NULL, '')",
                       (show_id(number), f"{picked.randrange(VENUES):024x}", title, players,
                        picked.choice(("music", "theatre", "comedy", "sport")), starts, local, now_ms))
    db.close()
    return begins


def command(program, what):
    done = subprocess.run([os.path.join(ROOT, "build/boxoffice"), "search", what, "--data", program.data], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def list_tickets(program):
    """By one seller, a row each; how many there are."""
    seller, rows = Caller(program, 1), TICKETS // SEATS
    for row in range(rows):
        number = max(0, row - POPULAR + 1) % SHOWS
        seller.must(201, "POST", "/api/listings", offer(show_id(number), row, "any"))
    program.wait_quiet()
    return rows * SEATS


class Purchases:
    """Whole purchases of plain tickets, each with an order, until it is left."""

    def __init__(self, program):
        self.program, self.over, self.runs = program, threading.Event(), []
        self.thread = threading.Thread(target=self.go_on)

    def go_on(self):
        while not self.over.is_set():
            self.runs.append(self.program.purchases(BUYERS, 3, PURCHASES))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def text(self):
        rate = sum(run["purchases"] for run in self.runs) / sum(run["seconds"] for run in self.runs)
        return f"{rate:,.0f}/s, {sum(run['failed'] for run in self.runs)} failed"


def latencies(program, path):
    """Of each answer, in ms, sorted; and the last one's body."""
    asked, taken = http.client.HTTPConnection("127.0.0.1", program.port), []
    for _ in range(ASKED):
        started = time.perf_counter()
        asked.request("GET", path)
        answer = asked.getresponse()
        body = answer.read()
        taken.append(1000 * (time.perf_counter() - started))
        if answer.status != 200:
            raise SystemExit(f"bench: {path}: {answer.status}")
    asked.close()
    return sorted(taken), body


def add_latencies(table, what, taken):
    p99 = taken[int(len(taken) * 0.99)]
    table.add(what, f"p50 {taken[len(taken) // 2]:.2f} ms, p99 {p99:.2f} ms", "", "", f"p99 < {P99_MS:g} ms",
              p99 < P99_MS)


def ask_all(table, program, beside):
    for what, query in QUESTIONS:
        taken, body = latencies(program, "/api/shows?" + query)
        add_latencies(table, f"search: {what} ({len(json.loads(body))} found on the page){beside}", taken)
    for what, path in (("a show's page, with its listings", f"/shows/{show_id(0)}"),
                       ("its listings for three, by price", f"/api/listings?showId={show_id(0)}&quantity=3"),
                       ("the home page", "/")):
        add_latencies(table, what + beside, latencies(program, path)[0])


def bench_search(bench, table):
    """What is asked for among many shows: the slowest of a hundred; and a show's page beside nginx."""
    program = Program(bench, "search")
    program.wait_quiet()
    bench.stop(program.process)
    follow(program.data, fill(os.path.join(program.data, "catalogue.db")))
    program = Program(bench, "search")
    started = time.monotonic()
    command(program, "rebuild")
    while command(program, "status")["rebuilding"]:
        time.sleep(0.5)
    seconds, found = time.monotonic() - started, command(program, "status")["shows"]
    table.add(f"the index of {found:,} shows, made anew", f"{seconds:.0f} s", "", "", "", found == SHOWS)
    ask_all(table, program, f", {list_tickets(program):,} tickets listed")
    path = f"/shows/{show_id(0)}"
    nginx = Nginx(bench, {"/page": get(program.url + path)})
    ours, theirs = [sorted(wrk(url, None, seconds=3)["rate"] for _ in range(3))[1]
                    for url in (program.url + path, nginx.url + "/page")]
    table.at_least("GET /shows/:id, a stranger's", ours, theirs, "nginx", CACHED_OF_NGINX)
    with Purchases(program) as purchases:
        ask_all(table, program, ", beside purchases")
    table.add("purchases meanwhile", purchases.text(), "", "", f"{PURCHASES:,}/s", "0 failed" in purchases.text())
    bench.stop(program.process)
