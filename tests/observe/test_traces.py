"""Proves that a purchase is one trace: traceparent in, across events and slow work, and out."""

import os
import secrets
import sqlite3

from boxoffice import create_ticket, pay, reserve, wait_order, wait_ticket
from check import wait_for

SERVER = {}
SERVICES = ("auth", "tickets", "orders", "expiration", "payments")


# --- what the outboxes keep

def new_traceparent():
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id(traceparent):
    return traceparent.split("-")[1]


def published(server, trace):
    """(service, subject, traceparent) of the events of a trace."""
    found = []
    for service in SERVICES:
        with sqlite3.connect(f"file:{os.path.join(server.data, service)}.db?mode=ro",
                             uri=True) as db:
            found += [(service, *row) for row in
                      db.execute("SELECT subject, trace FROM outbox WHERE trace LIKE ?",
                                 (f"00-{trace}-%",))]
        db.close()
    return found


def subjects(server, trace):
    return sorted(subject for _, subject, _ in published(server, trace))


class Traced:
    """A client's requests with one traceparent."""

    def __init__(self, client):
        self.client = client
        self.traceparent = new_traceparent()

    def post(self, path, body):
        return self.client.post(path, body, headers={"traceparent": self.traceparent})

    def get(self, path):
        return self.client.get(path)


def test_what_follows_from_an_order_is_in_its_trace(server):
    ticket = create_ticket(server.as_user())
    buyer = Traced(server.as_user())
    order = reserve(buyer, ticket["id"])
    trace = trace_id(buyer.traceparent)
    wait_ticket(server.client(), ticket["id"], order["id"])
    assert subjects(server, trace) == ["order:created", "ticket:updated"]
    pay(buyer, order["id"])
    wait_order(buyer.client, order["id"], "complete")
    whole = sorted(["order:created", "ticket:updated", "payment:pending", "order:updated",
                    "payment:created", "order:completed", "ticket:updated"])
    wait_for(lambda: subjects(server, trace) == whole, 10, lambda: subjects(server, trace))
    spans = [traceparent.split("-")[2] for _, _, traceparent in published(server, trace)]
    assert len(set(spans)) == len(spans), spans
    assert buyer.traceparent.split("-")[2] not in spans


def test_without_one_each_request_begins_a_trace(server):
    first, second = (create_ticket(server.as_user()) for _ in range(2))
    traces = []
    with sqlite3.connect(f"file:{os.path.join(server.data, 'tickets.db')}?mode=ro", uri=True) as db:
        for ticket in (first, second):
            traces += db.execute("SELECT trace FROM outbox WHERE payload LIKE ?",
                                 (f"%{ticket['id']}%",)).fetchone()
    db.close()
    assert trace_id(traces[0]) != trace_id(traces[1])
