"""Proves that a program which is far behind with its events serves all the same."""

import contextlib
import os
import sqlite3

from boxoffice import Server, create_ticket, expect
from check import wait_for

EVENTS = 300_000
FAR = 10_000


def many_events(server):
    """As after an import: tickets has published far more than the others have taken over."""
    with contextlib.closing(sqlite3.connect(os.path.join(server.data, "tickets.db"))) as db, db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO outbox (subject, payload, created_at_ms) SELECT 'ticket:created', "
            "printf('{\"id\":\"%024x\",\"version\":0,\"title\":\"Seat\",\"price\":20,"
            "\"userId\":\"seller\"}', i), 0 FROM n", (EVENTS,))


def test_a_program_that_is_far_behind_is_ready_and_says_how_far():
    with Server() as server:
        server.stop()
        many_events(server)
        server.start()
        ready = server.client().get("/readyz")
        assert ready.status == 200 and ready.json["ready"], ready.json
        assert ready.json["lag"] > FAR, ready.json
        create_ticket(server.as_user())
        expect(server.client().get("/api/tickets"), 200)
        wait_for(lambda: server.client().get("/readyz").json["lag"] == 0, 120, "it to catch up")
