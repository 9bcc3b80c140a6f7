"""Proves that an unpaid order expires: in time, never early, across restarts; paid ones stay."""

import concurrent.futures
import datetime
import time

from boxoffice import (Server, buy, cancel, create_ticket, expect, get_order, pay, reserve, try_pay,
                       try_reserve, wait_for, wait_order, wait_ticket)
from check import expect_error, slow_factor, stays

SERVER = {"env": {"ORDER_EXPIRATION_SECONDS": "1"}}
PARALLEL = 6
LATE_S_MAX = 1.0
ORDERS = 200


def expires_at(order):
    moment = datetime.datetime.strptime(order["expiresAt"], "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def watch_expiry(buyer, order):
    """Polls until the order is cancelled; fails when that is early or late. Returns how late."""
    due = expires_at(order)
    while True:
        asked = time.time()
        status = get_order(buyer, order["id"])["status"]
        answered = time.time()
        if status == "cancelled":
            assert answered >= due, f"{due - answered:.3f} s early"
            return answered - due
        assert status == "created", status
        late = asked - due
        assert late < LATE_S_MAX * slow_factor(), f"not expired {late:.3f} s after it was due"
        time.sleep(0.01)


def test_an_unpaid_order_expires_in_time_and_never_early(server):
    buyer = server.as_user()
    ticket = create_ticket(server.as_user())
    asked = time.time()
    order = reserve(buyer, ticket["id"])
    assert asked + 0.99 <= expires_at(order) <= time.time() + 1, (asked, order["expiresAt"])
    watch_expiry(buyer, order)
    assert get_order(buyer, order["id"])["version"] == 1


def test_an_expired_order_frees_its_ticket(server):
    buyer, other = server.as_user(), server.as_user()
    ticket = create_ticket(server.as_user())
    reserve(buyer, ticket["id"])
    free = wait_ticket(buyer, ticket["id"], None)  # it was held for a second, which nobody may see
    assert free["version"] == 2, free
    assert buy(other, ticket["id"])["ticket"]["id"] == ticket["id"]


def test_an_expired_order_cannot_be_paid(server):
    buyer = server.as_user()
    order = reserve(buyer, create_ticket(server.as_user())["id"])
    wait_order(buyer, order["id"], "cancelled")
    wait_ticket(buyer, order["ticket"]["id"], None)

    def refused():
        answer = try_pay(buyer, order["id"], "tok_chargeDeclined")
        return answer if answer.status != 402 else None
    expect_error(wait_for(refused, 5), 400, "Cannot pay for a cancelled order")


def test_a_declined_order_is_held_a_minute_longer(server):
    """That it expires then is proved without waiting, in tests/unit/payments/test_race.c."""
    buyer = server.as_user()
    order = reserve(buyer, create_ticket(server.as_user())["id"])
    expect(try_pay(buyer, order["id"], "tok_chargeDeclined"), 402)
    held = wait_for(lambda: _after_decline(buyer, order), 5)
    assert 50 < expires_at(held) - time.time() <= 60, held
    stays(lambda: get_order(buyer, order["id"])["status"] == "created", 2.0)


def _after_decline(buyer, order):
    found = get_order(buyer, order["id"])
    return found if found["version"] == 2 and found["status"] == "created" else None


def test_a_paid_order_never_expires(server):
    buyer = server.as_user()
    order = reserve(buyer, create_ticket(server.as_user())["id"])
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    wait_for(lambda: time.time() > expires_at(order), 5)
    stays(lambda: get_order(buyer, order["id"])["status"] == "complete", 1.0)
    assert wait_ticket(buyer, order["ticket"]["id"], order["id"])


def test_a_cancelled_order_expires_no_later_order_of_its_ticket(server):
    buyer, other = server.as_user(), server.as_user()
    ticket = create_ticket(server.as_user())
    first = reserve(buyer, ticket["id"])
    time_left = expires_at(first) - time.time()
    assert time_left > 0
    cancel(buyer, first["id"])
    wait_for(lambda: time.time() > expires_at(first) - 0.3, 5)
    second = expect(try_reserve(other, ticket["id"]), 201).json
    stays(lambda: time.time() >= expires_at(second) - 0.05
          or get_order(other, second["id"])["status"] == "created", 0.9)
    assert get_order(buyer, first["id"])["version"] == 1
    watch_expiry(other, second)


def test_many_orders_expire_together(server):
    seller = server.as_user()
    buyers = [server.as_user() for _ in range(8)]

    def reserve_some(buyer):
        return [(buyer, reserve(buyer, create_ticket(seller_of(server, seller))["id"]))
                for _ in range(ORDERS // 8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        orders = [pair for some in pool.map(reserve_some, buyers) for pair in some]
    last_due = max(expires_at(order) for _, order in orders)
    for buyer, order in orders:
        wait_order(buyer, order["id"], "cancelled")
        wait_ticket(buyer, order["ticket"]["id"], None)
    assert time.time() - last_due < 5 * slow_factor(), "soon after the last was due"


def seller_of(server, seller):
    """Another client of the same seller: one a thread."""
    return server.as_user(seller.user_id)


def test_orders_due_while_the_server_was_down_expire_right_after_the_start():
    with Server(env={"ORDER_EXPIRATION_SECONDS": "2"}) as server:
        buyer = server.as_user()
        orders = [reserve(buyer, create_ticket(buyer)["id"]) for _ in range(20)]
        paid = orders.pop()
        pay(buyer, paid["id"])
        wait_order(buyer, paid["id"], "complete")
        server.kill()
        wait_for(lambda: time.time() > max(map(expires_at, orders)), 10)
        server.start()
        started = time.monotonic()
        buyer = server.as_user(buyer.user_id)
        for order in orders:
            wait_order(buyer, order["id"], "cancelled")
            wait_ticket(buyer, order["ticket"]["id"], None)
        assert time.monotonic() - started < 2 * slow_factor(), time.monotonic() - started
        assert get_order(buyer, paid["id"])["status"] == "complete"


def test_an_order_due_after_a_restart_expires_neither_early_nor_late():
    with Server(env={"ORDER_EXPIRATION_SECONDS": "3"}) as server:
        buyer = server.as_user()
        order = reserve(buyer, create_ticket(buyer)["id"])
        wait_ticket(buyer, order["ticket"]["id"], order["id"])
        server.restart()
        watch_expiry(server.as_user(buyer.user_id), order)
