"""Dead letters are listed, shown, put back and dropped by the operator."""

import contextlib
import json
import os
import sqlite3

from boxoffice import Server, create_ticket, new_id, reserve, run_cli
from check import Cases, expect, wait_for
from books import check_books, rows, wait_quiet


def dead(server, *words):
    return run_cli("events", "dead", *words, "--data", server.data)


def letters(server, *options):
    done = dead(server, "list", *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def poison(server, count=1):
    """Events that orders can never apply."""
    for _ in range(count):
        server.publish("expiration:complete", {"orderId": new_id()})


def lose_ticket(server, ticket_id):
    """As if orders had refused the ticket's first event: its copy is gone, the event is dead."""
    path = os.path.join(server.data, "orders.db")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("ATTACH ? AS tickets", (os.path.join(server.data, "tickets.db"),))
        db.execute("DELETE FROM ticket_copies WHERE id = ?", (ticket_id,))
        db.execute("INSERT INTO bus_dead (source, seq, subject, payload, reason, dead_at_ms) "
                   "SELECT 'tickets', seq, subject, payload, 'a test', created_at_ms FROM tickets.outbox "
                   "WHERE subject = 'ticket:created' AND payload LIKE ?", (f"%{ticket_id}%",))


def test_a_letter_whose_cause_is_gone_takes_effect_once():
    with Server() as server:
        seller = server.as_user()
        ticket = create_ticket(seller)
        wait_quiet(server)
        server.stop()
        lose_ticket(server, ticket["id"])
        server.start()
        seller = server.as_user(seller.user_id)
        body = {"title": "Edited", "price": 30}
        expect(seller.put(f"/api/tickets/{ticket['id']}", body), 200)
        wait_for(lambda: server.monitor().get("/streaming").json["waiting_count"] == 1, 10,
                 "the edit to wait for the lost event")
        expect(server.as_user().post("/api/orders", {"ticketId": ticket["id"]}), 404)
        letter = letters(server)[0]
        assert letter["service"] == "orders" and letter["subject"] == "ticket:created", letter
        done = dead(server, "retry", "orders", str(letter["id"]))
        assert done.returncode == 0 and "took effect" in done.stdout, done
        wait_quiet(server)
        assert rows(server.data, "orders", "SELECT version, title FROM ticket_copies") == [
            (1, "Edited")]
        assert letters(server) == []
        again = dead(server, "retry", "orders", str(letter["id"]))
        assert again.returncode == 1 and "Not Found" in again.stderr, again
        assert reserve(server.as_user(), ticket["id"])["ticket"]["price"] == 30
        wait_quiet(server)
        assert "event.retried" in server.log()
        expect(server.monitor().get("/streaming"), 200)


def test_a_letter_that_is_still_wrong_is_dead_again():
    with Server() as server:
        poison(server)
        letter = wait_for(lambda: letters(server), 10, "the letter")[0]
        done = dead(server, "retry", "orders", str(letter["id"]))
        assert done.returncode == 1 and "a dead letter again" in done.stderr, done
        anew = letters(server)
        assert len(anew) == 1 and anew[0]["id"] >= letter["id"], anew
        assert anew[0]["reason"] == "there is no such order"
        assert str(anew[0]["id"]) in done.stderr


def test_letters_are_shown_in_pages_and_dropped_one_by_one():
    with Server() as server:
        poison(server, 5)
        wait_for(lambda: len(letters(server)) == 5, 10, "five letters")
        first = letters(server, "--service", "orders", "--limit", "2")
        second = letters(server, "--service", "orders", "--limit", "2",
                         "--after", str(first[-1]["id"]))
        ids = [letter["id"] for letter in first + second]
        assert len(ids) == 4 and ids == sorted(ids, reverse=True), ids
        shown = dead(server, "show", "orders", str(ids[0]))
        assert json.loads(shown.stdout) == first[0], shown
        done = dead(server, "drop", "orders", str(ids[0]))
        assert done.returncode == 0 and json.loads(done.stdout)["id"] == ids[0], done
        assert "event.dropped" in server.log()
        assert ids[0] not in [letter["id"] for letter in letters(server)]
        assert len(letters(server)) == 4
        check = server.monitor().get("/streaming").json
        assert check["dead_letter_count"] == 4
        for letter in letters(server):
            assert dead(server, "drop", "orders", str(letter["id"])).returncode == 0
        check_books(server)


def test_the_number_of_a_letter_never_comes_again():
    with Server() as server:
        poison(server, 2)
        wait_for(lambda: len(letters(server)) == 2, 10, "two letters")
        newest = letters(server)[0]["id"]
        assert dead(server, "drop", "orders", str(newest)).returncode == 0
        server.restart()
        poison(server)
        wait_for(lambda: len(letters(server)) == 2, 10, "another letter")
        assert letters(server)[0]["id"] > newest, letters(server)
        assert dead(server, "retry", "orders", str(newest)).returncode != 0


def test_who_put_a_letter_back_or_dropped_it_is_audited():
    with Server() as server:
        poison(server)
        letter = wait_for(lambda: letters(server), 10, "a letter")[0]
        dead(server, "retry", "orders", str(letter["id"]))
        again = wait_for(lambda: [one for one in letters(server) if one["id"] != letter["id"]], 10,
                         "the letter to die again")[0]
        dead(server, "drop", "orders", str(again["id"]))
        done = run_cli("audit", "list", "--data", server.data)
        assert done.returncode == 0, done.stderr
        for action, one in (("event.retried", letter), ("event.dropped", again)):
            line = next(line for line in done.stdout.splitlines() if action in line)
            assert f"orders/{one['id']}" in line and "expiration:complete" in line, line


def test_a_letter_nobody_listens_to_can_only_be_dropped():
    with Server() as server:
        server.publish("weather:rain", {"mm": 3})
        letter = wait_for(lambda: letters(server), 10, "the letter")[0]
        assert letter["service"] == "bus", letter
        done = dead(server, "retry", "bus", str(letter["id"]))
        assert done.returncode == 1 and "does not listen" in done.stderr, done
        assert dead(server, "drop", "bus", str(letter["id"])).returncode == 0
        assert letters(server) == []


def test_a_letter_of_the_runtimes_own_books_is_put_back_too():
    """No listener of tickets hears of banned users: what it runs in refuses their sessions."""
    with Server() as server:
        user = server.sign_up()
        done = run_cli("users", "ban", user.email, "--data", server.data)
        assert done.returncode == 0, done
        wait_quiet(server)
        server.stop()
        path = os.path.join(server.data, "tickets.db")
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM banned_users")
            db.execute("ATTACH ? AS auth", (os.path.join(server.data, "auth.db"),))
            db.execute("INSERT INTO bus_dead (source, seq, subject, payload, reason, dead_at_ms) "
                       "SELECT 'auth', seq, subject, payload, 'a test', created_at_ms FROM auth.outbox "
                       "WHERE subject = 'user:updated'")
        server.start()
        letter = letters(server)[0]
        assert letter["service"] == "tickets" and letter["subject"] == "user:updated", letter
        done = dead(server, "retry", "tickets", str(letter["id"]))
        assert done.returncode == 0 and "took effect" in done.stdout, done
        assert rows(server.data, "tickets", "SELECT COUNT(*) FROM banned_users") == [(1,)]


def test_mistakes_are_told():
    with Server() as server, Cases() as case:
        for words, status, wanted in [
                ([], 2, "needs a command"), (["burn"], 2, "has no command burn"),
                (["show"], 2, "takes SERVICE and ID"), (["show", "orders", "x"], 2, "takes SERVICE"),
                (["show", "orders", "1", "2"], 2, "one word too many"),
                (["show", "orders", "1", "--limit", "2"], 2, "are for events dead list"),
                (["list", "--limit", "&"], 2, "an option's value is not one"),
                (["list", "--limit", "101"], 1, "Limit must be at most 100"),
                (["list", "--limit", "0"], 1, "Must be a whole number"),
                (["list", "--service", "opera"], 1, "There is no such service here"),
                (["show", "opera", "1"], 1, "There is no such service here"),
                (["show", "orders", "7"], 1, "Not Found"), (["retry", "orders", "7"], 1, "Not Found"),
                (["drop", "orders", "7"], 1, "Not Found"), (["drop", "orders", "0"], 1, "Id must be")]:
            with case(" ".join(words)):
                done = dead(server, *words)
                assert done.returncode == status and wanted in done.stderr, done
        with case("outside"):
            expect(server.monitor().get("/streaming/dead"), 404)
            expect(server.client().post("/streaming/dead/drop", {"service": "orders", "id": 1}), 404)
