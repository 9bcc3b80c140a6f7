"""Proves what happens around a payment, on the built-in sandbox gateway: the hold, one submit one
charge, late money, refunds, the operator's commands, bad input."""

import concurrent.futures
import json
import pathlib

from boxoffice import (Server, buy, cancel, create_ticket, get_order, new_id, pay, reserve, run_cli,
                       try_pay, wait_order, wait_ticket)
from check import (Cases, expect, expect_error, expect_not_authorized, expect_not_found, stays,
                   wait_for)

PARALLEL = 4


def new_order(server, buyer, price=20):
    return reserve(buyer, create_ticket(server.as_user(), price=price)["id"])


def post(buyer, order_id, token="tok_visa", key=None):
    headers = {"Idempotency-Key": key} if key is not None else None
    body = {"token": token, "orderId": order_id}
    return wait_for(lambda: _unless_missing(buyer.post("/api/payments", body, headers=headers)))


def _unless_missing(answer):
    return None if answer.status == 404 else answer


def operator(server, *words):
    return run_cli("payments", *words, "--data", server.data)


def shown(server, *words):
    done = operator(server, *words)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def files_with(folder, text):
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and text.encode() in path.read_bytes():
            found.append(path.name)
    return found


# --- what stays on the disk

def test_no_byte_of_a_token_stays_on_the_disk_once_its_charge_is_settled(server):
    buyer = server.as_user()
    token = f"tok_{new_id()}"
    order = new_order(server, buyer)
    expect(post(buyer, order["id"], token), 400)
    wait_for(lambda: not files_with(server.data, token), 40, "the token to leave the disk")
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    assert shown(server, "audit")["sound"]


# --- one submit, one charge

def test_fifty_submits_at_once_make_one_charge(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    post(buyer, order["id"], "tok_chargeDeclined")  # payments knows the order
    clients = [server.as_user(buyer.user_id) for _ in range(50)]
    body = {"token": "tok_visa", "orderId": order["id"]}
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda one: one.post("/api/payments", body), clients))
    paid = {answer.body for answer in answers if answer.status == 201}
    assert len(paid) == 1, paid
    for answer in answers:
        if answer.status != 201:  # after payments heard that the order is complete
            expect_error(answer, 400, "Order is already paid")
    charges = [one for one in shown(server, "list", "--limit", "200")
               if one["orderId"] == order["id"]]
    assert sorted(one["status"] for one in charges) == ["captured", "declined"], charges


def test_fifty_submits_at_once_under_one_key_get_one_answer(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    key = new_id()
    clients = [server.as_user(buyer.user_id) for _ in range(50)]
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda one: post(one, order["id"], key=key), clients))
    assert {answer.status for answer in answers} == {201}, answers
    assert len({answer.body for answer in answers}) == 1, answers
    wait_order(buyer, order["id"], "complete")
    again = [post(buyer, order["id"], key=key) for _ in range(50)]
    assert {answer.body for answer in again} == {answers[0].body}, again


def test_a_key_stands_for_one_body_of_one_user(server):
    buyer, other = server.as_user(), server.as_user()
    first, second = new_order(server, buyer), new_order(server, buyer)
    key = f"key of {new_id()}"
    paid = expect(post(buyer, first["id"], key=key), 201)
    reused = "Idempotency-Key was used with another request"
    expect_error(post(buyer, first["id"], "tok_mastercard", key), 409, reused)
    expect_error(post(buyer, second["id"], key=key), 409, reused)
    theirs = new_order(server, other)
    assert expect(post(other, theirs["id"], key=key), 201).body != paid.body
    assert get_order(buyer, second["id"])["status"] == "created"


def test_a_decline_under_a_key_is_repeated_not_charged_again(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    key = new_id()
    for _ in range(4):
        expect(post(buyer, order["id"], "tok_chargeDeclined", key), 402)
    wait_order(buyer, order["id"], "created")
    expect(post(buyer, order["id"], key=new_id()), 201)
    expect(post(buyer, order["id"], "tok_chargeDeclined", key), 402)
    wait_order(buyer, order["id"], "complete")


def test_an_answer_without_a_charge_is_not_kept_for_a_key(server):
    buyer = server.as_user()
    key = new_id()
    expect_not_found(buyer.post("/api/payments", {"token": "tok_visa", "orderId": new_id()},
                                headers={"Idempotency-Key": key}))
    order = new_order(server, buyer)
    expect(post(buyer, order["id"], key=key), 201)


def test_a_key_is_1_to_255_printable_characters(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    with Cases() as case:
        for key in ("", "x" * 256, "caf\xe9"):
            with case(key):
                expect_error(post(buyer, order["id"], key=key), 400, "Invalid value",
                             "Idempotency-Key")
    expect(post(buyer, order["id"], key="x" * 255), 201)


# --- the hold

def test_declined_cards_never_end_an_order(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    for count in range(1, 8):
        expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
        held = wait_for(lambda: _failed(buyer, order["id"], 2 * count))
        assert held["status"] == "created" and held["expiresAt"] == order["expiresAt"], held
    expect(try_pay(buyer, order["id"]), 201)
    wait_order(buyer, order["id"], "complete")


def _failed(buyer, order_id, version):
    order = get_order(buyer, order_id)
    return order if order["version"] == version else None


def test_a_wrong_token_is_no_decline(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    for count in range(1, 6):
        expect_error(try_pay(buyer, order["id"], "tok_nonsense"), 400, "Invalid value", "token")
        assert wait_for(lambda: _failed(buyer, order["id"], 2 * count))["status"] == "created"
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")


def test_a_decline_near_the_end_leaves_a_minute_once():
    with Server(env={"ORDER_EXPIRATION_SECONDS": "5"}) as server:
        buyer = server.as_user()
        order = new_order(server, buyer)
        expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
        held = wait_for(lambda: _failed(buyer, order["id"], 2))
        assert held["status"] == "created" and held["expiresAt"] > order["expiresAt"], held
        stays(lambda: get_order(buyer, order["id"])["status"] == "created", 6)
        expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
        again = wait_for(lambda: _failed(buyer, order["id"], 4))
        assert again["expiresAt"] == held["expiresAt"], again
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")


def test_the_payment_is_part_of_the_order_and_of_its_etag(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    assert "payment" not in get_order(buyer, order["id"])
    path = f"/api/orders/{order['id']}"
    before = buyer.get(path).headers["ETag"]
    paid = pay(buyer, order["id"])
    done = wait_order(buyer, order["id"], "complete")
    assert done["payment"] == {"status": "captured", "stripeId": paid["stripeId"]}, done
    answer = buyer.get(path)
    assert answer.headers["ETag"] != before, answer.headers
    assert buyer.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status == 304
    assert done in expect(buyer.get("/api/orders"), 200).json


# --- late money

def late_payment(server, order_id):
    """The news of a capture that took its time, as payments would tell it."""
    payment = {"id": new_id(), "orderId": order_id}
    server.publish("payment:created", {**payment, "stripeId": f"ch_{payment['id']}"})
    return payment["id"]


def test_late_money_revives_an_order_whose_ticket_is_free():
    with Server() as server:
        buyer = server.as_user()
        order = new_order(server, buyer)
        cancel(buyer, order["id"])
        wait_ticket(buyer, order["ticket"]["id"], None)
        late_payment(server, order["id"])
        wait_order(buyer, order["id"], "complete")
        ticket = wait_ticket(buyer, order["ticket"]["id"], order["id"])
        assert ticket["sold"] is True, ticket


def test_late_money_for_a_taken_ticket_is_rejected_once():
    with Server() as server, server.listen("payment:rejected") as rejected:
        buyer, competitor = server.as_user(), server.as_user()
        order = new_order(server, buyer)
        cancel(buyer, order["id"])
        wait_ticket(buyer, order["ticket"]["id"], None)
        taken = buy(competitor, order["ticket"]["id"])
        payment_id = late_payment(server, order["id"])
        seen = wait_for(lambda: _refund_pending(buyer, order["id"]))
        assert seen["status"] == "cancelled", seen
        for _ in range(2):
            server.publish("payment:created", {"id": payment_id, "orderId": order["id"],
                                               "stripeId": f"ch_{payment_id}"})
        message = rejected.wait_count(1)[0]["data"]
        assert message["id"] == payment_id and message["orderId"] == order["id"], message
        refunded = {"id": payment_id, "orderId": order["id"], "refundId": "re_late"}
        for _ in range(2):
            server.publish("payment:refunded", refunded)
        done = wait_for(lambda: _refunded(buyer, order["id"]))
        assert done["payment"] == {"status": "refunded", "stripeId": f"ch_{payment_id}",
                                   "refundId": "re_late"}, done
        stays(lambda: len(rejected.messages) == 1, 0.3)
        assert get_order(competitor, taken["id"])["status"] == "complete"


def _refund_pending(buyer, order_id):
    order = get_order(buyer, order_id)
    return order if order.get("payment", {}).get("status") == "refund_pending" else None


def _refunded(buyer, order_id):
    order = get_order(buyer, order_id)
    return order if order.get("payment", {}).get("status") == "refunded" else None


def test_rejected_money_goes_back_in_full_and_once():
    with Server() as server, server.listen("payment:refunded") as refunds:
        buyer = server.as_user()
        order = new_order(server, buyer)
        paid = pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        for _ in range(3):
            server.publish("payment:rejected", {"id": paid["id"], "orderId": order["id"],
                                                "reason": "a test"})
        done = wait_for(lambda: _refunded(buyer, order["id"]))
        refund = refunds.wait_count(1)[0]["data"]
        assert refund == {"id": paid["id"], "orderId": order["id"],
                          "refundId": done["payment"]["refundId"], "notice": 1}, refund
        stays(lambda: len(refunds.messages) == 1, 0.3)
        audit = shown(server, "audit")
        assert audit["sound"] and set(audit["balances"].values()) == {0}, audit


# --- the operator

def test_a_refund_cancels_the_order_and_frees_the_ticket():
    with Server() as server:
        buyer = server.as_user()
        order = buy(buyer, create_ticket(server.as_user())["id"])
        payment = shown(server, "list")[0]
        assert payment["stripeId"] == order["payment"]["stripeId"], payment
        assert shown(server, "show", payment["id"]) == payment
        refunded = shown(server, "refund", payment["id"])
        assert refunded["status"] == "refunded" and refunded["refundId"], refunded
        done = wait_order(buyer, order["id"], "cancelled")
        assert done["payment"]["refundId"] == refunded["refundId"], done
        wait_ticket(buyer, order["ticket"]["id"], None)
        buy(server.as_user(), order["ticket"]["id"])
        audit = wait_for(lambda: _quiet(server))
        assert audit["balances"] == {"buyer": -20, "held": 0, "revenue": 20, "refund": 0,
                                     "chargeback": 0}, audit


def _quiet(server):
    audit = shown(server, "audit")
    return audit if audit["balances"]["held"] == 0 else None


def test_a_refund_that_fails_can_be_tried_again_and_is_owed_until_then():
    with Server() as server:
        buyer = server.as_user()
        order = new_order(server, buyer)
        paid = pay(buyer, order["id"], "tok_refundFail")
        wait_order(buyer, order["id"], "complete")
        for _ in range(2):
            done = operator(server, "refund", paid["id"])
            assert done.returncode == 1, done
            failed = json.loads(done.stdout)
            assert failed["status"] == "refund_failed" and failed["reason"], failed
        audit = shown(server, "audit")
        assert audit["balances"] == {"buyer": -20, "held": 0, "revenue": 0, "refund": 20,
                                     "chargeback": 0}, audit
        assert get_order(buyer, order["id"])["status"] == "complete"
        server.restart()
        assert shown(server, "show", paid["id"])["status"] == "refund_failed"


def test_what_was_not_captured_cannot_be_given_back():
    with Server() as server:
        buyer = server.as_user()
        order = new_order(server, buyer)
        expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
        declined = shown(server, "list", "--status", "declined")[0]
        done = operator(server, "refund", declined["id"])
        assert done.returncode == 1 and "no money" in done.stderr, done
        done = operator(server, "refund", new_id())
        assert done.returncode == 1 and done.stderr, done


def test_the_audit_finds_a_complete_order_without_money():
    with Server() as server:
        buyer = server.as_user()
        order = new_order(server, buyer)
        late_payment(server, order["id"])  # claims a charge that payments never made
        wait_order(buyer, order["id"], "complete")

        def found():
            done = operator(server, "audit")
            return done if done.returncode == 1 else None
        audit = json.loads(wait_for(found).stdout)
        assert not audit["sound"] and audit["findings"] == [
            {"check": "a complete order has no money", "chargeId": "", "orderId": order["id"]}]


def test_the_operators_routes_are_not_on_the_network(server):
    client = server.as_user()
    for method, path in (("GET", "/operator/payments"), ("GET", "/operator/audit"),
                         ("GET", f"/operator/payments/{new_id()}"),
                         ("POST", f"/operator/payments/{new_id()}/refund")):
        expect_not_found(client.request(method, path))


def test_bad_commands_are_refused_with_usage(server):
    with Cases() as case:
        for words in ([], ["nonsense"], ["show"], ["show", "abc"], ["refund"],
                      ["refund", new_id(), "more"], ["audit", "more"], ["list", "more"],
                      ["list", "--status", "a&b"], ["show", new_id(), "--limit", "3"],
                      ["list", "--nonsense"]):
            with case(words):
                done = operator(server, *words)
                assert done.returncode == 2 and done.stderr, done
        with case("an unknown status"):
            done = operator(server, "list", "--status", "lost")
            assert done.returncode == 1 and "Unknown status" in done.stderr, done


# --- bad input

def test_bad_input_is_answered_clearly_and_changes_nothing(server):
    buyer, other = server.as_user(), server.as_user()
    order = new_order(server, buyer)
    expect_error(try_pay(buyer, order["id"], "tok_nonsense"), 400, "Invalid value", "token")
    before = wait_for(lambda: _failed(buyer, order["id"], 2))
    with Cases() as case:
        with case("someone else's order"):
            expect_not_authorized(try_pay(other, order["id"]))
        with case("no such order"):
            expect_not_found(buyer.post("/api/payments",
                                        {"token": "tok_visa", "orderId": new_id()}))
        for extra in ({"amount": 1}, {"price": 0}, {"currency": "jpy"}, {"status": "complete"}):
            with case(extra):  # ignored, and the order's own price is charged
                mine = new_order(server, buyer, 999.99)
                body = {"token": "tok_visa", "orderId": mine["id"], **extra}
                wait_for(lambda: buyer.post("/api/payments", body).status == 201)
                wait_order(buyer, mine["id"], "complete")
                found = [one for one in shown(server, "list", "--limit", "200")
                         if one["orderId"] == mine["id"]]
                assert [one["amount"] for one in found] == [999.99], found
        for token in ("tok visa", "tok_\n", "x" * 256, "\u00e9", "", None, 7, ["tok_visa"]):
            with case(token):
                expect_error(buyer.post("/api/payments",
                                        {"token": token, "orderId": order["id"]}),
                             400, "Invalid value", "token")
    assert get_order(buyer, order["id"]) == before


def test_bad_settings_stop_the_start():
    with Cases() as case:
        for name, value in (("PAYMENT_GRACE_SECONDS", "-1"), ("PAYMENT_GRACE_SECONDS", "3601"),
                            ("PAYMENT_GRACE_SECONDS", "1.5"), ("STRIPE_KEY", "pk_test_public"),
                            ("STRIPE_KEY", "sk_test_with space"), ("STRIPE_KEY", "sk_" + "x" * 300),
                            ("STRIPE_API_BASE", "https://example.test"),
                            ("STRIPE_WEBHOOK_SECRET", "two words")):
            with case((name, value)):
                done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/nonexistent/data",
                               env={name: value})
                assert done.returncode == 1 and name in done.stderr, done
                assert value not in done.stderr or len(value) < 5, "shows the value"
        for base in ("http://example.test:80", "ftp://127.0.0.1:1", "https://", "api.stripe.com",
                     "https://api.stripe.com/", "http://127.0.0.1:"):
            with case(base):
                done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/nonexistent/data",
                               env={"STRIPE_KEY": "sk_test_x", "STRIPE_API_BASE": base})
                assert done.returncode == 1 and "STRIPE_API_BASE" in done.stderr, done
