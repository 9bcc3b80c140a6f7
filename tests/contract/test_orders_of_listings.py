"""Proves what orders of several tickets promise: neighbours of one listing, all of them or none; a ticket
has one buyer; what the split, the show or the price does not allow is refused with the way out."""

import concurrent.futures

from boxoffice import (Server, cancel, get_order, get_ticket, new_id, pay, run_cli, try_pay, wait_order,
                       wait_ticket)
from check import Cases, expect, expect_error, expect_errors, expect_not_found, wait_for
from test_catalogue import act
from test_listings import listing_body, make_listing, order_of, some_show, states, unseated

PARALLEL = 2
BUYERS = 60


def try_order(buyer, listing, quantity, status=201, **more):
    """The answer once orders has heard of the listing."""
    body = {"listingId": listing["id"], "quantity": quantity, **more}
    return wait_for(lambda: (lambda a: a if a.status == status else None)(
        buyer.post("/api/orders", body)), 20, f"{status} for {body}")


def order_several(buyer, listing, quantity, **more):
    return try_order(buyer, listing, quantity, **more).json


def refused(buyer, listing, quantity, status=409, **more):
    return try_order(buyer, listing, quantity, status, **more).json["errors"][0]


def some_listing(server, seats=5, **changes):
    _, show = some_show(server)
    seats = [str(n + 1) for n in range(seats)]
    return show, make_listing(server.as_user(), show["id"], seats=seats, **changes)


def places(order, listing):
    """Where the order's tickets are in the listing."""
    ids = [ticket["id"] for ticket in listing["tickets"]]
    return [ids.index(ticket["id"]) for ticket in order["tickets"]]


def test_neighbours_are_ordered_paid_and_sold_together(server):
    _, listing = some_listing(server, price=19.95)
    buyer = server.as_user()
    order = order_several(buyer, listing, 3)
    tickets = [{"id": t["id"], "title": f"Mono Lake, Block A, row 4, seat {i + 1}", "price": 19.95, "version": 0}
               for i, t in enumerate(listing["tickets"][:3])]
    assert order["tickets"] == tickets and order["ticket"] == tickets[0], order
    assert order["listingId"] == listing["id"] and order["total"] == 59.85, order
    assert get_order(buyer, order["id"]) == order
    assert expect(buyer.get("/api/orders"), 200).json == [order]
    for ticket in tickets:
        assert wait_ticket(buyer, ticket["id"], order["id"])["price"] == 19.95
    assert states(buyer, listing) == ["reserved"] * 3 + ["free"] * 2
    with server.listen("order:completed") as completed:
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        event = completed.wait_count(1)[0]["data"]
    assert event["tickets"] == [{"id": t["id"], "price": 19.95} for t in tickets]
    assert event["ticket"] == {"id": tickets[0]["id"], "price": 19.95, "title": tickets[0]["title"]}
    wait_for(lambda: states(buyer, listing) == ["sold"] * 3 + ["free"] * 2, 10, "all of them to be sold")


def test_what_is_charged_is_the_total_and_a_refund_frees_all():
    with Server() as server:
        _, listing = some_listing(server, price=10.01)
        buyer = server.as_user()
        order = order_several(buyer, listing, 4)
        paid = pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        done = run_cli("payments", "show", paid["id"], "--data", server.data)
        assert "40.04" in done.stdout, done
        done = run_cli("payments", "refund", paid["id"], "--data", server.data)
        assert done.returncode == 0, done
        wait_order(buyer, order["id"], "cancelled")
        wait_for(lambda: states(buyer, listing) == ["free"] * 5, 10, "all of them to be free")
        assert run_cli("payments", "audit", "--data", server.data).returncode == 0


def test_all_come_free_together(server):
    _, listing = some_listing(server)
    buyer = server.as_user()
    order = order_several(buyer, listing, 5)
    wait_for(lambda: states(buyer, listing) == ["reserved"] * 5, 10, "all of them to be held")
    cancel(buyer, order["id"])
    wait_for(lambda: states(buyer, listing) == ["free"] * 5, 10, "all of them to be free")
    assert get_order(buyer, order["id"])["tickets"] == order["tickets"]
    assert order_several(server.as_user(), listing, 5)["total"] == order["total"]


def test_time_frees_them_together():
    with Server(env={"ORDER_EXPIRATION_SECONDS": "1"}) as server:
        _, listing = some_listing(server)
        buyer = server.as_user()
        order = order_several(buyer, listing, 2)
        wait_order(buyer, order["id"], "cancelled", 30)
        wait_for(lambda: states(buyer, listing) == ["free"] * 5, 10, "all of them to be free")


def test_they_are_neighbours_or_nothing(server):
    _, listing = some_listing(server)
    order_of(server.as_user(), listing["tickets"][1]["id"])
    buyer = server.as_user()
    error = refused(buyer, listing, 4)
    assert (error["code"], error["together"]) == ("not_together", 3), error
    error = refused(buyer, listing, 5)
    assert (error["code"], error["left"]) == ("too_few", 4), error
    assert places(order_several(buyer, listing, 3), listing) == [2, 3, 4]
    assert places(order_several(buyer, listing, 1), listing) == [0]
    error = refused(buyer, listing, 1)
    assert (error["code"], error["left"]) == ("too_few", 0), error


def test_places_without_seats_are_no_neighbours(server):
    _, show = some_show(server)
    listing = expect(server.as_user().post("/api/listings", unseated(show["id"], 5)), 201).json
    order_of(server.as_user(), listing["tickets"][1]["id"])
    order_of(server.as_user(), listing["tickets"][3]["id"])
    assert places(order_several(server.as_user(), listing, 3), listing) == [0, 2, 4]


def test_the_split_is_obeyed(server):
    _, show = some_show(server)
    seller = server.as_user()
    splits = (("pairs", 6, {1: None, 3: None, 2: 201}), ("all", 4, {3: None, 1: None, 4: 201}),
              ("no_single", 4, {3: None, 2: 201}), ("no_single", 3, {2: None, 3: 201}), ("any", 3, {2: 201}))
    with Cases() as cases:
        for row, (split, seats, tries) in enumerate(splits):
            listing = make_listing(seller, show["id"], row=f"row {row}", split=split,
                                   seats=[str(n) for n in range(seats)])
            for quantity, status in tries.items():
                with cases(f"{quantity} of {seats}, {split}"):
                    if status:
                        order_several(server.as_user(), listing, quantity)
                    else:
                        error = refused(server.as_user(), listing, quantity)
                        assert (error["code"], error["left"]) == ("split", seats), error


def test_a_price_that_was_seen_is_the_most_that_is_paid(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    listing = make_listing(seller, show["id"], price=20)
    order_of(buyer, listing["tickets"][3]["id"])
    error = refused(buyer, listing, 2, total=39.99)
    assert error["code"] == "price_changed"
    assert error["order"]["total"] == 40 and len(error["order"]["tickets"]) == 2, error
    assert refused(buyer, listing, 2, price=19.99)["code"] == "price_changed"
    assert order_several(buyer, listing, 2, total=40, price=20)["total"] == 40
    alone = listing["tickets"][2]["id"]
    answer = buyer.post("/api/orders", {"ticketId": alone, "total": 19.99})
    assert answer.status == 409 and answer.json["errors"][0]["ticket"]["price"] == 20, answer
    assert expect(buyer.post("/api/orders", {"ticketId": alone, "total": 50}), 201).json["total"] == 20


def test_a_show_bounds_what_one_buyer_has(server):
    _, show = some_show(server, rules={"maxPerBuyer": 4})
    one = make_listing(server.as_user(), show["id"], row="1")
    other = make_listing(server.as_user(), show["id"], row="2")
    buyer = server.as_user()
    held = order_several(buyer, one, 3)
    assert refused(buyer, other, 2)["code"] == "max_per_buyer"
    order_of(buyer, other["tickets"][0]["id"])
    answer = order_of(buyer, other["tickets"][1]["id"], 409)
    assert answer.json["errors"][0]["code"] == "max_per_buyer", answer
    cancel(buyer, held["id"])
    order_several(buyer, other, 3)
    order_several(server.as_user(), one, 4)


def test_nothing_that_is_not_sold_is_ordered(server):
    staff, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    listing = make_listing(seller, show["id"], row="1")
    gone = make_listing(seller, show["id"], row="2")
    assert refused(seller, listing, 2)["code"] == "own_listing"
    expect(seller.delete(f"/api/listings/{gone['id']}"), 204)
    assert refused(buyer, gone, 2, 410)["code"] == "listing_withdrawn"
    expect_not_found(buyer.post("/api/orders", {"listingId": new_id(), "quantity": 1}))
    act(staff, "shows", show, "cancel")
    assert refused(buyer, listing, 2)["code"] == "show_cancelled"


def test_what_cannot_be_paid_at_once_is_not_ordered(server):
    _, listing = some_listing(server, price=500000)
    expect_error(try_order(server.as_user(), listing, 2, 400), 400,
                 "Together these tickets cost more than can be paid at once, order fewer")
    order_several(server.as_user(), listing, 1)


def test_what_a_body_gets_wrong_is_named(server):
    _, listing = some_listing(server)
    buyer, some = server.as_user(), listing["tickets"][0]["id"]
    quantity = [("quantity", "Quantity must be the number of tickets, 1 to 500")]
    bodies = [({"listingId": listing["id"]}, quantity)]
    bodies += [({"listingId": listing["id"], "quantity": n}, quantity)
               for n in (0, -1, 501, 1.5, "2", None, [2], True, 1e300)]
    bodies += [
        ({"listingId": "x", "quantity": 1}, [("listingId", "ListingId must be the id of a listing")]),
        ({"listingId": None, "quantity": 1}, [("listingId", "ListingId must be the id of a listing")]),
        ({"listingId": listing["id"], "ticketId": some, "quantity": 1},
         [("ticketId", "Send ticketId or listingId, not both")]),
        ({"ticketId": some, "quantity": 2}, [("quantity", "Send listingId to order more than one ticket")]),
        ({"listingId": listing["id"], "quantity": 1, "total": 0}, [("total", "Total must be greater than 0")]),
        ({"listingId": listing["id"], "quantity": 1, "version": 3},
         [("version", "Version is a ticket's: leave it out with listingId")]),
    ]
    with Cases() as cases:
        for body, fields in bodies:
            with cases(body):
                expect_errors(buyer.post("/api/orders", body), 400, [(message, field) for field, message in fields])
    expect(buyer.post("/api/orders", {"ticketId": some, "quantity": 1}), 201)


def test_whoever_holds_tickets_again_and_again_waits():
    with Server(env={"HOLDS_PER_HOUR": "2"}) as server:
        _, listing = some_listing(server)
        buyer = server.as_user()
        for quantity in (3, 2):
            cancel(buyer, order_several(buyer, listing, quantity)["id"])
        answer = try_order(buyer, listing, 5, 429)
        assert answer.json["errors"][0]["code"] == "held_too_often"
        assert 0 < int(answer.headers["Retry-After"]) <= 3600
        assert order_of(buyer, listing["tickets"][0]["id"], 429)
        assert order_of(buyer, listing["tickets"][4]["id"]).json["total"] == 49.9


def test_of_many_after_pairs_nobody_sits_alone():
    with Server(env={"ORDERS_PER_MINUTE": "0", "UNPAID_ORDERS_PER_ADDRESS": "0"}) as server:
        _, listing = some_listing(server, 40, split="pairs")
        order_several(server.as_user(), listing, 2)

        def after_a_pair(number):
            buyer = server.as_user()
            answer = buyer.post("/api/orders", {"listingId": listing["id"], "quantity": 2})
            return number, answer
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(after_a_pair, range(BUYERS)))
        won = [answer.json for _, answer in answers if answer.status == 201]
        lost = [answer for _, answer in answers if answer.status != 201]
        assert len(won) == 19, len(won)
        assert all(a.status == 409 and a.json["errors"][0]["code"] == "too_few" for a in lost), lost
        pairs = sorted(places(order, listing) for order in won)
        assert pairs == [[n, n + 1] for n in range(2, 40, 2)], pairs


def test_late_money_brings_all_back_or_nothing():
    with Server() as server, server.listen("payment:rejected") as rejected:
        _, listing = some_listing(server)
        buyer, other = server.as_user(), server.as_user()
        order, lost = order_several(buyer, listing, 2), order_several(buyer, listing, 3)
        for one in (order, lost):
            cancel(buyer, one["id"])
        wait_for(lambda: states(buyer, listing) == ["free"] * 5, 10, "all of them to be free")
        taken = order_of(other, lost["tickets"][1]["id"]).json
        for one in (order, lost):
            server.publish("payment:created", {"id": new_id(), "orderId": one["id"], "stripeId": "ch_late"})
        assert wait_order(buyer, order["id"], "complete")["tickets"] == order["tickets"]
        assert rejected.wait_count(1)[0]["data"]["orderId"] == lost["id"]
        assert get_order(buyer, lost["id"])["status"] == "cancelled"
        bought = [ticket["id"] for ticket in order["tickets"]]
        wait_for(lambda: [t["id"] for t in listing["tickets"] if get_ticket(buyer, t["id"]).get("sold")]
                 == bought, 10, "the first order's to be sold")
        assert get_ticket(buyer, taken["ticket"]["id"])["orderId"] == taken["id"]
        assert try_pay(buyer, lost["id"]).status == 400
