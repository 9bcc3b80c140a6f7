"""Proves DELETE /api/tickets/:id: a seller takes down what is free, once and for good, and nobody gets
it after that."""

import concurrent.futures

from boxoffice import buy, cancel, create_ticket, get_ticket, pay, reserve, wait_order, wait_ticket
from check import expect, expect_error, expect_not_authorized, wait_for

SERVER = {}
NOBODY = "0123456789abcdef01234567"


def withdrawn(client, ticket):
    answer = client.get(f"/api/tickets/{ticket}")
    return answer.status == 410 and answer.json["errors"][0]["code"] == "ticket_withdrawn"


def test_a_ticket_taken_down_leaves_the_list_and_is_gone(server):
    seller = server.as_user()
    ticket = create_ticket(seller, "Not for sale after all", 20)["id"]
    answer = expect(seller.delete(f"/api/tickets/{ticket}"), 204)
    assert answer.body == b""
    assert ticket not in [other["id"] for other in seller.get("/api/tickets?limit=1000").json]
    answer = expect(server.client().get(f"/api/tickets/{ticket}"), 410)
    error = answer.json["errors"][0]
    assert (error["message"], error["code"]) == ("This ticket was taken down", "ticket_withdrawn")
    assert error["ticket"]["id"] == ticket and error["ticket"]["withdrawn"] is True
    mine = next(own for own in seller.get("/api/tickets/mine").json if own["id"] == ticket)
    assert mine["withdrawn"] is True and mine["version"] == 1


def test_taking_down_again_changes_nothing(server):
    seller = server.as_user()
    ticket = create_ticket(seller)["id"]
    for _ in range(3):
        expect(seller.delete(f"/api/tickets/{ticket}"), 204)
    assert seller.get("/api/tickets/mine").json[0]["version"] == 1


def test_what_was_taken_down_is_neither_edited_nor_ordered(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)["id"]
    expect(seller.delete(f"/api/tickets/{ticket}"), 204)
    expect(seller.put(f"/api/tickets/{ticket}", {"title": "Again", "price": 20}), 410)
    answer = wait_for(lambda: (lambda a: a if a.status == 410 else None)(
        buyer.post("/api/orders", {"ticketId": ticket, "version": 1})), 10, "orders to hear of it")
    assert answer.json["errors"][0]["code"] == "ticket_withdrawn"


def test_a_reserved_or_sold_ticket_stays_and_says_why(server):
    seller, buyer = server.as_user(), server.as_user()
    held, sold = create_ticket(seller)["id"], create_ticket(seller)["id"]
    order = reserve(buyer, held)["id"]
    buy(buyer, sold)
    wait_ticket(seller, held, order)
    wait_for(lambda: get_ticket(seller, sold).get("sold"), 10, "the ticket to be sold")
    for ticket, code, message in ((held, "ticket_held", "Cannot take down a reserved ticket"),
                                  (sold, "ticket_sold", "Cannot take down a sold ticket")):
        error = expect(seller.delete(f"/api/tickets/{ticket}"), 409).json["errors"][0]
        assert (error["code"], error["message"]) == (code, message)
    cancel(buyer, order)
    wait_for(lambda: seller.delete(f"/api/tickets/{held}").status == 204, 10, "it to be free again")
    assert withdrawn(buyer, held)


def test_only_its_seller_takes_a_ticket_down(server):
    ticket = create_ticket(server.as_user())["id"]
    expect_not_authorized(server.client().delete(f"/api/tickets/{ticket}"))
    expect_not_authorized(server.as_user().delete(f"/api/tickets/{ticket}"))
    expect(server.as_user().delete(f"/api/tickets/{NOBODY}"), 404)
    expect_error(server.as_user().delete("/api/tickets/17"), 400, "Something went wrong")
    assert get_ticket(server.client(), ticket)["version"] == 0


def test_of_taking_down_and_reserving_at_once_one_wins(server):
    """However the two fall together: a ticket is taken down and nobody's, or its buyer gets it whole."""
    seller, buyer = server.as_user(), server.as_user()
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        for _ in range(20):
            ticket = create_ticket(seller)["id"]
            reserving = both.submit(buyer.post, "/api/orders", {"ticketId": ticket})
            gone, order = seller.delete(f"/api/tickets/{ticket}"), reserving.result()
            assert gone.status in (204, 409), gone
            if order.status == 201:
                pay(buyer, order.json["id"])
                wait_order(buyer, order.json["id"], "complete")
                wait_for(lambda: server.client().get(f"/api/tickets/{ticket}").json.get("sold"), 10,
                         "the buyer to have it")
            else:
                assert order.status == 410 and withdrawn(buyer, ticket), (order, gone)
