"""Proves what the webhook takes: long events, within bounds, by their signature alone."""

import concurrent.futures
import json
import re

from boxoffice import Server, create_ticket, new_id, pay, reserve, run_cli, wait_order
from check import Cases, expect, expect_error, wait_for
from processor import WEBHOOK_SECRET, Processor, signature

WEBHOOK = "/api/payments/webhook"
SERVER = {"env": {"STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}}
MIB = 1024 * 1024


def event(size, kind="customer.updated", thing=None):
    """A body of exactly so many bytes."""
    body = {"id": f"evt_{new_id()}", "type": kind, "data": {"object": thing or {}}, "padding": ""}
    body["padding"] = "x" * (size - len(json.dumps(body)))
    return json.dumps(body).encode()


def post(server, body, header=None, **headers):
    return server.client().post(WEBHOOK, raw=body, headers={
        "Stripe-Signature": signature(body) if header is None else header, **headers})


def test_events_of_up_to_a_mebibyte_are_taken_and_no_longer_ones(server):
    with Cases() as case:
        for size in (300, 65536, 65537, 70 * 1024, MIB):
            with case(size):
                assert expect(post(server, event(size)), 200).json == {"received": True}
        with case("too long"):
            assert post(server, event(MIB + 1)).status == 413
        with case("another route"):
            raw = json.dumps({"title": "x" * 65537, "price": 1}).encode()
            assert server.as_user().post("/api/tickets", raw=raw).status == 413


def test_a_long_event_does_what_a_short_one_does():
    with Processor() as processor, Server(env=processor.environment()) as server:
        buyer = server.as_user()
        order = reserve(buyer, create_ticket(server.as_user())["id"])
        paid = pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        refund = processor.give_back(paid["stripeId"], 500)
        expect(post(server, event(200 * 1024, "refund.created", refund)), 200)
        wait_for(lambda: '"givenBack":5' in run_cli("payments", "show", paid["id"], "--data",
                                                   server.data).stdout.replace(" ", ""), 10,
                 "the part to be booked")


def test_the_signature_comes_before_json_and_cookies(server):
    broken = b"{" * 100000
    expect_error(post(server, broken, "t=1,v1=00"), 400, "Invalid signature")
    expect_error(post(server, broken, Cookie="session=rubbish"), 400, "Something went wrong")
    for kind in ("text/plain", "application/json"):
        body = event(300)
        expect(post(server, body, **{"Content-Type": kind}), 200)


def _peak_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])


def test_fifty_long_events_at_once_take_bounded_memory(server):
    bodies = [event(MIB) for _ in range(50)]
    before = _peak_kib(server)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda body: post(server, body).status, bodies))
    assert set(answers) == {200}, answers
    grown = (_peak_kib(server) - before) // 1024
    assert grown < 200, f"{grown} MiB"
