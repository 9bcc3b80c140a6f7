"""The search among many shows: one connection asks for what people ask for, one after the other. The shows are
put into the catalogue's database as an import would leave them; the index is made by `boxoffice search rebuild`."""
import http.client
import json
import os
import random
import sqlite3
import subprocess
import time

from machine import ROOT, Nginx, Program, get, wrk

SHOWS = int(os.environ.get("BENCH_SHOWS", "100000"))
VENUES = 2000
ASKED = 2000  # requests a question
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


def fill(path):
    picked, words = random.Random(11), names()
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
            local = time.strftime("%Y-%m-%dT%H:%M+00:00", time.gmtime(starts / 1000))
            players = "\n".join(" ".join(picked.choice(words).title() for _ in range(2))
                                for _ in range(picked.randint(1, 3)))
            title = f"{players.split(chr(10))[0]} {picked.choice(('Live',) + 9 * ('',))}".strip()
            db.execute("INSERT INTO shows VALUES (?, 0, 'scheduled', ?, ?, ?, ?, ?, ?, 0, '', 0, -1, 'u', NULL, ?,"
                       " NULL, '')",
                       (f"{2**40 + number:024x}", f"{picked.randrange(VENUES):024x}", title, players,
                        picked.choice(("music", "theatre", "comedy", "sport")), starts, local, now_ms))
    db.close()


def command(program, what):
    done = subprocess.run([os.path.join(ROOT, "build/boxoffice"), "search", what, "--data", program.data], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def latencies(program, query):
    """Of each answer, in ms, sorted; and how many shows there were."""
    asked, taken = http.client.HTTPConnection("127.0.0.1", program.port), []
    for _ in range(ASKED):
        started = time.perf_counter()
        asked.request("GET", "/api/shows?" + query)
        answer = asked.getresponse()
        body = answer.read()
        taken.append(1000 * (time.perf_counter() - started))
        if answer.status != 200:
            raise SystemExit(f"bench: {query}: {answer.status}")
    asked.close()
    return sorted(taken), len(json.loads(body))


def bench_search(bench, table):
    """What is asked for among many shows: the slowest of a hundred; and a show's page beside nginx."""
    program = Program(bench, "search")
    program.wait_quiet()
    bench.stop(program.process)
    fill(os.path.join(program.data, "catalogue.db"))
    program = Program(bench, "search")
    started = time.monotonic()
    command(program, "rebuild")
    while command(program, "status")["rebuilding"]:
        time.sleep(0.5)
    seconds, found = time.monotonic() - started, command(program, "status")["shows"]
    table.add(f"the index of {found:,} shows, made anew", f"{seconds:.0f} s", "", "", "", found == SHOWS)
    for what, query in QUESTIONS:
        taken, count = latencies(program, query)
        p99 = taken[int(len(taken) * 0.99)]
        table.add(f"search: {what} ({count} found on the page)", f"p50 {taken[len(taken) // 2]:.2f} ms, "
                  f"p99 {p99:.2f} ms", "", "", f"p99 < {P99_MS:g} ms", p99 < P99_MS)
    path = f"/shows/{2**40:024x}"
    nginx = Nginx(bench, {"/page": get(program.url + path)})
    ours, theirs = [sorted(wrk(url, None, seconds=3)["rate"] for _ in range(3))[1]
                    for url in (program.url + path, nginx.url + "/page")]
    table.at_least("GET /shows/:id, a stranger's", ours, theirs, "nginx", CACHED_OF_NGINX)
