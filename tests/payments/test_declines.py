"""Proves how many payments may come to nothing: of one order, one account and one address, with the
limits as they are by default."""

import concurrent.futures
import re
import uuid

from boxoffice import (LIMITS, Server, cancel, create_ticket, get_order, reserve, run_cli, try_pay,
                       wait_order)
from check import Cases, expect, expect_error, wait_for

LISTS_AND_HOLDS = {**LIMITS, "ORDERS_PER_MINUTE": "0", "LISTINGS_PER_MINUTE": "0",
                   "UNPAID_ORDERS_PER_USER": "0", "UNPAID_ORDERS_PER_ADDRESS": "0",
                   "HOLDS_PER_HOUR": "0"}  # what is counted here is payments alone
SERVER = {"env": {**LISTS_AND_HOLDS, "TRUSTED_PROXIES": "127.0.0.1"}}
OF_ORDER, OF_ACCOUNT, OF_ADDRESS = 8, 20, 40
addresses = iter(f"203.0.{n // 250}.{n % 250 + 1}" for n in range(60000))
BAD = ("tok_chargeDeclined", "tok_noSuchCard")  # a declined card, a wrong token
TOO_MANY = "Too many payments came to nothing, try again later"


def orders_of(server, count, buyer=None):
    buyer = buyer or server.as_user()
    seller = server.as_user()
    return buyer, [reserve(buyer, create_ticket(seller)["id"])["id"] for _ in range(count)]


def tries(buyer, order_id, token, address):
    body = {"token": token, "orderId": order_id}

    def once():
        answer = buyer.post("/api/payments", body, headers={"X-Forwarded-For": address})
        return None if answer.status == 404 else answer
    return wait_for(once, 10, "payments to know the order")


def refused(answer, most_s):
    expect_error(answer, 429, TOO_MANY)
    assert answer.json["errors"][0]["code"] == "too_many_declines", answer
    text = answer.headers.get("Retry-After", "")
    assert re.fullmatch(r"[1-9]\d*", text) and int(text) <= most_s, text


def limited(server, what):
    text = server.monitor().get("/metrics").body.decode()
    return int(re.search(rf'boxoffice_payments_limited_total{{limit="{what}"}} (\d+)', text)[1])


def test_an_order_takes_eight_failures_then_waits_unharmed(server):
    buyer, (order,) = orders_of(server, 1)
    before = limited(server, "order")
    for n in range(OF_ORDER):
        assert tries(buyer, order, BAD[n % 2], next(addresses)).status == (402, 400)[n % 2]
    wait_order(buyer, order, "created")
    for token in ("tok_visa", *BAD):
        refused(tries(buyer, order, token, next(addresses)), 900)
    assert get_order(buyer, order)["status"] == "created"
    assert limited(server, "order") == before + 3
    cancel(buyer, order)


def test_an_account_fails_twenty_times_an_hour_on_however_many_orders(server):
    buyer, orders = orders_of(server, 5)
    for n in range(OF_ACCOUNT):
        expect(tries(buyer, orders[n % 4], BAD[0], next(addresses)), 402)
    refused(tries(buyer, orders[4], "tok_visa", next(addresses)), 3600)
    assert get_order(buyer, orders[4])["status"] == "created"
    _, (other,) = orders_of(server, 1, someone := server.as_user())
    expect(tries(someone, other, "tok_visa", next(addresses)), 201)


def test_many_attempts_at_once_are_no_more_than_one_by_one(server):
    buyer, orders = orders_of(server, 30)
    clients = [server.as_user(buyer.user_id) for _ in orders]
    with concurrent.futures.ThreadPoolExecutor(len(orders)) as pool:
        answers = list(pool.map(lambda one: tries(*one),
                                [(client, order, BAD[0], next(addresses))
                                 for client, order in zip(clients, orders)]))
    assert sum(answer.status == 402 for answer in answers) <= OF_ACCOUNT, answers
    assert {answer.status for answer in answers} <= {402, 429}, answers


def test_an_address_fails_forty_times_an_hour_under_however_many_accounts(server):
    address = next(addresses)
    for _ in range(OF_ADDRESS // 8):
        buyer, orders = orders_of(server, 2)
        for n in range(8):
            expect(tries(buyer, orders[n % 2], BAD[0], address), 402)
    buyer, (order,) = orders_of(server, 1)
    refused(tries(buyer, order, "tok_visa", address), 3600)
    expect(tries(buyer, order, "tok_visa", next(addresses)), 201)
    wait_order(buyer, order, "complete")


def test_payments_that_succeed_count_for_nothing(server):
    address = next(addresses)
    buyer, orders = orders_of(server, 2 * OF_ACCOUNT)
    for order in orders:
        expect(tries(buyer, order, "tok_visa", address), 201)


def test_a_refused_attempt_leaves_no_row_and_a_restart_forgets_nothing():
    with Server(env=LISTS_AND_HOLDS) as server:
        buyer, (order,) = orders_of(server, 1)
        for _ in range(OF_ORDER):
            expect(try_pay(buyer, order, BAD[0]), 402)
        server.restart()
        buyer = server.as_user(buyer.user_id)
        for _ in range(20):
            refused(try_pay(buyer, order), 900)
        listed = run_cli("payments", "list", "--limit", "200", "--data", server.data)
        assert listed.stdout.count(order) == OF_ORDER, listed


def test_a_limit_of_0_is_none_and_another_number_counts():
    env = {"DECLINES_PER_ORDER": "0", "DECLINES_PER_ACCOUNT": "12", "DECLINES_PER_ADDRESS": "0"}
    with Server(env=env) as server:
        buyer, (order,) = orders_of(server, 1)
        for _ in range(12):
            expect(try_pay(buyer, order, BAD[0]), 402)
        refused(try_pay(buyer, order), 3600)


def test_what_is_no_card_token_is_refused_and_stored_nowhere(server):
    buyer, (order,) = orders_of(server, 1)
    number = "4242424242424242"
    with Cases() as case:
        for token in (number, "4000 0000 0000 0002", "tok_", "pm_", "src_visa", "tok visa",
                      "TOK_visa", " tok_visa", "tok_" + "a" * 252, uuid.uuid4().hex):
            with case(token):
                expect_error(tries(buyer, order, token, next(addresses)), 400, "Invalid value",
                             "token")
    listed = run_cli("payments", "list", "--data", server.data)
    assert order not in listed.stdout, listed
    expect(tries(buyer, order, "tok_visa", next(addresses)), 201)
