"""What must be true of a market's databases once it is quiet, read from the files themselves."""

import contextlib
import json
import os
import sqlite3
import time

from boxoffice import run_cli
from check import expect, wait_for

SERVICES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web", "bus")


@contextlib.contextmanager
def database(folder, service):
    """A read-only connection to one service's database."""
    path = os.path.join(folder, f"{service}.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection


def rows(folder, service, sql, values=()):
    with database(folder, service) as connection:
        return connection.execute(sql, values).fetchall()


def check_cut(folder):
    """No service knows an event that its publisher's outbox lacks."""
    last = {service: rows(folder, service, "SELECT COALESCE(MAX(seq), 0) FROM outbox")[0][0]
            for service in SERVICES}
    for service in SERVICES:
        for source, seq in rows(folder, service, "SELECT source, seq FROM bus_positions"):
            assert seq <= last[source], f"{service} stands at {seq} of {source}, that has {last}"
    for source, seq in rows(folder, "bus", "SELECT source, seq FROM durables"):
        assert seq <= last[source], f"a durable listener stands at {seq} of {source}"


def wait_quiet(server, timeout=30):
    """Waits until every event has been applied and, where the databases are files, no charge is in
    flight."""
    def in_flight():
        if os.environ.get("BOXOFFICE_SQL") == "postgres":
            return 0
        return rows(server.data, "payments", "SELECT COUNT(*) FROM charges WHERE status IN "
                                             "('pending', 'unknown', 'refund_pending')")[0][0]

    def published_while_quiet():
        """What was published so far where nothing is under way; None where something is. A charge is
        asked for first: what it publishes at its end is then seen below."""
        if in_flight():
            return None
        state = expect(server.monitor().get("/streaming"), 200).json
        ready = server.client().get("/readyz").json
        if ready["lag"] or state["waiting_count"]:
            return None
        return {service["name"]: service["last_seq"] for service in state["services"]}

    def quiet():
        """Twice the same: the services were asked one after the other, so an event could have gone
        from one not asked yet to one already asked."""
        published = published_while_quiet()
        return published is not None and published == published_while_quiet()
    wait_for(quiet, timeout, "a quiet market")


OVER = ("complete", "cancelled")
RETENTION_S = 31 * 24 * 3600  # a month, and the time an order may take


def forgotten(id):
    """Whether a service may have forgotten what is over: by the time in its id."""
    return int(id[:8], 16) < time.time() - RETENTION_S


def check_books(server):
    """Everything that one service knows of another's is so; no event was lost or is dead."""
    data = server.data
    state = expect(server.monitor().get("/streaming"), 200).json
    assert state["dead_letter_count"] == 0, state["dead_letters"]
    tickets = {row[0]: row[1:] for row in rows(
        data, "tickets", "SELECT id, version, title, price_cents, order_id, sold FROM tickets")}
    copies = {row[0]: row[1:] for row in rows(
        data, "orders", "SELECT id, version, title, price_cents FROM ticket_copies")}
    assert copies == {id: ticket[:3] for id, ticket in tickets.items()
                      if id in copies or not (ticket[4] and forgotten(id))}
    orders = {row[0]: row[1:] for row in rows(
        data, "orders", "SELECT id, version, status, ticket_id, price_cents FROM orders")}
    several = {}  # the tickets of orders of listings; another order has the one of its own row
    for order_id, ticket_id in rows(data, "orders", "SELECT order_id, ticket_id FROM order_tickets"):
        several.setdefault(order_id, []).append(ticket_id)
    held = [(ticket_id, id) for id, order in orders.items() if order[1] != "cancelled"
            for ticket_id in several.get(id, [order[2]])]
    live = dict(held)
    assert len(live) == len(held)
    for id, ticket in tickets.items():
        assert ticket[3] == live.get(id), f"ticket {id} {ticket}, live order {live.get(id)}"
        complete = id in live and orders[live[id]][1] == "complete"
        assert bool(ticket[4]) == complete, f"ticket {id} {ticket}: complete is {complete}"
    for service, table in (("payments", "order_copies"), ("expiration", "timers"),
                           ("tickets", "order_versions")):
        key = "id" if service == "payments" else "order_id"
        held = dict(rows(data, service, f"SELECT {key}, version FROM {table}"))
        assert held == {id: order[0] for id, order in orders.items()
                        if id in held or order[1] not in OVER or not forgotten(id)}, f"{service} and orders"
    audit = run_cli("payments", "audit", "--data", data)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    paid = {row[0] for row in rows(data, "payments",
                                   "SELECT order_id FROM charges WHERE status = 'captured'")}
    assert paid == {id for id, order in orders.items() if order[1] == "complete"}
    return json.loads(audit.stdout)
