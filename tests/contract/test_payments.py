"""Proves the payments rows of the contract, on the built-in sandbox gateway."""

import concurrent.futures

from boxoffice import (cancel, create_ticket, get_order, new_id, pay, reserve, try_pay, wait_order,
                       wait_ticket)
from check import (Cases, expect, expect_error, expect_errors, expect_id, expect_not_authorized,
                   expect_not_found, expect_something_wrong, wait_for)

PARALLEL = 6

TOKEN = ("Invalid value", "token")
ORDER_ID = ("Invalid value", "orderId")
DECLINES = [("tok_chargeDeclined", "declined"),
            ("tok_chargeDeclinedInsufficientFunds", "insufficient funds"),
            ("tok_chargeDeclinedExpiredCard", "expired"),
            ("tok_chargeDeclinedIncorrectCvc", "security code"),
            ("tok_chargeDeclinedProcessingError", "processing")]


def new_order(server, buyer, price=20):
    return reserve(buyer, create_ticket(server.as_user(), price=price)["id"])


def payment(token, order_id):
    return {"token": token, "orderId": order_id}


def test_paying_answers_201_and_completes_the_order(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    paid = pay(buyer, order["id"])
    expect_id(paid["id"])
    assert paid["orderId"] == order["id"] and paid["stripeId"].startswith("ch_"), paid
    complete = wait_order(buyer, order["id"], "complete")
    assert complete["ticket"]["price"] == order["ticket"]["price"], complete
    assert wait_ticket(buyer, order["ticket"]["id"], order["id"])


def test_the_usual_test_cards_pay(server):
    buyer = server.as_user()
    with Cases() as case:
        for token in ("tok_visa", "tok_mastercard"):
            with case(token):
                order = new_order(server, buyer)
                assert pay(buyer, order["id"], token)["stripeId"].startswith("ch_")
                wait_order(buyer, order["id"], "complete")


def test_two_payments_have_two_charges(server):
    buyer = server.as_user()
    first, second = (pay(buyer, new_order(server, buyer)["id"]) for _ in range(2))
    assert first["stripeId"] != second["stripeId"] and first["id"] != second["id"]


def test_the_smallest_and_the_largest_price_can_be_paid(server):
    buyer = server.as_user()
    for price in (0.01, 999999.99):
        order = new_order(server, buyer, price)
        pay(buyer, order["id"])
        assert wait_order(buyer, order["id"], "complete")["ticket"]["price"] == price


def test_paying_needs_a_session(server):
    order = new_order(server, server.as_user())
    expect_not_authorized(server.client().post("/api/payments", payment("tok_visa", order["id"])))
    expect_not_authorized(server.client().post("/api/payments", {}))
    expect_something_wrong(server.client().post("/api/payments", raw=b"{"))


def test_paying_needs_a_token_and_an_order(server):
    buyer = server.as_user()
    with Cases() as case:
        for token in ["", None, 5, True, [], {}]:
            with case(("token", token)):
                answer = buyer.post("/api/payments", payment(token, new_id()))
                expect_error(answer, 400, *TOKEN)
        for order_id in ["", "abc", new_id() + "0", None, 5, True, [], {}]:
            with case(("orderId", order_id)):
                answer = buyer.post("/api/payments", payment("tok_visa", order_id))
                expect_error(answer, 400, *ORDER_ID)
        for body in [{}, {"orderId": "", "token": ""}]:
            with case(body):
                expect_errors(buyer.post("/api/payments", body), 400, [TOKEN, ORDER_ID])
        with case("no body"):
            expect_errors(buyer.post("/api/payments"), 400, [TOKEN, ORDER_ID])


def test_an_unknown_order_cannot_be_paid(server):
    expect_not_found(server.as_user().post("/api/payments", payment("tok_visa", new_id())))


def test_someone_elses_order_cannot_be_paid(server):
    buyer, other = server.as_user(), server.as_user()
    order = new_order(server, buyer)
    expect_not_authorized(try_pay(other, order["id"]))
    assert get_order(buyer, order["id"])["status"] == "created"
    cancel(buyer, order["id"])
    expect_not_authorized(try_pay(other, order["id"]))


def test_a_cancelled_order_cannot_be_paid(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    wait_ticket(buyer, order["ticket"]["id"], order["id"])
    cancel(buyer, order["id"])
    wait_ticket(buyer, order["ticket"]["id"], None)

    def refused():
        answer = try_pay(buyer, order["id"], "tok_chargeDeclined")
        return answer if answer.status != 402 else None
    expect_error(wait_for(refused, 10, "payments to hear of the cancellation"), 400,
                 "Cannot pay for a cancelled order")
    expect_error(try_pay(buyer, order["id"]), 400, "Cannot pay for a cancelled order")


def test_an_order_is_paid_once(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    paid = pay(buyer, order["id"])
    expect_error(try_pay(buyer, order["id"], "tok_mastercard"), 400, "Order is already paid")
    expect_error(try_pay(buyer, order["id"], "tok_chargeDeclined"), 400, "Order is already paid")
    wait_order(buyer, order["id"], "complete")

    def refused():  # the same card gets the same answer until payments hears that it is complete
        answer = try_pay(buyer, order["id"])
        assert answer.status == 400 or answer.json == paid, answer
        return answer if answer.status == 400 else None
    expect_error(wait_for(refused, 10, "payments to hear of the completion"), 400,
                 "Order is already paid")
    for _ in range(3):
        expect_error(try_pay(buyer, order["id"]), 400, "Order is already paid")
    expect_not_authorized(try_pay(server.as_user(), order["id"]))


def test_a_double_click_pays_once(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
    clicks = [server.as_user(buyer.user_id) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: try_pay(one, order["id"]), clicks))
    paid = [answer.json for answer in answers if answer.status == 201]
    assert paid, answers
    assert len({one["stripeId"] for one in paid}) == 1, f"charged more than once: {paid}"
    for answer in answers:
        if answer.status != 201:
            expect_error(answer, 400, "Order is already paid")
    wait_order(buyer, order["id"], "complete")


def test_a_declined_card_answers_402_in_the_processors_words(server):
    buyer = server.as_user()
    with Cases() as case:
        for token, words in DECLINES:
            with case(token):
                order = new_order(server, buyer)
                answer = expect(try_pay(buyer, order["id"], token), 402)
                errors = answer.json["errors"]
                assert len(errors) == 1 and words in errors[0]["message"], errors
                assert "field" not in errors[0], errors


def test_a_declined_order_stays_payable(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    for _ in range(2):
        expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
    wait_order(buyer, order["id"], "created")
    expect_error(server.as_user().post("/api/orders", {"ticketId": order["ticket"]["id"]}), 400,
                 "Ticket is already reserved")
    pay(buyer, order["id"])
    complete = wait_order(buyer, order["id"], "complete")
    assert complete["version"] >= 1, complete


def test_a_declined_order_can_be_cancelled(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
    wait_order(buyer, order["id"], "created")
    cancel(buyer, order["id"])
    assert get_order(buyer, order["id"])["status"] == "cancelled"
    wait_ticket(buyer, order["ticket"]["id"], None)


def test_an_unknown_token_is_refused_and_costs_nothing(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    with Cases() as case:
        for token in ["tok_nonsense", "visa", "x" * 5000, "tok_visa ", "\N{CREDIT CARD}"]:
            with case(token):
                answer = try_pay(buyer, order["id"], token)
                assert 400 <= answer.status < 500, answer
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")


def test_an_order_id_may_be_in_either_case(server):
    buyer = server.as_user()
    order = new_order(server, buyer)
    assert pay(buyer, order["id"].upper())["orderId"] == order["id"]


def test_payments_have_no_other_routes(server):
    buyer = server.as_user()
    for method in ("GET", "PUT", "DELETE"):
        expect_not_found(buyer.request(method, "/api/payments"))
