"""Proves that a row with a word nobody knows is that row's error alone: a newer version wrote it, or
something else did. What asks for it is refused; all else is served, and nothing stops."""

import os
import sqlite3

from boxoffice import TEST_PASSWORD, Server, buy, create_ticket, get_order, reserve, run_cli
from check import expect, wait_for

PARALLEL = 3


def spoil(server, service, statement, *values):
    """Writes what the table's own checks would refuse, while nobody runs."""
    with sqlite3.connect(os.path.join(server.data, f"{service}.db")) as db:
        db.execute("PRAGMA ignore_check_constraints = 1")
        assert db.execute(statement, values).rowcount == 1
    db.close()


def test_an_order_in_an_unknown_state_is_refused_and_the_others_are_served():
    with Server() as server:
        seller, buyer = server.as_user(), server.as_user()
        bad, good = (reserve(buyer, create_ticket(seller)["id"])["id"] for _ in range(2))
        server.stop()
        spoil(server, "orders", "UPDATE orders SET status = 'frozen' WHERE id = ?", bad)
        server.start()
        buyer = server.as_user(buyer.user_id)
        for answer in (buyer.get(f"/api/orders/{bad}"), buyer.delete(f"/api/orders/{bad}")):
            expect(answer, 500)
            assert answer.json["errors"][0]["code"] == "unreadable_row", answer
        listed = expect(buyer.get("/api/orders"), 200).json
        assert [order["id"] for order in listed] == [good]
        assert get_order(buyer, good)["status"] == "created"
        buy(buyer, create_ticket(server.as_user())["id"])
        assert "row.unreadable" in server.log()
        assert server.process.poll() is None


def test_an_event_for_an_unreadable_order_is_a_dead_letter_and_the_next_is_applied():
    with Server() as server:
        seller, buyer = server.as_user(), server.as_user()
        order = reserve(buyer, create_ticket(seller)["id"])["id"]
        server.stop()
        spoil(server, "orders", "UPDATE orders SET status = 'frozen' WHERE id = ?", order)
        server.start()
        buyer = server.as_user(buyer.user_id)
        body = {"token": "tok_visa", "orderId": order}
        wait_for(lambda: buyer.post("/api/payments", body).status == 201, 10, "paid")
        buy(buyer, create_ticket(server.as_user())["id"])
        with sqlite3.connect(os.path.join(server.data, "orders.db")) as db:
            wait_for(lambda: db.execute("SELECT COUNT(*) FROM bus_dead").fetchone()[0] > 0, 10,
                     "a dead letter")
        db.close()
        assert server.process.poll() is None


def test_an_order_copy_of_an_unknown_state_cannot_be_paid_for_and_others_can():
    with Server() as server:
        seller, buyer = server.as_user(), server.as_user()
        order = reserve(buyer, create_ticket(seller)["id"])["id"]
        buy(buyer, create_ticket(seller)["id"])  # payments has heard of both
        server.stop()
        spoil(server, "payments", "UPDATE order_copies SET status = 'frozen' WHERE id = ?", order)
        server.start()
        buyer = server.as_user(buyer.user_id)
        expect(buyer.post("/api/payments", {"token": "tok_visa", "orderId": order}), 500)
        buy(buyer, create_ticket(server.as_user())["id"])
        assert server.process.poll() is None


def sign_in(server, user):
    client = server.client()
    body = {"email": user.email, "password": TEST_PASSWORD}
    return client, client.post("/api/users/signin", body)


def test_a_user_in_an_unknown_state_cannot_sign_in_and_the_others_can():
    with Server() as server:
        bad, good = server.sign_up(), server.sign_up()
        server.stop()
        spoil(server, "auth", "UPDATE users SET status = 'asleep' WHERE id = ?", bad.user_id)
        server.start()
        answer = expect(sign_in(server, bad)[1], 500)
        assert answer.json["errors"][0]["code"] == "unreadable_row", answer
        expect(sign_in(server, good)[1], 200)
        assert '"table":"users"' in server.log() and "asleep" in server.log()
        assert server.process.poll() is None


def test_a_role_nobody_knows_is_told_in_the_log_and_the_other_roles_hold():
    with Server() as server:
        user = server.sign_up()
        for role in ("catalogue", "finance"):
            ran = run_cli("users", "grant", user.email, role, "--data", server.data)
            assert ran.returncode == 0, ran
        server.stop()
        spoil(server, "auth", "UPDATE user_roles SET role = 'owner' WHERE role = 'finance' "
              "AND user_id = ?", user.user_id)
        server.start()
        client, answer = sign_in(server, user)
        expect(answer, 200)
        current = expect(client.get("/api/users/currentuser"), 200).json["currentUser"]
        assert current["roles"] == ["catalogue"], current
        assert '"table":"user_roles"' in server.log() and '"word":"owner"' in server.log()
