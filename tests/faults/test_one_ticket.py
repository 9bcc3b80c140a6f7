"""Proves that a ticket is sold once however many want it, and that a rush breaks nothing."""

import concurrent.futures
import json
import time

from boxoffice import create_ticket, get_ticket, is_unheard_of, reserve, wait_for, wait_order, wait_ticket
from check import expect, expect_error

BUYERS = 1000
THREADS = 32
GROUP = 10  # buyers that fight for the same tickets


def in_threads(work, items):
    """work(item) of every item, in many threads; the results in the order of the items."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


def order_request(cookie, ticket_id):
    """A whole raw POST /api/orders."""
    body = json.dumps({"ticketId": ticket_id})
    return (f"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Cookie: session={cookie}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def expect_one_sale(answers):
    """Exactly one 201; everyone else reads that the ticket is taken. Returns the order."""
    made = [answer for answer in answers if answer.status == 201]
    assert len(made) == 1, f"{len(made)} orders for one ticket"
    for answer in answers:
        if answer.status != 201:
            expect_error(answer, 400, "Ticket is already reserved")
    return made[0].json


def known_to_orders(server, ticket_id):
    """Waits until orders has the ticket, and leaves it free."""
    first = server.as_user()
    order = reserve(first, ticket_id)
    wait_ticket(first, ticket_id, order["id"])
    assert first.delete(f"/api/orders/{order['id']}").status == 204
    wait_ticket(first, ticket_id, None)


def test_of_1000_buyers_of_one_ticket_one_gets_it(server):
    ticket = create_ticket(server.as_user())
    known_to_orders(server, ticket["id"])
    buyers = [server.as_user() for _ in range(BUYERS)]
    for buyer in buyers[:BUYERS // 2]:
        buyer.get("/api/users/currentuser")  # half of them are connected already
    body = {"ticketId": ticket["id"]}
    answers = in_threads(lambda buyer: buyer.post("/api/orders", body), buyers)
    for buyer in buyers:
        buyer.close()
    order = expect_one_sale(answers)
    held = wait_ticket(server.client(), ticket["id"], order["id"])
    assert held["version"] == 3, held


def test_a_rush_in_the_same_instant_sells_one_ticket_once(server):
    """The requests of 1,000 buyers are all on their way before the first answer is read."""
    ticket = create_ticket(server.as_user())
    known_to_orders(server, ticket["id"])
    requests = [order_request(server.as_user().cookies["session"], ticket["id"])
                for _ in range(BUYERS)]
    connections = [server.raw(timeout=60) for _ in range(100)]
    try:
        for number, raw in enumerate(connections):
            raw.send(b"".join(requests[number::100]))
        answers = [raw.read_answer() for raw in connections for _ in range(BUYERS // 100)]
    finally:
        for raw in connections:
            raw.close()
    order = expect_one_sale(answers)
    wait_ticket(server.client(), ticket["id"], order["id"])


def purchase(buyer, tickets):
    """Takes the first of the tickets that is free and pays for it; returns the order's id."""
    for ticket_id in tickets:
        answer = buyer.post("/api/orders", {"ticketId": ticket_id})
        if answer.status == 201:
            order_id = answer.json["id"]
            body = {"token": "tok_visa", "orderId": order_id}
            answer = wait_for(lambda: _known(buyer.post("/api/payments", body)), 20)
            expect(answer, 201)
            return order_id
        expect_error(answer, 400, "Ticket is already reserved")
    raise AssertionError("no ticket left for this buyer")


def _known(answer):
    return None if is_unheard_of(answer) else answer


def test_1000_buyers_buy_1000_tickets(server):
    seller = server.as_user()
    tickets = [create_ticket(seller, f"Seat {n}")["id"] for n in range(BUYERS)]
    known_to_orders(server, tickets[-1])  # and so the ones before it
    buyers = [server.as_user() for _ in range(BUYERS)]
    crowd = [(buyers[n], tickets[n - n % GROUP:n - n % GROUP + GROUP]) for n in range(BUYERS)]
    started = time.monotonic()
    orders = in_threads(lambda pair: purchase(*pair), crowd)
    print(f"# {BUYERS} purchases in {time.monotonic() - started:.1f} s")
    assert len(set(orders)) == BUYERS
    complete = in_threads(lambda pair: wait_order(*pair, "complete"), zip(buyers, orders))
    sold = {order["ticket"]["id"]: order["id"] for order in complete}
    assert set(sold) == set(tickets), "every ticket is sold exactly once"
    in_threads(lambda ticket_id: wait_ticket(server.client(), ticket_id, sold[ticket_id]), tickets)
    listed = {ticket["id"] for ticket in expect(seller.get("/api/tickets?limit=1000"), 200).json}
    assert not listed & set(tickets), "sold tickets are still listed"
    for buyer in buyers:
        buyer.close()
    assert get_ticket(seller, tickets[0])["orderId"] == sold[tickets[0]]
