"""The door: how many codes are checked a second, and 3,000 people through six gates of which two have no
network."""
import os
import re
import statistics
import subprocess

from boxoffice import Server
from machine import tool
from turnstiles import Crowd

SECONDS = 2
CODES_A_SECOND = 20_000
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "3000"))
ANSWER_MS = 100
ROUNDS = 3


def openssl_rate():
    """What OpenSSL checks of Ed25519 signatures a second, on one core."""
    text = subprocess.run(["openssl", "speed", "-seconds", "1", "ed25519"], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"Ed25519\)\s+\S+\s+\S+\s+\S+\s+([\d.]+)", text)[1])


def bench_door(bench, table):
    del bench
    rates = [(tool("codes", SECONDS)["rate"], openssl_rate()) for _ in range(ROUNDS)]
    ours, others = (statistics.median(column) for column in zip(*rates))
    table.add("codes checked, one core", f"{ours:,.0f}/s", f"{others:,.0f}/s of OpenSSL", f"{ours / others:.2f}",
              f"≥ {CODES_A_SECOND:,}/s", ours >= CODES_A_SECOND)
    with Server() as server:
        crowd = Crowd(server, PEOPLE, online=4, offline=2)
        wrong, copies = crowd.check()
        waits = sorted(crowd.waits_ms)
        p99 = waits[int(0.99 * len(waits))]
    table.add(f"{PEOPLE:,} people, six gates, two without a network: an answer, p99", f"{p99:.1f} ms",
              f"{wrong} of {copies} copies let in and named, none unknown", "", f"≤ {ANSWER_MS} ms", p99 <= ANSWER_MS)
