"""Proves the Stripe gateway and the webhook against a double nobody here wrote, with signatures made
by the official package."""

import json
import os
import time

from boxoffice import (Server, create_ticket, get_order, new_id, pay, reserve, run_cli, try_pay,
                       wait_order, wait_ticket)
from check import Cases, expect, expect_error, wait_for
from stripe_double import KEY, WEBHOOK_SECRET, Double, install

PARALLEL = 3  # each has a server and a processor of its own, and waits
WEBHOOK = "/api/payments/webhook"


def order_at(server, price=20):
    buyer = server.as_user()
    return buyer, reserve(buyer, create_ticket(server.as_user(), price=price)["id"])


def operator(server, *words):
    done = run_cli("payments", *words, "--data", server.data)
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.returncode


def webhook_body(kind, charge, **more):
    return json.dumps({"id": f"evt_{new_id()}", "object": "event", "type": kind,
                       "data": {"object": charge}, **more})


def send(server, stripe, body, **options):
    header = stripe.sign(body, **options)
    return server.client().post(WEBHOOK, raw=body.encode(), headers={"Stripe-Signature": header})


def received(answer):
    assert expect(answer, 200).json == {"received": True}, answer


def with_double(test):
    """Runs the test with a double and a server of its own that talks to it."""
    def run():
        with Double() as stripe, Server(env=stripe.environment()) as server:
            test(server, stripe)
            assert KEY not in server.log() and WEBHOOK_SECRET not in server.log()
            assert "tok_" not in server.log(), server.log()
    run.__name__ = test.__name__
    return run


def test_what_another_test_reads_is_not_written_again():
    files = [os.path.join(install(), name) for name in ("package.json", "double.js")]
    before = [os.stat(file) for file in files]
    install()
    for file, old in zip(files, before):
        new = os.stat(file)
        assert (new.st_ino, new.st_mtime_ns) == (old.st_ino, old.st_mtime_ns), file


@with_double
def test_a_charge_reaches_stripe_with_amount_and_metadata(server, stripe):
    buyer, order = order_at(server, 33.3)
    paid = pay(buyer, order["id"])
    charge = stripe.get(f"/v1/charges/{paid['stripeId']}")
    assert charge["amount"] == 3330 and charge["currency"] == "usd", charge
    assert charge["metadata"] == {"order_id": order["id"], "charge_id": paid["id"]}, charge
    done = wait_order(buyer, order["id"], "complete")
    assert done["payment"] == {"status": "captured", "stripeId": paid["stripeId"]}, done


def _failed(buyer, order_id):
    return get_order(buyer, order_id).get("payment", {}).get("status") == "failed"


@with_double
def test_declines_answer_402_and_bad_requests_400(server, stripe):
    buyer = server.as_user()
    with Cases() as case:
        for token, words in [("tok_chargeDeclined", "declined"),
                             ("tok_chargeDeclinedInsufficientFunds", "insufficient funds"),
                             ("tok_chargeDeclinedExpiredCard", "expired")]:
            with case(token):
                order = reserve(buyer, create_ticket(server.as_user())["id"])
                answer = expect(try_pay(buyer, order["id"], token), 402)
                assert words in answer.json["errors"][0]["message"], answer
                wait_for(lambda: _failed(buyer, order["id"]), 10, "the order to hear of it")
                pay(buyer, order["id"])
    assert stripe.tally()["doubled"] == []


@with_double
def test_what_the_processor_does_not_charge_is_not_listed(server, stripe):
    answer = server.as_user().post("/api/tickets", {"title": "Cheap", "price": 0.49})
    expect_error(answer, 400, "Price must be greater than 0", "price")
    assert "$0.50" in answer.json["errors"][0]["hint"], answer
    assert stripe.tally()["doubled"] == []


def test_a_charge_too_small_for_the_processor_is_refused_in_its_words():
    with Double() as stripe, Server(env={**stripe.environment(), "PRICE_MINIMUM": "0.01"}) as server:
        buyer, order = order_at(server, 0.01)
        expect_error(try_pay(buyer, order["id"]), 400, "Amount must be at least 50 cents")
        wait_order(buyer, order["id"], "created")


@with_double
def test_an_answer_that_says_nothing_is_asked_again_under_the_same_key(server, stripe):
    buyer, order = order_at(server)
    paid = wait_for(lambda: _if_paid(try_pay(buyer, order["id"], f"tok_429|tok_visa|{new_id()}")),
                    30, "a payment after a refusal to answer")
    wait_order(buyer, order["id"], "complete")
    assert stripe.tally()["charges"] == 1, stripe.tally()
    assert paid["stripeId"].startswith("ch_")


def _if_paid(answer):
    assert answer.status in (201, 503), answer
    return answer.json if answer.status == 201 else None


@with_double
def test_an_unclear_charge_is_answered_503_and_charges_nothing_else(server, stripe):
    buyer, order = order_at(server)
    again = b'<noscript><meta http-equiv="refresh"'
    assert again not in buyer.get(f"/orders/{order['id']}").body
    answer = try_pay(buyer, order["id"], "tok_500")
    assert answer.status == 503 and answer.headers["Retry-After"], answer
    assert answer.json["errors"][0]["code"] == "payment_pending", answer
    assert get_order(buyer, order["id"])["status"] == "awaiting:payment"
    assert again in buyer.get(f"/orders/{order['id']}").body, "without scripts it would say so for ever"
    assert try_pay(buyer, order["id"], "tok_visa").status == 503, "another card was charged"
    listed, _ = operator(server, "list", "--status", "unknown")
    assert len(listed) == 1 and listed[0]["orderId"] == order["id"], listed
    assert stripe.tally()["charges"] == 0


@with_double
def test_the_operator_gives_money_back_once(server, stripe):
    buyer, order = order_at(server)
    paid = pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    for _ in range(3):
        shown, code = operator(server, "refund", paid["id"])
        assert code == 0 and shown["status"] == "refunded", shown
    charge = stripe.get(f"/v1/charges/{paid['stripeId']}")
    assert charge["refunded"] and charge["amount_refunded"] == 2000, charge
    assert shown["refundId"] == charge["refunds"]["data"][0]["id"], charge
    done = wait_order(buyer, order["id"], "cancelled")
    assert done["payment"] == {"status": "refunded", "stripeId": paid["stripeId"],
                               "refundId": shown["refundId"]}, done
    wait_ticket(buyer, order["ticket"]["id"], None)
    audit, code = operator(server, "audit")
    assert code == 0 and audit["sound"] and set(audit["balances"].values()) == {0}, audit


@with_double
def test_a_refund_made_at_stripe_is_noticed_by_its_webhook(server, stripe):
    buyer, order = order_at(server)
    paid = pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    refund = stripe.post("/v1/refunds", charge=paid["stripeId"])
    body = webhook_body("charge.refunded", {"object": "charge", "id": paid["stripeId"]})
    for _ in range(3):
        received(send(server, stripe, body))
    done = wait_order(buyer, order["id"], "cancelled")
    assert done["payment"]["refundId"] == refund["id"], done
    audit, code = operator(server, "audit")
    assert code == 0 and audit["webhooks"] == [{"type": "charge.refunded", "count": 1}], audit


@with_double
def test_what_a_webhook_claims_is_not_believed(server, stripe):
    buyer, order = order_at(server)
    paid = pay(buyer, order["id"])
    complete = wait_order(buyer, order["id"], "complete")
    claim = {"object": "charge", "id": paid["stripeId"], "refunded": True, "status": "failed",
             "amount_refunded": 2000, "refunds": {"data": [{"id": "re_lie"}]}}
    for kind in ("charge.refunded", "charge.failed"):
        received(send(server, stripe, webhook_body(kind, claim)))
    received(send(server, stripe, webhook_body("charge.succeeded", {"id": "ch_of_somebody_else"})))
    received(send(server, stripe, webhook_body("customer.created", {"id": "cus_1"})))
    wait_for(lambda: "askAt" not in operator(server, "show", paid["id"])[0], 10, "the look")
    assert get_order(buyer, order["id"]) == complete
    assert operator(server, "show", paid["id"])[0]["status"] == "captured"


@with_double
def test_a_webhook_settles_what_got_no_answer(server, stripe):
    """The processor made the charge, then repeats a failure under its key: only looking helps."""
    buyer, order = order_at(server)
    assert try_pay(buyer, order["id"], "tok_500").status == 503
    unknown = operator(server, "list", "--status", "unknown")[0][0]
    charge = stripe.post("/v1/charges", amount=2000, currency="usd", source="tok_visa",
                         **{"metadata[charge_id]": unknown["id"]})
    body = webhook_body("charge.succeeded", {"id": charge["id"], "object": "charge",
                                             "metadata": {"charge_id": unknown["id"]}})
    received(send(server, stripe, body))
    done = wait_order(buyer, order["id"], "complete", 30)
    assert done["payment"]["stripeId"] == charge["id"], done
    assert stripe.tally()["doubled"] == []


@with_double
def test_only_a_fresh_signature_over_the_same_bytes_counts(server, stripe):
    body = webhook_body("charge.succeeded", {"id": "ch_1"})
    now = int(time.time())
    good = stripe.sign(body)
    post = server.client().post

    def refused(header, raw=body.encode(), kind="application/json"):
        headers = {"Content-Type": kind}
        if header is not None:
            headers["Stripe-Signature"] = header
        expect_error(post(WEBHOOK, raw=raw, headers=headers), 400, "Invalid signature")
    with Cases() as case:
        for label, header in [
                ("none", None), ("empty", ""), ("another secret", stripe.sign(body, "whsec_x")),
                ("stale", stripe.sign(body, timestamp=now - 310)),
                ("from the future", stripe.sign(body, timestamp=now + 310)),
                ("v0", good.replace("v1=", "v0=")), ("no time", good.split(",")[1]),
                ("another time", good.replace(f"t={now}"[:6], "t=1000", 1)),
                ("a time twice", f"t={now}," + good), ("cut", good[:-1])]:
            with case(label):
                refused(header)
        with case("a re-encoded body"):
            refused(good, json.dumps(json.loads(body), indent=1).encode())
        with case("another body"):
            refused(good, webhook_body("charge.succeeded", {"id": "ch_2"}).encode())
        with case("several signatures"):
            rotated = stripe.sign(body, "whsec_old") + "," + good.split(",")[1]
            time_of = good.split(",")[0]
            received(post(WEBHOOK, raw=body.encode(), headers={
                "Stripe-Signature": ",".join([time_of] + rotated.split(",")[1:])}))
        with case("signed rubbish"):
            for rubbish in ('{"id":"evt"}', '{"type":"x"}', '{"id":5,"type":[]}', "[]",
                            json.dumps({"id": "x" * 300, "type": "t"})):
                expect_error(send(server, stripe, rubbish), 400, "Something went wrong")
    assert operator(server, "audit")[0]["webhooks"] == [{"type": "charge.succeeded", "count": 1}]


def test_without_a_secret_there_is_no_webhook():
    with Server() as server:
        answer = server.client().post(WEBHOOK, {}, headers={"Stripe-Signature": "t=1,v1=00"})
        expect_error(answer, 404, "Not Found")


def test_a_wrong_key_charges_nobody_and_says_so_in_the_log():
    with Double() as stripe:
        env = {**stripe.environment(), "STRIPE_KEY": "sk_wrong_key_of_a_test"}
        with Server(env=env) as server:
            buyer, order = order_at(server)
            assert try_pay(buyer, order["id"]).status == 503
            wait_for(lambda: "stripe.key_refused" in server.log(), 10, "the log line")
            assert "sk_wrong" not in server.log()
            assert stripe.tally()["charges"] == 0


def test_a_gateway_that_is_not_there_answers_503_and_the_hold_ends():
    env = {"STRIPE_KEY": KEY, "STRIPE_API_BASE": "http://127.0.0.1:9",
           "ORDER_EXPIRATION_SECONDS": "2", "PAYMENT_GRACE_SECONDS": "5"}
    with Server(env=env) as server:
        buyer, order = order_at(server)
        assert try_pay(buyer, order["id"]).status == 503
        held = get_order(buyer, order["id"])
        assert held["status"] == "awaiting:payment" and held["expiresAt"] > order["expiresAt"], held
        wait_order(buyer, order["id"], "cancelled", 15)
        wait_ticket(buyer, order["ticket"]["id"], None)
        expect_error(try_pay(buyer, order["id"]), 400, "Cannot pay for a cancelled order")


@with_double
def test_a_payment_in_flight_survives_a_kill(server, stripe):
    """Killed while the processor gave no clear answer; driven on under the same key afterwards."""
    buyer, order = order_at(server)
    assert try_pay(buyer, order["id"], "tok_500").status == 503
    server.kill()
    server.start()
    buyer = server.as_user(buyer.user_id)
    unknown = operator(server, "list")[0]
    assert len(unknown) == 1 and unknown[0]["status"] == "unknown", unknown
    stripe.post("/v1/charges", amount=2000, currency="usd", source="tok_visa",
                **{"metadata[charge_id]": unknown[0]["id"]})
    wait_order(buyer, order["id"], "complete", 30)
    assert stripe.tally() == {"charges": 1, "doubled": [], "refunded": 0}
