"""A market under load: people who sell, reserve, cancel and pay until they are told to stop."""

import http.client
import random
import threading

from boxoffice import is_unheard_of
from check import expect

FAILURES = (OSError, http.client.HTTPException)


class Trader(threading.Thread):
    def __init__(self, server, number, tickets, stop):
        super().__init__(daemon=True)
        self.client = server.as_user(f"trader-{number}")
        self.tickets = tickets
        self.ending = stop
        self.chance = random.Random(number)
        self.sold = self.bought = 0
        self.refusals = []

    def run(self):
        try:
            while not self.ending.is_set():
                self.step()
        except FAILURES:
            pass  # the program is gone
        except AssertionError as error:
            self.refusals.append(error)

    def step(self):
        price = self.chance.randrange(100, 10000) / 100
        ticket = self.client.post("/api/tickets", {"title": "A seat", "price": price})
        self.tickets.append(expect(ticket, 201).json["id"])
        self.sold += 1
        order = self.client.post("/api/orders", {"ticketId": self.chance.choice(self.tickets[-9:])})
        assert order.status in (201, 400) or is_unheard_of(order), order
        if order.status != 201:
            return
        if self.chance.random() < 0.3:
            expect(self.client.delete(f"/api/orders/{order.json['id']}"), 204)
            return
        body = {"token": "tok_visa", "orderId": order.json["id"]}
        while not self.ending.is_set():
            answer = self.client.post("/api/payments", body)
            assert answer.status == 201 or is_unheard_of(answer), answer
            if answer.status == 201:
                self.bought += 1
                return


class Market:
    """with Market(server): traders are busy."""

    def __init__(self, server, traders=6):
        self.stop = threading.Event()
        self.tickets = []
        self.traders = [Trader(server, number, self.tickets, self.stop)
                        for number in range(traders)]

    def __enter__(self):
        for trader in self.traders:
            trader.start()
        return self

    def __exit__(self, kind, *_):
        self.stop.set()
        for trader in self.traders:
            trader.join(60)
        if kind is None:
            refusals = [refusal for trader in self.traders for refusal in trader.refusals]
            assert not refusals, f"refused under load: {refusals[:3]}"

    def bought(self):
        return sum(trader.bought for trader in self.traders)
