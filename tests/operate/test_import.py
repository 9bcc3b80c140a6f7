"""People, tickets, orders and payments of the Node application move in."""

import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import boxoffice
from boxoffice import Server, buy, create_ticket, pay, reserve, run_cli
from check import Cases, expect, wait_for
from books import check_books, rows, wait_quiet
from legacy import Legacy, object_id

SAME_HASH = "0" * 128 + ".0123456789abcdef"  # nobody signs in with it


def move_in(data, words, *options, status=0):
    done = run_cli("import", *words, "--data", data, *options, timeout=120)
    assert done.returncode == status, done
    return done


def counts(done):
    """{what: (read, taken over, already there, left out, noted)}"""
    return {line.split()[0]: tuple(int(number) for number in re.findall(r"\d+", line))
            for line in done.stdout.splitlines()}


def everything(legacy):
    """One of each state a market can be in."""
    ada, bob = (legacy.user(f"{name}@example.test", f"{name}-pass") for name in ("ada", "bob"))
    legacy.ticket(ada, 20)
    legacy.ticket(ada, 33.3, version=7)
    cancelled = legacy.ticket(ada, 49.9, version=2)
    legacy.order(cancelled, bob, "cancelled", 1)
    legacy.order(cancelled, bob, "cancelled", 1)
    live = legacy.ticket(ada, 5, version=1)
    legacy.order(live, bob)
    late = legacy.ticket(ada, 6, version=1)
    legacy.order(late, bob, expires_in=-3600)
    sold = legacy.ticket(ada, 999999.99, version=3)
    legacy.order(sold, ada, "cancelled", 1)
    legacy.payment(legacy.order(sold, bob, "complete", 1, expires_in=-3600))
    on_its_way = legacy.ticket(ada, 7, version=1)
    legacy.payment(legacy.order(on_its_way, bob, "awaiting:payment"))
    return ada, bob


def test_a_market_moves_in_and_goes_on():
    for manner, array, indent in [("canonical", False, None), ("relaxed", True, None),
                                  ("v1", False, 2), ("relaxed", True, 1)]:
        legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
        ada, bob = everything(legacy)
        data = os.path.join(folder, "data")
        try:
            done = move_in(data, legacy.write(folder, manner, array, indent))
            assert counts(done) == {"users": (2, 2, 0, 0, 0), "tickets": (7, 7, 0, 0, 0),
                                    "orders": (7, 7, 0, 0, 0), "payments": (2, 2, 0, 0, 0)}, done
            with Server(data=data) as server:
                look_around(server, legacy, ada, bob)
        finally:
            shutil.rmtree(folder)


def look_around(server, legacy, ada, bob):
    wait_quiet(server)
    seen = {ticket["id"]: ticket for ticket in server.client().get("/api/tickets").json}
    fresh, edited, cancelled, live, late, sold, on_its_way = legacy.tickets
    wait_for(lambda: late["_id"] in [t["id"] for t in server.client().get("/api/tickets").json], 10,
             "the late order to expire")
    assert {fresh["_id"], edited["_id"], cancelled["_id"]} <= set(seen), seen
    for ticket in (fresh, edited, cancelled):
        assert seen[ticket["_id"]]["version"] == ticket["version"]
        assert seen[ticket["_id"]]["price"] == ticket["price"]
        assert seen[ticket["_id"]]["userId"] == ada
    buyer = server.as_user(bob, "bob@example.test")
    orders = {order["id"]: order for order in buyer.get("/api/orders").json}
    states = {order["ticket"]["id"]: order["status"] for order in orders.values()}
    assert states == {cancelled["_id"]: "cancelled", live["_id"]: "created",
                      late["_id"]: "cancelled", sold["_id"]: "complete",
                      on_its_way["_id"]: "complete"}, states
    ticket = server.client().get(f"/api/tickets/{sold['_id']}").json
    assert ticket["sold"] and ticket["version"] == 3, ticket
    wait_quiet(server)
    check_books(server)
    buyer.post("/api/payments", {"token": "tok_visa",
                                 "orderId": live["orderId"]})  # what was reserved there is paid here
    seller = server.as_user(ada)
    expect(seller.put(f"/api/tickets/{edited['_id']}", {"title": "Edited", "price": 30}), 200)
    buy(server.as_user(), edited["_id"])
    buy(server.as_user(), late["_id"])
    wait_quiet(server)
    check_books(server)


def test_people_sign_in_with_the_password_they_have():
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    legacy.user("Ada@Example.test", "päss")
    legacy.user("bob@example.test", "four")
    data = os.path.join(folder, "data")

    def hashes():
        return dict(rows(data, "auth", "SELECT email, substr(password_hash, 1, 10) FROM users"))

    def sign_in(server, email, password):
        return server.client().post("/api/users/signin", {"email": email, "password": password})
    try:
        move_in(data, legacy.write(folder)[:2])
        with Server(data=data) as server:
            assert set(hashes().values()) == {"$scrypt$ln"}, hashes()
            expect(sign_in(server, "ada@example.test", "pass"), 400)
            assert hashes()["Ada@Example.test"] == "$scrypt$ln"
            answer = expect(sign_in(server, "ada@example.test", "päss"), 200)
            assert answer.json == {"email": "Ada@Example.test", "id": legacy.users[0]["_id"]}
            assert hashes()["Ada@Example.test"] == "$argon2id$", hashes()
            assert hashes()["bob@example.test"] == "$scrypt$ln"
            expect(sign_in(server, "ada@example.test", "päss"), 200)
            expect(sign_in(server, "ada@example.test", "four"), 400)
            expect(sign_in(server, "bob@example.test", "four"), 200)
            expect(sign_in(server, "nobody@example.test", "four"), 400)
            assert set(hashes().values()) == {"$argon2id$"}
            server.sign_up()
            expect(server.client().post("/api/users/signup", {
                "email": "BOB@example.test", "password": "gondola-Turnip-42"}), 400)
    finally:
        shutil.rmtree(folder)


def spoiled(legacy):
    """Adds what cannot be taken over: [(file, line, words of the reason)]."""
    ada, bob = everything(legacy)
    bad = []

    def last(name, words, **changes):
        getattr(legacy, name)[-1].update(changes)
        bad.append((name, len(getattr(legacy, name)), words))

    for words, changes in [("email", {"email": "nobody"}), ("password", {"password": "123"}),
                           ("_id", {"_id": "x"}), ("version", {"__v": -1}),
                           ("_id: an earlier", {"_id": ada}),
                           ("email: another user", {"email": "BOB@example.test"})]:
        legacy.user("x@example.test", hashed=SAME_HASH)
        last("users", words, **changes)
    for words, changes in [("title", {"title": " "}), ("price", {"price": 0}),
                           ("price", {"price": 1.234}), ("price", {"price": "free"}),
                           ("userId", {"userId": ""}), ("version", {"version": 1.5}),
                           ("orderId", {"orderId": True})]:
        legacy.ticket(ada)
        last("tickets", words, **changes)
    for words, changes in [("status", {"status": "lost"}),
                           ("ticket: it is not among", {"ticket": object_id()}),
                           ("_id: an earlier", {"_id": legacy.orders[0]["_id"]})]:
        legacy.order(dict(legacy.tickets[0]), bob, "cancelled", 1)
        last("orders", words, **changes)
    sold = next(order for order in legacy.orders if order["status"] == "complete")
    legacy.orders.append({**sold, "_id": object_id(), "status": "created"})
    last("orders", "ticket: another order")
    legacy.payment(sold)
    last("payments", "orderId: another payment")
    legacy.payment({"_id": object_id()})
    last("payments", "orderId: it is not among")
    legacy.payment(legacy.orders[1])
    last("payments", "stripeId", stripeId="")
    return bad


def test_bad_records_are_named_and_nothing_else_is_lost():
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    bad = spoiled(legacy)
    words = legacy.write(folder)
    with open(f"{folder}/users.json", "a", encoding="utf-8") as file:
        file.write('{"_id": {"$oid":\nnot JSON\n[]\n')
    bad += [("users", len(legacy.users) + line, "not a JSON document") for line in (1, 2, 3)]
    data = os.path.join(folder, "data")
    try:
        dry = move_in(data, words, "--dry-run", status=1)
        assert not os.path.exists(data) and os.listdir(folder) == [
            name for name in os.listdir(folder) if name.endswith(".json")], os.listdir(folder)
        done = move_in(data, words, status=1)
        assert done.stdout.replace("taken over", "") == dry.stdout.replace("to be taken over", "")
        assert done.stderr == dry.stderr
        with Cases() as case:
            lines = done.stderr.splitlines()
            assert len(lines) == len(bad), done.stderr
            for name, line, reason in bad:
                with case(f"{name} {line} {reason}"):
                    assert [text for text in lines if text.startswith(
                        f"{folder}/{name}.json:{line}: left out: {reason}")], done.stderr
        assert counts(done) == {"users": (11, 2, 0, 9, 0), "tickets": (14, 7, 0, 7, 0),
                                "orders": (11, 7, 0, 4, 0), "payments": (5, 2, 0, 3, 0)}, done
        with Server(data=data) as server:
            wait_quiet(server)
            wait_for(lambda: not rows(data, "orders", "SELECT 1 FROM orders WHERE status = "
                                      "'created' AND expires_at_ms < 1000 * unixepoch()"), 10,
                     "the late order to expire")
            wait_quiet(server)
            check_books(server)
    finally:
        shutil.rmtree(folder)


def test_a_second_run_changes_nothing_and_a_broken_one_is_completed():
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    everything(legacy)
    words = legacy.write(folder)
    data = os.path.join(folder, "data")
    try:
        move_in(data, words)
        with Server(data=data) as server:
            wait_quiet(server)
            busy = run_cli("import", *words, "--data", data)
            assert busy.returncode == 1 and "in use by another boxoffice" in busy.stderr, busy
            dry = run_cli("import", *words, "--data", data, "--dry-run")
            assert dry.returncode == 0, dry  # it looks at a copy
            ticket = create_ticket(server.as_user())
            pay_all = reserve(server.as_user("x"), ticket["id"])
            pay(server.as_user("x"), pay_all["id"])
        done = move_in(data, words)
        assert all(line[1] == 0 and line[2] == line[0] for line in counts(done).values()), done
        for service in ("orders", "payments"):  # as if it had been killed after the tickets
            for ending in ("", "-wal", "-shm"):
                if os.path.exists(f"{data}/{service}.db{ending}"):
                    os.remove(f"{data}/{service}.db{ending}")
        second = Legacy()
        second.__dict__.update(legacy.__dict__)
        other = os.path.join(folder, "other")
        move_in(other, words)
        for service in ("orders", "payments"):
            os.remove(f"{other}/{service}.db")
        done = counts(move_in(other, words))
        assert done["tickets"][2] == 7 and done["orders"][1] == 7 and done["payments"][1] == 2
        with Server(data=other) as server:
            wait_quiet(server)
            wait_for(lambda: not rows(other, "orders", "SELECT 1 FROM orders WHERE status = "
                                      "'created' AND expires_at_ms < 1000 * unixepoch()"), 10,
                     "the late order to expire")
            wait_quiet(server)
            check_books(server)
    finally:
        shutil.rmtree(folder)


def test_what_does_not_agree_is_put_right_and_noted():
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    legacy.ticket("ada", version=4, orderId=object_id())
    legacy.order(legacy.ticket("ada"), "bob")
    del legacy.tickets[1]["orderId"]
    legacy.payment(legacy.order(legacy.ticket("ada"), "bob", "complete"))
    legacy.payment(legacy.order(legacy.ticket("ada"), "bob", "cancelled"))
    legacy.order(legacy.ticket("ada", version=1), "bob", "complete", 1)
    data = os.path.join(folder, "data")
    try:
        done = move_in(data, legacy.write(folder)[2:])
        for line in ("tickets.json:1: note: the order it names", "tickets.json:2: note: an order",
                     "payments.json:2: note: its order is cancelled",
                     "orders.json:4: note: complete, but no payment"):
            assert line in done.stderr, done
        with Server(data=data) as server:
            wait_quiet(server)
            versions = {id: (version, held is not None) for id, version, held in rows(
                data, "tickets", "SELECT id, version, order_id FROM tickets")}
            found = [versions[ticket["_id"]] for ticket in legacy.tickets]
            assert found == [(5, False), (1, True), (1, True), (1, True), (1, True)], found
            state = server.monitor().get("/streaming").json
            assert state["dead_letter_count"] == 0, state
    finally:
        shutil.rmtree(folder)


def test_many_records_come_whole():
    """More than one flush of the outbox holds, and more than one batch of events."""
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    for number in range(5000):
        user = legacy.user(f"user-{number}@example.test", hashed=SAME_HASH)
        ticket = legacy.ticket(user, version=1)
        legacy.payment(legacy.order(ticket, user, "complete", 1, expires_in=-3600))
    data = os.path.join(folder, "data")
    try:
        words = legacy.write(folder)
        began = time.monotonic()
        done = move_in(data, words)
        print(f"# 20,000 records in {time.monotonic() - began:.1f} s")
        assert all(line == (5000, 5000, 0, 0, 0) for line in counts(done).values()), done
        with Server(data=data) as server:
            began = time.monotonic()
            wait_quiet(server, 60)
            print(f"# all events applied after {time.monotonic() - began:.1f} s")
            check_books(server)
    finally:
        shutil.rmtree(folder)


def test_the_command_line_is_checked():
    with Cases() as case:
        for words, status, wanted in [
                ([], 2, "import needs --users"), (["--tickets", "x"], 2, "belong together"),
                (["--tickets", "x", "--orders", "y"], 2, "belong together"),
                (["--users", "/none"], 1, "cannot read /none"),
                (["--users", "/dev/null"], 1, "cannot read /dev/null"),
                (["x"], 2, "import takes no words")]:
            with case(" ".join(words)):
                done = run_cli("import", *words, "--data", "/nonexistent/data")
                assert done.returncode == status and wanted in done.stderr, done


def written(folder, name, documents, joined="\n"):
    path = os.path.join(folder, f"{name}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(joined.join(json.dumps(document) for document in documents))
    return path


def test_every_form_of_a_number_and_a_date_is_taken():
    """What mongoexport, Compass and drivers write for the same values."""
    folder = tempfile.mkdtemp(prefix="boxoffice-test-")
    data = os.path.join(folder, "data")
    ada = object_id()
    prices = [(20, 20), ({"$numberLong": 20}, 20), ({"$numberLong": "20"}, 20),
              ({"$numberInt": "20"}, 20), ({"$numberDouble": 19.99}, 19.99),
              ({"$numberDecimal": "19.99"}, 19.99), (19.990000000000002, 19.99),
              (0.1 + 0.2, 0.3), ("19.99", 19.99), (999999.99, 999999.99)]
    tickets = [{"_id": {"$oid": object_id()}, "title": "A seat", "price": price, "userId": ada,
                "version": 0} for price, _ in prices]
    moment = 1790000000000
    dates = [{"$date": moment}, {"$date": {"$numberLong": str(moment)}},
             {"$date": {"$numberLong": moment}}, {"$date": "2026-09-21T14:13:20Z"},
             {"$date": "2026-09-21T14:13:20.000Z"}, {"$date": "2026-09-21T16:13:20.000+02:00"},
             {"$date": "2026-09-21T08:43:20.000-0530"}, {"$date": "2026-09-21T14:13:20+00"},
             "2026-09-21T23:13:20.000+09:00"]
    orders = [{"_id": {"$oid": object_id()}, "userId": ada, "status": "cancelled", "expiresAt": date,
               "ticket": tickets[0]["_id"], "version": 1} for date in dates]
    try:
        move_in(data, ["--tickets", written(folder, "tickets", tickets), "--orders",
                       written(folder, "orders", orders), "--payments",
                       written(folder, "payments", [])])
        held = dict(rows(data, "tickets", "SELECT id, price_cents FROM tickets"))
        for ticket, (form, price) in zip(tickets, prices):
            assert held[ticket["_id"]["$oid"]] == round(price * 100), form
        held = dict(rows(data, "orders", "SELECT id, expires_at_ms FROM orders"))
        for order in orders:
            assert held[order["_id"]["$oid"]] == moment, order["expiresAt"]
    finally:
        shutil.rmtree(folder)


def test_a_file_that_cannot_be_read_as_it_is_is_refused_by_the_name_of_its_form():
    folder = tempfile.mkdtemp(prefix="boxoffice-test-")
    user = json.dumps({"_id": {"$oid": object_id()}, "email": "ada@example.test",
                       "password": SAME_HASH})
    try:
        with Cases() as case:
            for label, content, words in [
                    ("gzip", gzip.compress(user.encode()), "gzip"),
                    ("utf-16 with a mark", user.encode("utf-16"), "UTF-16"),
                    ("utf-16 without", user.encode("utf-16-le"), "UTF-16"),
                    ("big-endian", user.encode("utf-16-be"), "UTF-16"),
                    ("zip", b"PK\x03\x04" + bytes(30), "zip"),
                    ("bson", bytes([200, 0, 0, 0, 7]) + b"_id\0" + bytes(190), "mongoexport"),
                    ("an array begun", b"[", "array is not closed"),
                    ("an array cut off", b"[" + user.encode() + b",\n", "array is not closed"),
                    ("cut off in a document", b"[" + user.encode()[:40], "array is not closed")]:
                with case(label):
                    path = os.path.join(folder, "users.json")
                    with open(path, "wb") as file:
                        file.write(content)
                    data = os.path.join(folder, "data")
                    done = run_cli("import", "--users", path, "--data", data)
                    assert done.returncode == 1 and words in done.stderr and path in done.stderr, done
                    assert not os.path.exists(data), "something was taken over"
            with case("a folder"):
                done = run_cli("import", "--users", folder, "--data", folder + "/data")
                assert done.returncode == 1 and "directory" in done.stderr, done
    finally:
        shutil.rmtree(folder)


def test_a_pipe_is_read_to_its_end():
    legacy, folder = Legacy(), tempfile.mkdtemp(prefix="boxoffice-test-")
    for number in range(2000):
        legacy.user(f"u{number}@example.test", hashed=SAME_HASH)
    try:
        _, path = legacy.write(folder)[:2]
        data = os.path.join(folder, "data")
        words = boxoffice.command("import", "--users", "/dev/stdin", "--data", data)
        done = subprocess.run(["sh", "-c", 'cat "$0" | exec "$@"', path, *words],
                              env=boxoffice.clean_environment(), capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0 and "2000 read, 2000 taken over" in done.stdout, done
    finally:
        shutil.rmtree(folder)


def test_identities_that_are_no_object_ids_come_as_ids_made_of_them():
    """Whatever names the same record, of whichever kind its identity is."""
    folder = tempfile.mkdtemp(prefix="boxoffice-test-")
    data = os.path.join(folder, "data")
    uuid = {"$uuid": "6e8f1f0a-9d9e-4b3e-8a0f-0e8d3c1a2b3c"}
    user = {"_id": "ada", "email": "ada@example.test", "password": SAME_HASH}
    tickets = [{"_id": ticket, "title": "A seat", "price": 20, "userId": "ada", "version": 1,
                "orderId": order} for ticket, order in ((7, 8), ("7", "8"), (uuid, uuid))]
    orders = [{"_id": ticket["orderId"], "userId": "ada", "status": "complete", "version": 1,
               "expiresAt": {"$date": 1790000000000}, "ticket": ticket["_id"]} for ticket in tickets]
    payments = [{"_id": number, "orderId": order["_id"], "stripeId": f"ch_{number}"}
                for number, order in enumerate(orders)]
    words = ["--users", written(folder, "users", [user]),
             "--tickets", written(folder, "tickets", tickets),
             "--orders", written(folder, "orders", orders),
             "--payments", written(folder, "payments", payments)]
    try:
        done = move_in(data, words)
        assert counts(done)["tickets"] == (3, 3, 0, 0, 3), done
        assert "_id: no ObjectId, it comes as 00000000" in done.stderr, done.stderr
        assert counts(move_in(data, words))["orders"][2] == 3, "the second time they are there"
        (owner,), = rows(data, "auth", "SELECT id FROM users")
        assert {row[0] for row in rows(data, "tickets", "SELECT user_id FROM tickets")} == {owner}
        assert rows(data, "tickets", "SELECT COUNT(DISTINCT id), COUNT(order_id) FROM tickets") == \
            [(3, 3)]
        with Server(data=data) as server:
            wait_quiet(server)
            check_books(server)
            seller = server.as_user(owner, "ada@example.test")
            assert len(seller.get("/api/orders").json) == 3
    finally:
        shutil.rmtree(folder)
