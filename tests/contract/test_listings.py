"""Proves what listings promise: tickets of one seller for one show, offered together; a seat stands on the
market once; what a show, a split or a seller does not allow is refused with the field and the way out."""

import concurrent.futures

from boxoffice import (Server, cancel, create_ticket, get_ticket, mailed_token, new_id, reserve,
                       wait_ticket)
from check import Cases, expect, expect_error, expect_not_authorized, expect_not_found, wait_for
from test_catalogue import YEAR, act, fault, make_show, make_venue, staff_of

PARALLEL = 2
DAY_MS = 86_400_000


def listing_body(show_id, **changes):
    return {"showId": show_id, "section": "Block A", "row": "4", "seats": ["12", "13", "14", "15"],
            "split": "any", "price": 49.9, "faceValue": 45, "restrictions": ["Under 16 with an adult"],
            "delivery": "issued", **changes}


def unseated(show_id, quantity, **changes):
    body = listing_body(show_id, quantity=quantity, **changes)
    return {key: value for key, value in body.items() if key not in ("seats", "section", "row")}


def make_listing(seller, show_id, **changes):
    return expect(seller.post("/api/listings", listing_body(show_id, **changes)), 201).json


def some_show(server, **changes):
    staff = staff_of(server)
    changes.setdefault("rules", {})
    return staff, make_show(staff, make_venue(staff)["id"], **changes)


def order_of(buyer, ticket_id, status=201):
    """The answer once orders has heard of the ticket and its listing."""
    return wait_for(lambda: (lambda a: a if a.status == status else None)(
        buyer.post("/api/orders", {"ticketId": ticket_id})), 20, f"{status} for an order of {ticket_id}")


def states(client, listing):
    shown = expect(client.get(f"/api/listings/{listing['id']}"), 200).json
    return [ticket["state"] for ticket in shown["tickets"]]


def test_a_listing_makes_one_ticket_a_seat(server):
    _, show = some_show(server)
    seller = server.as_user()
    made = make_listing(seller, show["id"])
    tickets = made.pop("tickets")
    assert made == {"id": made["id"], "version": 0, "userId": seller.user_id, "showId": show["id"],
                    "section": "Block A", "row": "4", "split": "any", "price": 49.9, "faceValue": 45,
                    "restrictions": ["Under 16 with an adult"], "delivery": "issued", "quantity": 4,
                    "free": 4, "onSale": True}
    assert [(t["seat"], t["state"]) for t in tickets] == [(s, "free") for s in ("12", "13", "14", "15")]
    ticket = get_ticket(server.client(), tickets[0]["id"])
    assert ticket == {"title": "Mono Lake, Block A, row 4, seat 12", "price": 49.9,
                      "userId": seller.user_id, "version": 0, "id": tickets[0]["id"],
                      "listingId": made["id"], "seat": "12"}
    on_sale = [t["id"] for t in expect(server.client().get("/api/tickets?limit=1000"), 200).json]
    assert all(t["id"] in on_sale for t in tickets)
    assert expect(seller.get("/api/listings/mine"), 200).json == [made]
    assert expect(server.client().get(f"/api/listings?showId={show['id']}"), 200).json == [made]
    assert expect(server.client().get(f"/api/listings/{made['id']}/"), 200).json["tickets"] == tickets


def test_places_without_seats_and_numbers_as_seats(server):
    _, show = some_show(server)
    seller = server.as_user()
    standing = expect(seller.post("/api/listings", unseated(show["id"], 3)), 201).json
    assert standing["quantity"] == 3 and "section" not in standing and "seat" not in standing["tickets"][0]
    assert get_ticket(seller, standing["tickets"][2]["id"])["title"] == "Mono Lake"
    numbered = make_listing(seller, show["id"], seats=[7, 8], quantity=2)
    assert [t["seat"] for t in numbered["tickets"]] == ["7", "8"]
    long = make_listing(seller, show["id"], seats=["9" * 20], section="S" * 40, row="R" * 40)
    assert len(get_ticket(seller, long["tickets"][0]["id"])["title"]) <= 200


def test_where_sellers_confirm_their_address_nobody_else_offers():
    with Server(env={"CONFIRMED_SELLERS": "on"}) as server:
        _, show = some_show(server)
        seller = server.sign_up()
        answer = seller.post("/api/listings", listing_body(show["id"]))
        assert answer.status == 403 and answer.json["errors"][0]["code"] == "address_unconfirmed", answer
        expect(server.client().post("/api/users/verify", {"token": mailed_token(server, seller.email, "/auth/verify")}), 200)
        wait_for(lambda: seller.post("/api/listings", listing_body(show["id"])).status == 201, 5, "it is heard of")


def test_a_plain_ticket_is_what_it_was(server):
    seller = server.as_user()
    ticket = create_ticket(seller, "Front row", 20)
    assert ticket == {"title": "Front row", "price": 20, "userId": seller.user_id, "version": 0,
                      "id": ticket["id"]}
    assert order_of(seller, ticket["id"]).json["ticket"]["id"] == ticket["id"]  # one's own, as ever


def test_a_seat_stands_on_the_market_once(server):
    _, show = some_show(server)
    _, other_show = some_show(server)
    first, second = server.as_user(), server.as_user()
    make_listing(first, show["id"])
    with Cases() as cases:
        for section, row, seat in (("Block A", "4", "12"), (" block a", "04", "0012"),
                                   ("BLOCKA", " 4 ", "1 2"), ("\uff22lock A", "4", "\uff11\uff12"),
                                   ("Block\u200bA", "4", "12")):
            with cases(f"{section} {row} {seat}"):
                answer = second.post("/api/listings", listing_body(
                    show["id"], section=section, row=row, seats=["99", seat]))
                error = expect(answer, 409).json["errors"][0]
                assert (error["code"], error["seat"]) == ("seat_taken", seat.strip()), error
        for changes in ({"section": "Block B"}, {"row": "40"}, {"seats": ["120"]},
                        {"section": "Bl\u00f8ck A"}):
            with cases(changes):
                expect(second.post("/api/listings", listing_body(show["id"], **changes)), 201)
        with cases("another show"):
            expect(second.post("/api/listings", listing_body(other_show["id"])), 201)
    assert [listing["free"] for listing in second.get("/api/listings/mine").json] == [4, 4, 1, 4, 4]


def test_of_a_thousand_sellers_at_once_one_gets_the_seat(server):
    _, show = some_show(server)
    make_listing(server.as_user(), show["id"], row="warm-up")  # tickets has heard of the show

    def offer(number):
        body = listing_body(show["id"], seats=[str(number % 3), str(3 + number % 5)])
        return server.as_user(f"seller-{number}").post("/api/listings", body).status

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(offer, range(1000)))
    assert set(answers) <= {201, 409}, set(answers)
    listed = [t["seat"] for listing in server.client().get(
        f"/api/listings?showId={show['id']}&limit=1000").json if listing["row"] != "warm-up"
        for t in server.client().get(f"/api/listings/{listing['id']}").json["tickets"]]
    assert len(listed) == len(set(listed)) == 2 * answers.count(201) > 0, listed


def test_what_a_body_gets_wrong_is_named_with_the_way_out(server):
    _, show = some_show(server)
    seller = server.as_user()
    many = [str(n) for n in range(1000, 1501)]
    wrong = (
            ({"seats": ["12", " 012"]}, "seats", "twice"), ({"seats": []}, "seats", "empty"),
            ({"seats": "12"}, "seats", "empty"), ({"seats": ["x" * 21]}, "seats", "unreadable"),
            ({"seats": [""]}, "seats", "unreadable"), ({"seats": [None]}, "seats", "unreadable"),
            ({"seats": many}, "seats", "too_many"), ({"seats": ["a"] * 10001}, "seats", "too_many"),
            ({"quantity": 3}, "quantity", "differs"), ({"quantity": 0}, "quantity", "too_small"),
            ({"quantity": 2.5}, "quantity", "too_small"), ({"quantity": 10001}, "quantity", "too_many"),
            ({"seats": None}, "seats", "empty"), ({"split": "threes"}, "split", "unknown"),
            ({"split": "pairs", "seats": ["1", "2", "3"]}, "split", "cannot_be_met"),
            ({"split": "no_single", "seats": ["1"]}, "split", "cannot_be_met"),
            ({"price": 0}, "price", "too_small"), ({"price": "x"}, "price", "not_a_number"),
            ({"faceValue": -1}, "faceValue", "not_a_price"), ({"delivery": "by hand"}, "delivery", "unknown"),
            ({"restrictions": ["x"] * 11}, "restrictions", "too_many"),
            ({"restrictions": ["x" * 201]}, "restrictions", "unreadable"),
            ({"section": "x" * 41}, "section", "unreadable"), ({"row": 4}, "row", "unreadable"),
            ({"section": "A\nB"}, "section", "unreadable"), ({"row": "\ufeff4"}, "row", "unreadable"),
            ({"seats": ["1\u2028"]}, "seats", "unreadable"),
            ({"restrictions": ["a\u0085b"]}, "restrictions", "unreadable"),
            ({"showId": "17"}, "showId", "unreadable"), ({"showId": new_id()}, "showId", "unknown_show"))
    with Cases() as cases:
        for changes, field, code in wrong:
            with cases(str(changes)[:60]):
                found, hint = fault(seller.post("/api/listings", listing_body(show["id"], **changes)), field)
                assert found == code and hint, (found, hint)
    empty = seller.post("/api/listings", {})
    assert [error["field"] for error in expect(empty, 400).json["errors"]] == [
        "showId", "seats", "split", "price", "delivery"]
    assert seller.get("/api/listings/mine").json == []
    expect_not_authorized(server.client().post("/api/listings", listing_body(show["id"])))
    expect_not_found(seller.get(f"/api/listings/{new_id()}"))
    expect(seller.get("/api/listings"), 400)
    expect_not_found(seller.get(f"/api/listings?showId={new_id()}"))


def test_a_dry_run_looks_at_everything_and_stores_nothing(server):
    _, show = some_show(server)
    seller, other = server.sign_up(), server.sign_up()
    body = listing_body(show["id"], dryRun=True)
    for _ in range(2):
        assert expect(seller.post("/api/listings", body), 200).json == {"quantity": 4, "price": 49.9, "total": 199.6}
    assert expect(seller.get(f"/api/listings?showId={show['id']}"), 200).json == []
    expect_error(seller.post("/api/listings", {**body, "dryRun": "yes"}), 400, "DryRun must be true or false", "dryRun")
    fault(seller.post("/api/listings", {**body, "split": "whatever"}), "split")
    make_listing(other, show["id"], dryRun=False)
    assert expect(seller.post("/api/listings", body), 409).json["errors"][0]["code"] == "seat_taken"


def test_five_hundred_seats_are_one_listing(server):
    _, show = some_show(server)
    seller = server.as_user()
    listing = make_listing(seller, show["id"], seats=[str(n) for n in range(500)], split="pairs")
    assert len(listing["tickets"]) == listing["free"] == 500
    assert len({t["id"] for t in listing["tickets"]}) == 500


def test_nothing_is_listed_for_a_show_that_is_not_to_come(server):
    staff, show = some_show(server)
    seller = server.as_user()
    proposed = make_show(seller, make_venue(staff)["id"])
    cancelled = make_show(staff, show["venueId"])
    act(staff, "shows", cancelled, "cancel")
    postponed = make_show(staff, show["venueId"], rules={})
    act(staff, "shows", postponed, "postpone")
    merged = make_show(staff, show["venueId"])
    act(staff, "shows", merged, "merge", into=show["id"])
    for thing, code in ((proposed, "show_proposed"), (cancelled, "show_cancelled")):
        wait_for(lambda: fault(seller.post("/api/listings", listing_body(thing["id"])), "showId")[0] == code,
                 10, code)
    make_listing(seller, postponed["id"])
    wait_for(lambda: seller.post("/api/listings", listing_body(
        merged["id"], row=new_id())).json.get("showId") == show["id"], 10, "the other show's listing")


def test_a_show_bounds_prices_by_face_value(server):
    _, show = some_show(server, rules={"maxOverFaceBps": 2000})
    seller = server.as_user()
    body = listing_body(show["id"], faceValue=50, price=60)
    listing = expect(seller.post("/api/listings", body), 201).json
    dearer = seller.post("/api/listings", {**body, "row": "5", "price": 60.01})
    assert fault(dearer, "price") == ("over_face", "This show allows at most $60.00 at that face value")
    assert dearer.json["errors"][0]["message"] == "Price must be within what the show allows"
    assert fault(seller.post("/api/listings", {**body, "faceValue": None}), "faceValue")[0] == "empty"
    path = f"/api/listings/{listing['id']}"
    assert fault(seller.put(path, {**body, "price": 61}), "price")[0] == "over_face"
    assert expect(seller.put(path, {**body, "price": 55}), 200).json["price"] == 55


def test_what_happens_to_a_show_later_is_heard(server):
    staff, show = some_show(server)
    seller, buyer, visitor = server.as_user(), server.as_user(), server.client()
    listing = make_listing(seller, show["id"])
    ticket = listing["tickets"][0]["id"]
    kept = order_of(buyer, ticket).json
    act(staff, "shows", show, "cancel")
    path = f"/api/listings/{listing['id']}"
    gone = wait_for(lambda: (lambda l: None if l["onSale"] else l)(visitor.get(path).json), 10, "it to leave")
    assert gone["notOnSale"]["code"] == "show_cancelled" and gone["free"] == 3
    assert visitor.get(f"/api/listings?showId={show['id']}").json == []
    on_sale = {t["id"] for t in visitor.get("/api/tickets?limit=1000").json}
    assert not on_sale & {t["id"] for t in listing["tickets"]}
    refused = order_of(buyer, listing["tickets"][1]["id"], 409)
    assert refused.json["errors"][0]["code"] == "show_cancelled"
    assert buyer.get(f"/api/orders/{kept['id']}").json["status"] == "created"


def test_what_was_of_a_merged_show_is_of_the_other(server):
    staff, show = some_show(server)
    double = make_show(staff, show["venueId"], rules={})
    early, late = server.as_user(), server.as_user()
    stays = make_listing(early, show["id"], seats=["1", "2"])
    moves = make_listing(late, double["id"], seats=["2", "3"])
    act(staff, "shows", double, "merge", into=show["id"])
    moved = wait_for(lambda: (lambda l: l if l["showId"] == show["id"] else None)(
        late.get(f"/api/listings/{moves['id']}").json), 10, "it to move")
    assert moved["version"] == 1 and states(late, moves) == ["withdrawn", "free"]
    assert states(early, stays) == ["free", "free"]
    listed = server.client().get(f"/api/listings?showId={double['id']}").json
    assert {listing["id"] for listing in listed} == {stays["id"], moves["id"]}
    taken = late.post("/api/listings", listing_body(show["id"], seats=["3"]))
    assert taken.json["errors"][0]["code"] == "seat_taken"
    order_of(early, moved["tickets"][1]["id"])


def test_a_change_is_of_what_is_free(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    listing = make_listing(seller, show["id"])
    path, held = f"/api/listings/{listing['id']}", listing["tickets"][0]["id"]
    order = order_of(buyer, held).json
    wait_ticket(seller, held, order["id"])
    terms = {"split": "no_single", "price": 30, "delivery": "upload", "restrictions": []}
    changed = expect(seller.put(path, terms), 200).json
    assert (changed["version"], changed["price"], changed["split"], changed["delivery"],
            changed["free"]) == (1, 30, "no_single", "upload", 3)
    assert "faceValue" not in changed
    prices = [get_ticket(seller, t["id"])["price"] for t in listing["tickets"]]
    assert prices == [49.9, 30, 30, 30]
    cancel(buyer, order["id"])
    wait_for(lambda: get_ticket(seller, held)["price"] == 30, 10, "what is free again to cost the same")
    expect_not_authorized(buyer.put(path, terms))
    expect_not_authorized(server.client().put(path, terms))
    assert fault(seller.put(path, {**terms, "price": -1}), "price")[0] == "too_small"
    expect_error(seller.put(f"/api/tickets/{held}", {"title": "Mine", "price": 1}), 409,
                 "This ticket is one of a listing, change the listing")
    order_of(buyer, listing["tickets"][1]["id"])
    wait_for(lambda: seller.get(path).json["free"] == 3, 10, "it to be reserved")
    refused = seller.put(path, {**terms, "split": "pairs"})
    assert refused.status == 409 and refused.json["errors"][0]["code"] == "split_left"


def test_taking_down_leaves_what_orders_have(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    listing = make_listing(seller, show["id"])
    path, held = f"/api/listings/{listing['id']}", listing["tickets"][0]["id"]
    order = order_of(buyer, held).json
    wait_ticket(seller, held, order["id"])
    expect(seller.delete(f"/api/tickets/{listing['tickets'][1]['id']}"), 204)
    assert states(seller, listing) == ["reserved", "withdrawn", "free", "free"]
    expect_not_authorized(buyer.delete(path))
    expect_not_authorized(server.client().delete(path))
    for _ in range(2):
        expect(seller.delete(path), 204)
    assert states(seller, listing) == ["reserved", "withdrawn", "withdrawn", "withdrawn"]
    shown = seller.get(path).json
    assert (shown["version"], shown["notOnSale"]["code"], shown["free"]) == (1, "listing_withdrawn", 0)
    expect(seller.put(path, {"split": "any", "price": 1, "delivery": "issued"}), 410)
    assert seller.post("/api/listings", listing_body(show["id"], seats=["12"])).status == 409
    cancel(buyer, order["id"])
    wait_for(lambda: states(seller, listing)[0] == "withdrawn", 10, "what came back to be taken down")
    again = wait_for(lambda: (lambda a: a if a.status == 201 else None)(
        server.as_user().post("/api/listings", listing_body(show["id"]))), 10, "the seats to be free")
    assert again.json["free"] == 4


def test_a_split_lets_no_ticket_go_that_it_keeps(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    splits = (("any", 4, 201, 204), ("pairs", 4, 409, 409), ("all", 4, 409, 204), ("no_single", 2, 409, 409),
              ("no_single", 4, 201, 204), ("all", 1, 201, 204))
    with Cases() as cases:
        for row, (split, seats, alone, down) in enumerate(splits):
            with cases(f"{split} of {seats}"):
                listing = make_listing(seller, show["id"], row=f"row {row}", split=split,
                                       seats=[str(n) for n in range(seats)])
                first, last = listing["tickets"][0]["id"], listing["tickets"][-1]["id"]
                got = order_of(buyer, first, alone)
                if alone == 201:
                    cancel(buyer, got.json["id"])
                    wait_for(lambda: get_ticket(seller, first)["version"] >= 2, 10, "it to be free")
                else:
                    assert got.json["errors"][0]["code"] == "split", got
                expect(seller.delete(f"/api/tickets/{last}"), down)


def test_nobody_buys_from_themselves(server):
    _, show = some_show(server)
    seller = server.as_user()
    listing = make_listing(seller, show["id"])
    refused = order_of(seller, listing["tickets"][0]["id"], 409)
    assert refused.json["errors"][0]["code"] == "own_listing"


def test_a_seller_has_so_much_on_the_market():
    with Server(env={"LISTED_TICKETS_PER_USER": "5"}) as server:
        _, show = some_show(server)
        seller = server.as_user()
        make_listing(seller, show["id"])
        refused = seller.post("/api/listings", unseated(show["id"], 2))
        assert refused.status == 429 and refused.json["errors"][0]["code"] == "too_many_listed"
        assert "Retry-After" in refused.headers
        expect(seller.post("/api/listings", unseated(show["id"], 1)), 201)
        create_ticket(seller)
        expect(server.as_user().post("/api/listings", unseated(show["id"], 5)), 201)


def test_a_sellers_listings_come_in_pages(server):
    _, show = some_show(server)
    seller = server.as_user()
    made = [make_listing(seller, show["id"], row=str(n))["id"] for n in range(5)]
    for address in ("/api/listings/mine?limit=3", f"/api/listings?showId={show['id']}&sort=newest&limit=3"):
        first = expect(seller.get(address), 200)
        assert [listing["id"] for listing in first.json] == made[:1:-1]
        path = first.headers["Link"].split(">")[0][1:]
        assert [listing["id"] for listing in expect(seller.get(path), 200).json] == made[1::-1]
