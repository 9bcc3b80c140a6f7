"""Proves that what happens to money at the processor alone is booked once, and that orders do not move
for it: parts given back, refunds that come back, disputes."""

import contextlib
import datetime
import json
import os
import re
import sqlite3

from boxoffice import (Server, buy, create_ticket, get_order, pay, reserve, run_cli, try_pay,
                       wait_order, wait_ticket)
from check import expect, wait_for
from processor import KEY, Processor

PARALLEL = 3  # each has a server and a processor of its own, and waits


def operator(server, *words):
    done = run_cli("payments", *words, "--data", server.data)
    return (json.loads(done.stdout) if done.stdout else done.stderr), done.returncode


def bought(server, price=20):
    """(buyer, order, payment) of a complete order."""
    buyer = server.as_user()
    order = reserve(buyer, create_ticket(server.as_user(), price=price)["id"])
    paid = pay(buyer, order["id"])
    return buyer, wait_order(buyer, order["id"], "complete"), paid


def told(processor, server, kind, thing, **options):
    expect(processor.tell(server, kind, thing, **options), 200)


def show(server, paid):
    return operator(server, "show", paid["id"])[0]


def wait_shown(server, paid, **wanted):
    def holds():
        seen = show(server, paid)
        return seen if all(seen.get(name) == value for name, value in wanted.items()) else None
    return wait_for(holds, 20, f"payment {wanted}")


def balances(server):
    audit, code = operator(server, "audit")
    assert code == 0 and audit["sound"] and not audit["findings"], audit
    return audit["balances"]


def figure(server, name):
    """One of /metrics without labels, or of payments."""
    text = server.monitor().get("/metrics").body.decode()
    found = re.search(rf'^boxoffice_{name}(?:{{service="payments"}})? (\d+)$', text, re.MULTILINE)
    assert found, f"no {name} in {text}"
    return int(found[1])


def with_processor(test):
    """Runs the test with a processor and a server of its own that talks to it."""
    def run():
        with Processor() as processor, Server(env=processor.environment()) as server:
            test(server, processor)
            assert KEY not in server.log() and "tok_" not in server.log()
    run.__name__ = test.__name__
    return run


# --- parts

@with_processor
def test_a_part_given_back_at_the_processor_is_booked_once_and_the_order_stays(server, processor):
    buyer, order, paid = bought(server)
    charge = processor.charges[paid["stripeId"]]
    processor.give_back(paid["stripeId"], 500)
    for n in range(3):
        told(processor, server, "charge.refunded", charge, event_id=f"evt_part_{n // 2}")
    wait_shown(server, paid, givenBack=5, status="captured", askAt=None)
    assert balances(server) == {"buyer": -15, "held": 0, "revenue": 15, "refund": 0,
                                "chargeback": 0}
    part = processor.give_back(paid["stripeId"], 300)
    told(processor, server, "refund.created", part, expanded=True)
    wait_shown(server, paid, givenBack=8, status="captured")
    assert balances(server)["revenue"] == 12
    assert get_order(buyer, order["id"]) == order


@with_processor
def test_our_refund_gives_the_rest_only(server, processor):
    buyer, order, paid = bought(server)
    part = processor.give_back(paid["stripeId"], 500)
    told(processor, server, "refund.created", part)
    wait_shown(server, paid, givenBack=5)
    shown, code = operator(server, "refund", paid["id"])
    assert code == 0 and shown["status"] == "refunded" and shown["givenBack"] == 20, shown
    assert sorted(one["amount"] for one in processor.refunds.values()) == [500, 1500]
    wait_order(buyer, order["id"], "cancelled")
    assert set(balances(server).values()) == {0}


@with_processor
def test_our_refund_finds_a_part_nobody_told_of(server, processor):
    _, _, paid = bought(server)
    processor.give_back(paid["stripeId"], 500)  # its webhook is lost
    operator(server, "refund", paid["id"])
    wait_shown(server, paid, status="refunded", givenBack=20)
    assert sorted(one["amount"] for one in processor.refunds.values()) == [500, 1500]
    assert set(balances(server).values()) == {0}


@with_processor
def test_parts_that_make_up_the_whole_are_a_refund(server, processor):
    buyer, order, paid = bought(server)
    for amount in (1200, 800):
        told(processor, server, "refund.created", processor.give_back(paid["stripeId"], amount))
    wait_shown(server, paid, status="refunded", givenBack=20)
    wait_order(buyer, order["id"], "cancelled")
    wait_ticket(buyer, order["ticket"]["id"], None)
    assert set(balances(server).values()) == {0}


@with_processor
def test_more_refunds_than_one_page_are_all_booked(server, processor):
    _, _, paid = bought(server)
    for _ in range(12):
        processor.give_back(paid["stripeId"], 100)
    told(processor, server, "charge.refunded", processor.charges[paid["stripeId"]])
    wait_shown(server, paid, givenBack=12, status="captured")
    assert balances(server)["revenue"] == 8


# --- refunds that come back

@with_processor
def test_a_refund_that_comes_back_is_owed_again_and_the_buyer_is_told(server, processor):
    buyer, order, paid = bought(server)
    operator(server, "refund", paid["id"])
    wait_order(buyer, order["id"], "cancelled")
    refund = next(iter(processor.refunds.values()))
    processor.bounce(refund["id"])
    for kind in ("refund.failed", "charge.refund.updated", "refund.updated"):
        told(processor, server, kind, refund)
    wait_shown(server, paid, status="refund_failed", askAt=None)
    assert balances(server) == {"buyer": -20, "held": 0, "revenue": 0, "refund": 20,
                                "chargeback": 0}
    seen = wait_for(lambda: _shows(buyer, order["id"], "refund_failed"), 10, "the order to tell")
    assert seen["status"] == "cancelled" and "refundId" not in seen["payment"], seen
    assert server.log().count('"refund.failed"') == 1, server.log()
    assert figure(server, "refunds_failed_total") == 1 and figure(server, "refunds_due") == 1
    shown, code = operator(server, "refund", paid["id"])  # tried again, under a key of its own
    assert code == 0 and shown["status"] == "refunded", shown
    assert len(processor.refunds) == 2
    wait_for(lambda: _shows(buyer, order["id"], "refunded"), 10, "the order to tell")
    assert figure(server, "refunds_failed_total") == 1 and figure(server, "refunds_due") == 0
    assert set(balances(server).values()) == {0}


def _shows(buyer, order_id, status):
    order = get_order(buyer, order_id)
    return order if order["payment"]["status"] == status else None


@with_processor
def test_a_part_that_comes_back_is_owed_to_nobody(server, processor):
    buyer, order, paid = bought(server)
    part = processor.give_back(paid["stripeId"], 500)
    told(processor, server, "refund.created", part)
    wait_shown(server, paid, givenBack=5)
    processor.bounce(part["id"])
    told(processor, server, "refund.failed", part)
    wait_shown(server, paid, status="captured", givenBack=None)
    assert balances(server)["revenue"] == 20
    assert server.log().count('"refund.failed"') == 1, server.log()
    assert get_order(buyer, order["id"]) == order


# --- disputes

@with_processor
def test_a_dispute_that_is_won_is_over(server, processor):
    buyer, order, paid = bought(server)
    told(processor, server, "charge.dispute.created", processor.dispute(paid["stripeId"]))
    wait_shown(server, paid, dispute="opened")
    assert figure(server, "disputes_open") == 1
    told(processor, server, "charge.dispute.closed", processor.dispute(paid["stripeId"], "won"),
         expanded=True)
    wait_shown(server, paid, dispute=None, status="captured")
    assert figure(server, "disputes_open") == 0
    assert balances(server)["revenue"] == 20
    assert get_order(buyer, order["id"]) == order


@with_processor
def test_a_dispute_that_is_lost_books_a_chargeback_once_and_moves_no_order(server, processor):
    buyer, order, paid = bought(server)
    dispute = processor.dispute(paid["stripeId"])
    told(processor, server, "charge.dispute.funds_withdrawn", dispute, expanded=True)
    wait_shown(server, paid, dispute="opened")
    dispute = processor.dispute(paid["stripeId"], "lost")
    for n in range(3):
        told(processor, server, "charge.dispute.closed", dispute, expanded=n == 1)
    wait_shown(server, paid, dispute=None, chargedBack=20, status="captured", askAt=None)
    assert balances(server) == {"buyer": 0, "held": 0, "revenue": 20, "refund": 0,
                                "chargeback": -20}
    assert get_order(buyer, order["id"]) == order
    assert server.log().count('"dispute.lost"') == 1, server.log()
    _, code = operator(server, "refund", paid["id"])
    assert code != 0 and not processor.refunds  # nothing is left to give back
    assert get_order(buyer, order["id"]) == order


@with_processor
def test_a_dispute_closed_before_it_is_heard_of_ends_the_same(server, processor):
    _, _, paid = bought(server)
    dispute = processor.dispute(paid["stripeId"], "lost")
    told(processor, server, "charge.dispute.closed", dispute)
    wait_shown(server, paid, chargedBack=20)
    told(processor, server, "charge.dispute.created", dispute)
    wait_shown(server, paid, chargedBack=20, dispute=None, askAt=None)
    assert balances(server)["chargeback"] == -20


@with_processor
def test_a_dispute_of_a_refunded_order_frees_nothing_twice(server, processor):
    buyer, order, paid = bought(server)
    operator(server, "refund", paid["id"])
    wait_order(buyer, order["id"], "cancelled")
    ticket = order["ticket"]["id"]
    wait_ticket(buyer, ticket, None)
    other = server.as_user()
    again = buy(other, ticket)
    told(processor, server, "charge.dispute.created", processor.dispute(paid["stripeId"]))
    wait_shown(server, paid, dispute="opened", status="refunded")
    told(processor, server, "charge.dispute.closed", processor.dispute(paid["stripeId"], "lost"))
    wait_shown(server, paid, chargedBack=20, status="refunded")
    assert get_order(other, again["id"]) == again
    assert balances(server)["chargeback"] == -20


@with_processor
def test_a_refund_that_comes_back_and_a_lost_dispute_heard_of_at_once_cover_each_other(
        server, processor):
    buyer, order, paid = bought(server)
    operator(server, "refund", paid["id"])
    wait_order(buyer, order["id"], "cancelled")
    processor.bounce(next(iter(processor.refunds)))
    told(processor, server, "charge.dispute.closed", processor.dispute(paid["stripeId"], "lost"))
    wait_shown(server, paid, chargedBack=20, givenBack=None, status="refunded", askAt=None)
    assert set(balances(server).values()) == {0}


# --- a processor that is away

@with_processor
def test_a_processor_that_is_away_is_told_of_once_and_so_is_its_return(server, processor):
    orders = []
    for _ in range(3):
        buyer = server.as_user()
        orders.append((buyer, reserve(buyer, create_ticket(server.as_user())["id"])))
    processor.down = True
    for buyer, order in orders:
        assert try_pay(buyer, order["id"]).status == 503
    assert server.log().count('"gateway.away"') == 1, server.log()
    assert '"status 500"' in server.log() and '"gateway.back"' not in server.log()
    processor.down = False
    for buyer, order in orders:
        wait_order(buyer, order["id"], "complete", 30)
    assert server.log().count('"gateway.away"') == 1, server.log()
    assert server.log().count('"gateway.back"') == 1, server.log()


def test_a_restart_leaves_what_waits_for_its_turn_waiting():
    with Processor() as processor, Server(env=processor.environment()) as server:
        buyer = server.as_user()
        order = reserve(buyer, create_ticket(server.as_user())["id"])
        processor.down = True
        assert try_pay(buyer, order["id"]).status == 503
        wait_for(lambda: _waiting(server, 7), 30, "a long pause")
        server.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(server.data, "payments.db"))) as database:
            asking, ask_at_ms, attempts = database.execute(
                "SELECT asking, ask_at_ms, attempts FROM charges").fetchone()
        assert asking == 0, "stopped without waiting for the answer"
        server.start()
        charge = operator(server, "list")[0][0]
        asked_at = datetime.datetime.fromisoformat(charge["askAt"].replace("Z", "+00:00"))
        assert round(asked_at.timestamp() * 1000) >= ask_at_ms, (charge, ask_at_ms)
        assert charge["attempts"] >= attempts, (charge, attempts)


def _waiting(server, attempts):
    """The one charge has been asked about so often."""
    charge = operator(server, "list")[0][0]
    return charge["status"] == "unknown" and charge["attempts"] >= attempts


# --- the operator

@with_processor
def test_a_refund_asked_for_three_times_is_one_entry_of_the_audit_log(server, processor):
    _, _, paid = bought(server)
    for _ in range(3):
        shown, code = operator(server, "refund", paid["id"])
        assert code == 0 and shown["status"] == "refunded", shown
    entries = run_cli("audit", "list", "--limit", "200", "--data", server.data).stdout
    assert entries.count("payment.refunded") == 1, entries
    assert len(processor.refunds) == 1
