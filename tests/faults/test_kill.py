"""Proves that SIGKILL at any moment under load loses nothing that was acknowledged.

KILL_ROUNDS times (default 50): load, SIGKILL, start again on the same data, audit. The audit: every
2xx is still true, no ticket has two live orders, tickets and orders agree once all is quiet. An edit
that came after its ticket was ordered waits until the ticket is free: it is looked for then. Who does
what is the same each time; how far they get before the kill is not.
"""

import collections
import http.client
import os
import random
import threading
import time

import boxoffice
from boxoffice import TEST_PASSWORD, Server, cancel, get_order, get_ticket, new_email, wait_ticket
from check import expect, wait_for
from client import Client

ROUNDS = int(os.environ.get("KILL_ROUNDS", "50"))
WORKERS = 8
LOAD_S = (0.1, 0.6)
LIVE = ("created", "awaiting:payment", "complete")
FAILURES = (OSError, http.client.HTTPException)


class Ledger:
    """What the program acknowledged. One a worker: no locks."""

    def __init__(self):
        self.tickets = {}    # id → (title, price)
        self.edited = {}     # id → (title, price) before the acknowledged edit
        self.orders = {}     # id → (buyer id, ticket id)
        self.cancelled = set()
        self.paid = {}       # order id → stripeId
        self.users = {}      # email → id
        self.buyers = set()  # who tried to order: the answer may have died on its way

    def add(self, other):
        for name in vars(self):
            getattr(self, name).update(getattr(other, name))


class Worker(threading.Thread):
    """Sells and buys, against all the other workers, until the program is gone."""

    def __init__(self, server, number, market, chance):
        super().__init__(daemon=True)
        self.server = server
        self.number = number
        self.market = market  # tickets of all workers: where they fight
        self.chance = chance
        self.ledger = Ledger()
        self.refusals = []

    def run(self):
        try:
            while True:
                self.step()
        except FAILURES:
            pass  # the program is gone
        except Exception as error:
            self.refusals.append(error)

    def step(self):
        client = self.server.as_user(f"{self.number}-{self.chance.randrange(10**9)}")
        try:
            if self.chance.random() < 0.05:
                self.sign_up()
            self.sell(client)
            for _ in range(3):
                self.buy(client)
        finally:
            client.close()

    def acknowledged(self, answer, *statuses):
        """True for a success; anything but the usual refusals is remembered."""
        if answer.status in statuses:
            return True
        if answer.status not in (400, 404, 429):
            self.refusals.append(answer)
        return False

    def sign_up(self):
        email = new_email()
        client = self.server.client()
        answer = client.post("/api/users/signup", {"email": email, "password": TEST_PASSWORD})
        if self.acknowledged(answer, 201):
            self.ledger.users[email] = answer.json["id"]
        client.close()

    def sell(self, client):
        title, price = f"Seat {self.chance.random()}", self.chance.randrange(1, 10**7) / 100
        answer = client.post("/api/tickets", {"title": title, "price": price})
        if not self.acknowledged(answer, 201):
            return
        ticket_id = answer.json["id"]
        self.ledger.tickets[ticket_id] = (title, price)
        if self.chance.random() < 0.3:  # the answer to an edit that died on its way may be either
            self.edit(client, ticket_id)
        self.market.append(ticket_id)

    def edit(self, client, ticket_id):
        title, price = f"Better {self.chance.random()}", self.chance.randrange(1, 10**7) / 100
        before = self.ledger.tickets.pop(ticket_id)
        answer = client.put(f"/api/tickets/{ticket_id}", {"title": title, "price": price})
        if self.acknowledged(answer, 200):
            self.ledger.tickets[ticket_id] = (title, price)
            self.ledger.edited[ticket_id] = before
        else:
            self.ledger.tickets[ticket_id] = before

    def buy(self, client):
        ticket_id = self.chance.choice(self.market[-20:])
        self.ledger.buyers.add(client.user_id)
        answer = client.post("/api/orders", {"ticketId": ticket_id})
        if not self.acknowledged(answer, 201):
            return
        order_id = answer.json["id"]
        self.ledger.orders[order_id] = (client.user_id, ticket_id)
        fate = self.chance.random()
        if fate < 0.3:
            if self.acknowledged(client.delete(f"/api/orders/{order_id}"), 204):
                self.ledger.cancelled.add(order_id)
        elif fate < 0.8:
            self.pay(client, order_id)

    def pay(self, client, order_id):
        body = {"token": "tok_visa", "orderId": order_id}
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            answer = client.post("/api/payments", body)
            if self.acknowledged(answer, 201):
                self.ledger.paid[order_id] = answer.json["stripeId"]
            if answer.status != 404:
                return


def load_and_kill(server, market, number):
    """One round of load that ends with SIGKILL; the ledger of what it was told."""
    chances = [random.Random(f"round {number} worker {worker}") for worker in range(WORKERS)]
    workers = [Worker(server, worker, market, chances[worker]) for worker in range(WORKERS)]
    for worker in workers:
        worker.start()
    time.sleep(random.Random(f"round {number}").uniform(*LOAD_S))  # the moment of the kill is meant to be any
    server.kill()
    ledger = Ledger()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), "a request hangs although the program is gone"
        assert not worker.refusals, f"refused under load: {worker.refusals[:3]}"
        ledger.add(worker.ledger)
    return ledger


def start_timed(server):
    """Starts again; the seconds from the start to the first answer."""
    started = time.monotonic()
    server.spawn()
    line = wait_for(server.first_line, boxoffice.START_S_MAX, "the address")
    server.port = int(line.rsplit(":", 1)[1])
    expect(server.client().get("/api/tickets?limit=1"), 200)
    return time.monotonic() - started


def audit(server, ledger):
    """Everything acknowledged is there, and everything agrees; ticket id → (buyer id, live order)."""
    for email, user_id in ledger.users.items():
        answer = server.client().post("/api/users/signin", {"email": email,
                                                            "password": TEST_PASSWORD})
        assert expect(answer, 200).json["id"] == user_id
    live = audit_orders(server, ledger)
    client = server.client()
    for ticket_id in ledger.tickets:
        audit_ticket(client, ticket_id, live.get(ticket_id, (None, None))[1], ledger)
    return live


def shown(ticket):
    return ticket["title"], ticket["price"]


def audit_ticket(client, ticket_id, order, ledger):
    """As acknowledged; while an order has it, as that was made: at the latest or before the edit."""
    def agreed():
        ticket = get_ticket(client, ticket_id)
        return ticket if ticket.get("orderId") == (order and order["id"]) else None
    ticket = wait_for(agreed, 10, lambda: f"{get_ticket(client, ticket_id)} to be held by {order}")
    latest = ledger.tickets[ticket_id]
    if order is None:
        assert shown(ticket) == latest, f"{latest} is acknowledged: {ticket}"
        return
    assert shown(ticket) == shown(order["ticket"]), f"ordered at {order['ticket']}: {ticket}"
    assert shown(ticket) in (latest, ledger.edited.get(ticket_id)), f"{latest} was listed: {ticket}"


def audit_waiting_edits(server, ledger, live):
    """Frees every ticket whose edit waits behind an unpaid order: the edit is there. Their number."""
    client, count = server.client(), 0
    for ticket_id, latest in ledger.tickets.items():
        buyer_id, order = live.get(ticket_id, (None, None))
        if order is None or order["status"] != "created" or shown(order["ticket"]) == latest:
            continue
        cancel(server.as_user(buyer_id), order["id"])
        ticket = wait_ticket(client, ticket_id, None)
        assert shown(ticket) == latest, f"the edit to {latest} is lost: {ticket}"
        count += 1
    return count


def audit_orders(server, ledger):
    """Checks every order of every buyer, acknowledged or not; ticket id → (buyer id, live order)."""
    buyers = collections.defaultdict(list)
    for order_id, (buyer_id, _) in ledger.orders.items():
        buyers[buyer_id].append(order_id)
    live = collections.defaultdict(list)
    for buyer_id in ledger.buyers:
        buyer = server.as_user(buyer_id)
        for order_id in buyers[buyer_id]:
            audit_order(buyer, order_id, ledger)
        for order in expect(buyer.get("/api/orders?limit=1000"), 200).json:
            if order["status"] in LIVE:
                live[order["ticket"]["id"]].append((buyer_id, order))
        buyer.close()
    for ticket_id, orders in live.items():
        assert len(orders) == 1, f"ticket {ticket_id} has live orders {orders}"
    return {ticket_id: orders[0] for ticket_id, orders in live.items()}


def audit_order(buyer, order_id, ledger):
    def settled():
        order = get_order(buyer, order_id)
        return order if order["status"] != "awaiting:payment" else None
    order = wait_for(settled, 10, "a payment in flight to be driven on")
    assert order["ticket"]["id"] == ledger.orders[order_id][1], order
    if order_id in ledger.cancelled:
        assert order["status"] == "cancelled", f"cancelled, then killed: {order}"
    if order_id in ledger.paid:
        wait_for(lambda: get_order(buyer, order_id)["status"] == "complete", 10,
                 lambda: f"paid, then killed: {get_order(buyer, order_id)}")


def percentiles(seconds):
    ordered = sorted(seconds)
    shown = [(name, ordered[min(len(ordered) - 1, int(len(ordered) * share))])
             for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("slowest", 1))]
    return ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in shown)


def test_a_kill_under_load_loses_nothing_that_was_acknowledged():
    starts, everything, market = [], Ledger(), []
    with Server() as server:
        for number in range(ROUNDS):
            market.append(boxoffice.create_ticket(server.as_user())["id"])
            ledger = load_and_kill(server, market, number)
            starts.append(start_timed(server))
            audit(server, ledger)
            everything.add(ledger)
        waiting = audit_waiting_edits(server, everything, audit(server, everything))
        books = boxoffice.run_cli("payments", "audit", "--data", server.data)
        assert books.returncode == 0, f"the books are not sound: {books.stdout[-1500:]}"
    print(f"# {ROUNDS} kills, acknowledged: {len(everything.tickets)} tickets, "
          f"{len(everything.orders)} orders, {len(everything.cancelled)} cancellations, "
          f"{len(everything.paid)} payments, {len(everything.users)} users; "
          f"{len(everything.edited)} edits, {waiting} of them waited until the end")
    print(f"# start to first answer: {percentiles(starts)}")


def test_a_kill_while_starting_does_no_harm():
    """Killed again and again before it is quite up, the program still starts with all its data."""
    with Server() as server:
        ticket = boxoffice.create_ticket(server.as_user())
        server.kill()
        for delay_ms in (1, 3, 6, 10, 15, 20, 30, 50):
            server.spawn()
            time.sleep(delay_ms / 1000)
            server.kill()
        server.start()
        assert get_ticket(Client(server.host, server.port), ticket["id"]) == ticket
