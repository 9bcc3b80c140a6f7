"""Proves what a full disk does: writes answer 503, reads go on; space back, writes again.

The data folder lies on a small tmpfs of its own, filled with a junk file. Skipped where mounting
is not permitted.
"""

import collections
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import tempfile
import time

from boxoffice import (TEST_PASSWORD, Server, buy, cancel, create_ticket, get_ticket, new_email,
                       reserve)
from check import Skip, expect, wait_for

SIZE = "16m"


@contextlib.contextmanager
def small_disk():
    """The path of a fresh small file system."""
    folder = tempfile.mkdtemp(prefix="boxoffice-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        os.rmdir(folder)
        raise Skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
        os.rmdir(folder)


class Junk:
    """A file that takes all the space there is."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "junk")

    def grow(self):
        with open(self.path, "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def remove(self):
        os.unlink(self.path)


def write_until_refused(seller, junk, made):
    """Creates tickets until one is refused for want of space; remembers those that were made."""
    def refused():
        for _ in range(50):
            answer = seller.post("/api/tickets", {"title": "x" * 200, "price": 20})
            if answer.status != 201:
                return answer
            made.append(answer.json)
        junk.grow()  # a log that started over left a little room
        return None
    return wait_for(refused, 30, "a refusal")


def expect_unavailable(answer):
    expect(answer, 503)
    assert re.match(r"^[1-9]\d*$", answer.headers.get("Retry-After", "")), answer.headers.items()
    assert answer.json["errors"][0]["message"], answer


def expect_reads_go_on(server, made):
    client = server.client()
    assert get_ticket(client, made[0]["id"]) == made[0]
    assert get_ticket(client, made[-1]["id"]) == made[-1]
    expect(client.get("/api/tickets"), 200)
    expect(client.get("/api/users/currentuser"), 200)
    assert client.get("/healthz").status == 200


def expect_no_write_goes_wrong(server, free_ticket_id):
    """With no space left each write is refused politely or still fits; never a 500."""
    buyer = server.as_user()
    answers = [server.client().post("/api/users/signup", {"email": new_email(),
                                                          "password": TEST_PASSWORD}),
               buyer.post("/api/tickets", {"title": "x" * 200, "price": 20}),
               buyer.post("/api/orders", {"ticketId": free_ticket_id})]
    if answers[-1].status == 201:
        order_id = answers[-1].json["id"]
        answers.append(buyer.post("/api/payments", {"token": "tok_visa", "orderId": order_id}))
        answers.append(buyer.delete(f"/api/orders/{order_id}"))
    for answer in answers:
        if answer.status == 503:
            expect_unavailable(answer)
        else:
            assert answer.status in (201, 204, 400, 404), answer


def test_a_full_disk_refuses_writes_until_there_is_space():
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        made = [create_ticket(seller, "The first")]
        buy(server.as_user(), create_ticket(seller)["id"])
        free = create_ticket(seller)["id"]
        cancel(seller, reserve(seller, free)["id"])
        junk = Junk(disk)
        for _ in range(2):
            junk.grow()
            expect_unavailable(write_until_refused(seller, junk, made))
            expect_no_write_goes_wrong(server, free)
            expect_reads_go_on(server, made)
            junk.remove()
            after = {"title": "After", "price": 1}
            wait_for(lambda: seller.post("/api/tickets", after).status == 201, 10,
                     "writes to go on by themselves")
        buy(server.as_user(), create_ticket(seller)["id"])
        for ticket in made:
            assert get_ticket(seller, ticket["id"]) == ticket, "an acknowledged ticket is lost"
        server.restart()
        client = server.client()
        for ticket in made:
            assert get_ticket(client, ticket["id"]) == ticket, "lost by the restart"


def test_a_program_stopped_on_a_full_disk_starts_again_when_there_is_space():
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        made = [create_ticket(seller, "The first")]
        junk = Junk(disk)
        junk.grow()
        expect_unavailable(write_until_refused(seller, junk, made))
        server.kill()
        junk.remove()
        server.start()
        seller = server.as_user(seller.user_id)
        for ticket in made:
            assert get_ticket(seller, ticket["id"]) == ticket, "an acknowledged ticket is lost"
        buy(server.as_user(), create_ticket(seller)["id"])


def test_readiness_follows_the_disk():
    """A service whose writes fail is not ready, and is again by itself when there is space."""
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        junk = Junk(disk)
        junk.grow()
        write_until_refused(seller, junk, [])
        answer = server.client().get("/readyz")
        assert answer.status == 503 and answer.json["ready"] is False, answer
        tickets = [one for one in answer.json["services"] if one["name"] == "tickets"][0]
        assert tickets["database"] == "read-only", answer.json
        expect(server.client().get("/healthz"), 200)
        expect(server.monitor().get("/streaming"), 200)
        junk.remove()
        wait_for(lambda: server.client().get("/readyz").status == 200, 10, "readiness by itself")


def test_a_durable_listener_goes_on_after_a_full_disk():
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        junk = Junk(disk)
        options = ("--durable", "d", "--manual-ack", "--ack-wait", "600")
        with server.listen("ticket:created", *options) as listener:
            first = create_ticket(seller, "The first")
            listener.acknowledge(listener.wait_count(1)[0])
            listener.wait_acknowledged()
            junk.grow()
            write_until_refused(seller, junk, made := [])
            junk.remove()
            wait_for(lambda: seller.post("/api/tickets", {"title": "After", "price": 1}).status == 201)
            wait_for(lambda: listener.messages[-1]["data"]["title"] == "After", 20, "the last one")
            wanted = [first["id"], *(ticket["id"] for ticket in made)]
            heard = [data["id"] for data in listener.data()]
            assert heard[:len(wanted)] == wanted, "all that were acknowledged, in order"
            wait_for(lambda: server.client().get("/readyz").status == 200, 10, "readiness")
            for message in listener.messages[1:]:
                listener.acknowledge(message)
            listener.wait_acknowledged()
        server.restart()
        with server.listen("ticket:created", *options) as listener:
            last = create_ticket(server.as_user(), "The last")
            wait_for(lambda: listener.messages, 10)
            assert [data["id"] for data in listener.data()] == [last["id"]]


def failures_told(server):
    """How often each failure was told: {(service, event, code or reason): lines}."""
    told = collections.Counter()
    for line in server.log().splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            if entry["event"] in ("statement.failed", "transaction.failed", "job.failed"):
                told[entry["service"], entry["event"], entry.get("code") or entry.get("reason")] += 1
    return told


def test_a_full_disk_is_told_once_a_minute_however_often_it_is_hit():
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller, began = server.as_user(), time.monotonic()
        junk = Junk(disk)
        junk.grow()
        write_until_refused(seller, junk, [])
        refused = 0
        while refused < 500:
            refused += seller.post("/api/tickets", {"title": "x" * 200, "price": 1}).status == 503
        told, minutes = failures_told(server), 1 + int((time.monotonic() - began) / 60)
        assert ("tickets", "transaction.failed", "disk_full") in told, told
        # Each database's connections fail under one name: statements of seven databases.
        for (service, _, _), lines in told.items():
            assert lines <= minutes * (7 if service == "sql" else 1), told
        junk.remove()
        wait_for(lambda: server.client().get("/readyz").status == 200, 20, "readiness by itself")
        assert "transaction.recovered" in server.log()


def log_bytes(server, name):
    try:
        return os.path.getsize(os.path.join(server.data, f"{name}.db-wal"))
    except FileNotFoundError:
        return 0


def test_the_log_of_a_database_stays_bounded_beside_a_reader_that_hangs():
    """SQLite cannot fold in what such a reader still sees. An eighth of the disk is the bound."""
    bound = (16 << 20) // 8 * 2 + (1 << 20)  # not below four times the least; and the last batch
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        create_ticket(seller)
        most = 0
        with contextlib.closing(sqlite3.connect(f"{server.data}/tickets.db")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM tickets").fetchone()

            def refused():
                nonlocal most
                answers = [seller.post("/api/tickets", {"title": "x" * 200, "price": 20}).status
                           for _ in range(50)]
                most = max(most, log_bytes(server, "tickets"))
                assert set(answers) <= {201, 503}, answers
                return 503 in answers
            wait_for(refused, 60, "the bound")
            assert (2 << 20) < most < bound, most
            expect_reads_go_on(server, server.client().get("/api/tickets").json)
            server.sign_up()  # other services have logs of their own
            assert '"log.held"' in server.log()
        wait_for(lambda: seller.post("/api/tickets", {"title": "After", "price": 1}).status == 201, 20,
                 "writes to go on by themselves")
        wait_for(lambda: seller.post("/api/tickets", {"title": "After", "price": 1}).status == 201 and
                 log_bytes(server, "tickets") <= 2 << 20, 20, "the space to be given back")


def test_the_logs_of_a_small_disk_are_small():
    with small_disk() as disk, Server(data=os.path.join(disk, "data")) as server:
        seller = server.as_user()
        for number in range(400):
            ticket = create_ticket(seller)
            if number % 10 == 0:
                buy(seller, ticket["id"])
        logs = {name: log_bytes(server, name)
                for name in ("auth", "bus", "tickets", "orders", "payments", "expiration", "catalogue", "entries", "mail", "web")}
        assert max(logs.values()) <= 5 << 19, logs
