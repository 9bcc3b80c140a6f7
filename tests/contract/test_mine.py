"""Proves GET /api/tickets/mine: what one has listed, whatever became of it."""

from boxoffice import buy, create_ticket, get_ticket, reserve, wait_ticket
from check import expect, expect_not_authorized, wait_for

SERVER = {}


def test_my_listings_are_all_of_mine_and_only_mine_newest_first(server):
    seller, buyer = server.as_user(), server.as_user()
    made = [create_ticket(seller, f"Seat {n}")["id"] for n in range(4)]
    create_ticket(server.as_user(), "Somebody else's")
    held = reserve(buyer, made[1])["id"]
    sold = buy(buyer, made[2])["id"]
    wait_ticket(seller, made[1], held)
    wait_for(lambda: get_ticket(seller, made[2]).get("sold"), 10, "the ticket to be sold")
    mine = expect(seller.get("/api/tickets/mine"), 200).json
    assert [ticket["id"] for ticket in mine] == made[::-1]
    assert [ticket.get("orderId") for ticket in mine] == [None, sold, held, None]
    assert [ticket.get("sold", False) for ticket in mine] == [False, True, False, False]
    assert {ticket["userId"] for ticket in mine} == {seller.user_id}


def test_my_listings_come_in_pages(server):
    seller = server.as_user()
    made = [create_ticket(seller, f"Seat {n}")["id"] for n in range(5)]
    first = expect(seller.get("/api/tickets/mine?limit=3"), 200)
    assert [ticket["id"] for ticket in first.json] == made[:1:-1]
    path = first.headers["Link"].split(">")[0][1:]
    assert [ticket["id"] for ticket in expect(seller.get(path), 200).json] == made[1::-1]


def test_my_listings_need_a_session(server):
    expect_not_authorized(server.client().get("/api/tickets/mine"))
