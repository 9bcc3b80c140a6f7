"""Beside NATS JetStream: the relay against libnats, a backlog and whole purchases against the
embedded bus. One run each: an event stream is long enough to be its own average."""
import json
import os
import time

from machine import Program, get, tool, wait_until

from nats_client import NatsClient  # found in tests/support by machine.py's path
from broker import Nats, Redis
from postgres import Postgres

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
PAYLOAD = ('{"id":"6b010fef7f7ca2b89a000000","version":0,"title":"Seat 123456","price":49.9,'
           '"userId":"000000000000000000000001"}')


def lag(program):
    with_status = json.loads(get(program.monitoring + "/streaming/channelsz?subs=1"))
    return max((sub["pending_count"] + sub["unsent_count"] for channel in with_status["channels"]
                for sub in channel.get("subscriptions", []) if sub["client_id"] == "orders"),
               default=0)


def messages(client):
    return client.stream("INFO").get("state", {}).get("messages", 0)


def listed(bench, name, env):
    """A data folder with EVENTS tickets listed while only tickets ran; the running program."""
    program = Program(bench, name, ("--services", "tickets"), env)
    program.load("tickets", 64, 600, EVENTS)
    return program


def seconds_until(condition, what):
    started = time.monotonic()
    wait_until(condition, 300, what)
    return time.monotonic() - started


def bench_relay(bench, table):
    """Everything listed while the broker was away is published at once."""
    nats = Nats().start()
    program = Program(bench, "relay", ("--services", "tickets"), nats.environment())
    nats.kill()
    program.load("tickets", 64, 600, EVENTS)
    nats.start()
    with NatsClient(nats.url) as client:
        wait_until(lambda: messages(client) > 0, 30, "the relay to begin")
        before = messages(client)
        spent = seconds_until(lambda: messages(client) >= EVENTS, "the relay")
    ours = (EVENTS - before) / spent
    theirs = tool("publish", nats.url, "REFERENCE", "bench.reference", EVENTS, PAYLOAD)
    table.at_least(f"relay: {EVENTS:,} events from an outbox to the stream", ours, theirs,
                   "js_PublishMsgAsync", 0.7)
    bench.stop(program.process)
    nats.stop()


def backlog_rate(bench, name, nats):
    """Events a second that orders applies of a backlog it finds when it starts."""
    env = nats.environment() if nats else {}
    program = listed(bench, name, env)
    if nats:
        with NatsClient(nats.url) as client:
            wait_until(lambda: messages(client) >= EVENTS, 300, "the relay")
    bench.stop(program.process)
    started = time.monotonic()
    program = Program(bench, name, env=env)
    wait_until(lambda: lag(program) > 0 or time.monotonic() - started > 1, 60, "orders")
    wait_until(lambda: lag(program) == 0, 300, "orders to catch up")
    rate = EVENTS / (time.monotonic() - started)
    bench.stop(program.process)
    return rate


def bench_brokers(bench, table):
    """Relay, backlog and purchases beside NATS."""
    bench_relay(bench, table)
    embedded = backlog_rate(bench, "backlog-embedded", None)
    nats = Nats().start()
    table.at_least(f"backlog: {EVENTS:,} events applied by orders, start included",
                   backlog_rate(bench, "backlog-nats", nats), embedded, "embedded", 0.5)
    nats.stop()
    bench_drivers(bench, table)


def bench_drivers(bench, table):
    """Whole purchases through one process of all services, by the drivers it runs on."""
    def rate(name, env, *how):
        program = Program(bench, name, env=env)
        result = program.purchases(*how)["rate"]
        bench.stop(program.process)
        return result

    often = (128, SECONDS, 0)
    seldom = (512, SECONDS, 0, 100000)  # where each look is a question to PostgreSQL
    embedded = rate("buy-embedded", {}, *often)
    with Nats() as nats:
        table.at_least("whole purchases, all services in one process, NATS",
                       rate("buy-nats", nats.environment(), *often), embedded, "embedded", 0.25)
    with Postgres() as postgres, Nats() as nats, Redis() as redis:
        env = {"DATABASE_URL": postgres.new_database(), **nats.environment(), **redis.environment()}
        table.at_least("whole purchases, all services in one process, PostgreSQL, NATS and Redis",
                       rate("buy-drivers", env, *seldom), embedded, "embedded", 0.25)
