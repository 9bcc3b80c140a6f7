"""Proves the tickets rows of the contract: list, show, create, edit; prices; versions."""

import re

from boxoffice import (Server, buy, cancel, create_ticket, get_order, get_ticket, new_id, pay, reserve,
                       try_reserve, wait_order, wait_ticket)
from check import (Cases, expect, expect_error, expect_errors, expect_id, expect_not_authorized,
                   expect_not_found, expect_something_wrong, wait_for)

PARALLEL = 6

TITLE = ("Title is required", "title")
PRICE = ("Price must be greater than 0", "price")
EDIT_PRICE = ("Price must be provided and must be greater than 0", "price")
BAD_TITLES = ["", "   ", "\t\n", None, 5, True, [], {}, ["x"], "x" * 201]
GOOD_TITLES = ["x", "x" * 200, "\N{ADMISSION TICKETS}" * 200, "Zürich – Opéra", "<b>&\"'\\</b>",
               "a\tb", "日本語", "'; DROP TABLE tickets; --"]
BAD_PRICES = [0, -1, -0.01, 0.001, 33.333, 1000000, 999999.999, 1e15, 1e300, "abc", "", " ", "0",
              "-1", "33.333", "1000000", "1e400", "0x10", "NaN", "Infinity", "12abc", "1,50",
              "1.2.3", True, False, None, [], {}, [20], {"amount": 20}]
GOOD_PRICES = [(20, "20"), (33.3, "33.3"), (0.5, "0.5"), (0.01, "0.01"), (999999.99, "999999.99"),
               (999999, "999999"), (49.9, "49.9"), (19.99, "19.99"), (0.07, "0.07"),
               (1234.56, "1234.56"), (10.0, "10"), ("49.90", "49.9"), ("20", "20"), ("0.5", "0.5"),
               ("999999.99", "999999.99")]


def numbers_in(answer, name):
    """The JSON numbers a field has, as they are on the wire."""
    return re.findall(rf'"{name}":\s*([^,}}\]]+)', answer.body.decode())


def for_sale(client):
    """The ids on the first page of the list."""
    return [ticket["id"] for ticket in expect(client.get("/api/tickets?limit=1000"), 200).json]


def edit(client, ticket_id, title="Edited", price=30):
    return client.put(f"/api/tickets/{ticket_id}", {"title": title, "price": price})


# --- create

def test_creating_needs_a_session(server):
    expect_not_authorized(server.client().post("/api/tickets", {"title": "A seat", "price": 20}))
    expect_not_authorized(server.client().post("/api/tickets", {}))
    expect_not_authorized(server.client().post("/api/tickets"))


def test_a_created_ticket_has_exactly_what_was_sent(server):
    seller = server.as_user()
    answer = expect(seller.post("/api/tickets", {"title": "A seat", "price": 20}), 201)
    ticket = answer.json
    expect_id(ticket["id"])
    assert ticket["title"] == "A seat" and ticket["price"] == 20, ticket
    assert ticket["userId"] == seller.user_id and ticket["version"] == 0, ticket
    assert ticket.get("orderId") is None, ticket
    shown = get_ticket(server.client(), ticket["id"])
    assert shown == ticket, f"{shown} != {ticket}"


def test_bad_titles_are_refused(server):
    seller = server.as_user()
    with Cases() as case:
        for title in BAD_TITLES:
            with case(title):
                answer = seller.post("/api/tickets", {"title": title, "price": 20})
                expect_error(answer, 400, *TITLE)
        with case("no title"):
            expect_error(seller.post("/api/tickets", {"price": 20}), 400, *TITLE)


def test_good_titles_are_kept_to_the_letter(server):
    seller = server.as_user()
    with Cases() as case:
        for title in GOOD_TITLES:
            with case(title):
                ticket = create_ticket(seller, title)
                assert ticket["title"] == title, ticket["title"]
                assert get_ticket(seller, ticket["id"])["title"] == title


def test_bad_prices_are_refused(server):
    seller = server.as_user()
    with Cases() as case:
        for price in BAD_PRICES:
            with case(price):
                expect_error(seller.post("/api/tickets", {"title": "A seat", "price": price}), 400,
                             *PRICE)
        with case("no price"):
            expect_error(seller.post("/api/tickets", {"title": "A seat"}), 400, *PRICE)


def test_good_prices_are_numbers_on_the_wire(server):
    seller = server.as_user()
    with Cases() as case:
        for price, shown in GOOD_PRICES:
            with case(price):
                answer = seller.post("/api/tickets", {"title": "A seat", "price": price})
                assert numbers_in(expect(answer, 201), "price") == [shown], answer
                again = seller.get(f"/api/tickets/{answer.json['id']}")
                assert numbers_in(again, "price") == [shown], again


def test_a_price_may_be_written_with_zeros_behind(server):
    seller = server.as_user()
    with Cases() as case:
        for written, shown in [(b"20.00", "20"), (b"33.30", "33.3"), (b"0.50", "0.5")]:
            with case(written.decode()):
                answer = seller.post("/api/tickets", raw=b'{"title":"A","price":%s}' % written)
                assert numbers_in(expect(answer, 201), "price") == [shown], answer


def test_creating_reports_all_fields_in_order(server):
    seller = server.as_user()
    with Cases() as case:
        for body in [{}, {"price": -10, "title": ""}, {"title": 1, "price": "x"}]:
            with case(body):
                expect_errors(seller.post("/api/tickets", body), 400, [TITLE, PRICE])
        with case("no body"):
            expect_errors(seller.post("/api/tickets"), 400, [TITLE, PRICE])


def test_fields_that_are_not_asked_for_are_ignored(server):
    seller = server.as_user()
    body = {"title": "A seat", "price": 20, "id": new_id(), "userId": "someone", "version": 7,
            "orderId": new_id(), "__proto__": {"x": 1}, "extra": [1, {"a": "b"}]}
    ticket = expect(seller.post("/api/tickets", body), 201).json
    assert ticket["userId"] == seller.user_id and ticket["version"] == 0, ticket
    assert ticket["id"] != body["id"] and ticket.get("orderId") is None, ticket
    assert "extra" not in get_ticket(seller, ticket["id"])
    changed = expect(seller.put(f"/api/tickets/{ticket['id']}", {**body, "price": 21}), 200).json
    assert changed["version"] == 1 and changed["userId"] == seller.user_id, changed
    assert changed["id"] == ticket["id"] and changed.get("orderId") is None, changed


# --- what is wrong with a field

def test_a_refused_field_says_what_is_wrong_and_the_way_out(server):
    seller = server.as_user()
    cases = [("title", "", "empty"), ("title", " ", "empty"), ("title", "\u200b\u2800", "invisible"),
             ("title", "x" * 201, "too_long"), ("title", 5, "empty"), ("price", None, "empty"),
             ("price", " ", "empty"), ("price", "19,99", "not_a_number"),
             ("price", "€20", "not_a_number"), ("price", [20], "not_a_number"),
             ("price", 20.555, "too_many_decimals"), ("price", "20.555", "too_many_decimals"),
             ("price", 0, "too_small"), ("price", "-3", "too_small"), ("price", "0.00", "too_small"),
             ("price", 1000000, "too_large"), ("price", "1000000", "too_large")]
    path = f"/api/tickets/{create_ticket(seller)['id']}"
    with Cases() as case:
        for field, value, code in cases:
            body = {"title": "A seat", "price": 20, field: value}
            for ask, message in ((lambda: seller.post("/api/tickets", body), PRICE[0]),
                                 (lambda: seller.put(path, body), EDIT_PRICE[0])):
                with case((field, value)):
                    answer = ask()
                    expect_error(answer, 400, TITLE[0] if field == "title" else message, field)
                    error = answer.json["errors"][0]
                    assert error["code"] == code and len(error["hint"]) > 10, error
    assert "$0.01" in seller.post("/api/tickets", {"title": "A", "price": 0}).json["errors"][0]["hint"]


# --- titles

def test_a_title_of_nothing_visible_is_no_title(server):
    seller = server.as_user()
    with Cases() as case:
        for title in ["\u200b", "\u200e", "\u00a0", "\u3000 \u2003", "\u2060\ufeff", "\u00ad", "\u3164",
                      "\u115f\u1160", "\uffa0", "\u2800", "\u034f", "\ufe0f", "\u0301", "\u202e",
                      "\u180e", "\u2028", "\U000e0041", "\ue000", "\ufffc", "\u0085"]:
            with case(title):
                expect_error(seller.post("/api/tickets", {"title": title, "price": 20}), 400, *TITLE)


def test_a_title_does_not_reach_beyond_itself(server):
    seller = server.as_user()
    with Cases() as case:
        for typed, kept in [("txt\u202eexe.", "txtexe."), ("\u202dA\u202c", "A"), ("A\u202b", "A"),
                            ("A\u2069B\u202c", "AB"), ("A\u2066B", "AB"),
                            ("Z" + "\u0300" * 40 + "a", "Z" + "\u0300" * 3 + "a"),
                            ("\u0e01" + "\u0e47" * 20, "\u0e01" + "\u0e47" * 3)]:
            with case(typed):
                ticket = create_ticket(seller, typed)
                assert ticket["title"] == kept, ticket
                edited = expect(edit(seller, ticket["id"], typed), 200).json
                assert edited["title"] == kept, edited
                assert get_ticket(seller, ticket["id"])["title"] == kept


def test_letters_of_any_script_and_emoji_stay_as_they_are(server):
    seller = server.as_user()
    with Cases() as case:
        for title in ["مسرح المدينة", "מֹועֵד בָּעִיר", "\u2067שלום\u2069 tonight", "می‌خواهم",
                      "👨‍👩‍👧‍👦 family", "🏳️‍🌈 1️⃣ ❤️ 👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "क्षत्रिय", "Trần Đức",
                      "à l'opéra", "e\u0302\u0301"]:
            with case(title):
                assert create_ticket(seller, title)["title"] == title


# --- the least price

def test_a_price_that_cannot_be_charged_is_refused_naming_the_least():
    with Server(env={"PRICE_MINIMUM": "0.50"}) as server:
        seller = server.as_user()
        answer = seller.post("/api/tickets", {"title": "A seat", "price": 0.3})
        expect_error(answer, 400, *PRICE)
        error = answer.json["errors"][0]
        assert error["code"] == "too_small" and "$0.50" in error["hint"], error
        ticket = create_ticket(seller, price=0.5)
        expect_error(edit(seller, ticket["id"], price=0.49), 400, *EDIT_PRICE)


def test_tickets_below_a_new_least_price_leave_the_list_and_their_seller_is_told(server):
    with Server() as market:
        seller, buyer = market.as_user(), market.as_user()
        cheap, dear = create_ticket(seller, "Cheap", 0.3), create_ticket(seller, "Dear", 20)
        market.env["PRICE_MINIMUM"] = "0.50"
        market.restart()
        seller, buyer = market.as_user(seller.user_id), market.as_user()
        assert for_sale(market.client()) == [dear["id"]]
        mine = {one["id"]: one for one in expect(seller.get("/api/tickets/mine"), 200).json}
        told = mine[cheap["id"]]["notOnSale"]
        assert told["code"] == "price_below_minimum" and "$0.50" in told["hint"], told
        assert "notOnSale" not in mine[dear["id"]], mine
        assert get_ticket(market.client(), cheap["id"])["notOnSale"] == told
        answer = try_reserve(buyer, cheap["id"])
        expect_error(answer, 400, "This ticket cannot be paid for at its price")
        expect(edit(seller, cheap["id"], price=5), 200)
        assert cheap["id"] in for_sale(market.client())


# --- show

def test_anyone_can_look_at_a_ticket(server):
    ticket = create_ticket(server.as_user())
    assert get_ticket(server.client(), ticket["id"])["id"] == ticket["id"]
    assert get_ticket(server.as_user(), ticket["id"])["id"] == ticket["id"]


def test_an_id_may_be_in_either_case(server):
    seller = server.as_user()
    ticket = create_ticket(seller)
    assert get_ticket(seller, ticket["id"].upper())["id"] == ticket["id"]
    changed = expect(edit(seller, ticket["id"].upper()), 200).json
    assert changed["id"] == ticket["id"]


def test_an_unknown_ticket_is_not_found(server):
    expect_not_found(server.client().get(f"/api/tickets/{new_id()}"))


def test_what_is_no_id_goes_wrong(server):
    seller = server.as_user()
    bad = ["abc", "0", new_id()[:-1], new_id() + "0", "g" * 24, "-" + new_id()[1:],
           new_id()[:-3] + "%00", "x" * 2000, "%F0%9F%8E%9F", new_id() + "%20", "null"]
    with Cases() as case:
        for ticket_id in bad:
            with case(ticket_id):
                expect_something_wrong(seller.get(f"/api/tickets/{ticket_id}"))
                expect_something_wrong(edit(seller, ticket_id))


# --- list

def test_the_list_has_what_is_for_sale_newest_first(server):
    seller = server.as_user()
    made = [create_ticket(seller, f"Seat {n}")["id"] for n in range(4)]
    mine = [ticket_id for ticket_id in for_sale(server.client()) if ticket_id in made]
    assert mine == made[::-1], "newest first"


def test_a_listed_ticket_looks_like_a_shown_one(server):
    ticket = create_ticket(server.as_user(), "Listed", 12.5)
    listed = expect(server.client().get("/api/tickets?limit=1000"), 200).json
    assert ticket in listed, f"{ticket} not in the list"


def test_reserved_and_sold_tickets_leave_the_list(server):
    seller, buyer = server.as_user(), server.as_user()
    reserved, sold, free = (create_ticket(seller)["id"] for _ in range(3))
    order = reserve(buyer, reserved)
    wait_ticket(buyer, reserved, order["id"])
    wait_ticket(buyer, sold, buy(buyer, sold)["id"])
    listed = for_sale(server.client())
    assert free in listed and reserved not in listed and sold not in listed
    cancel(buyer, order["id"])
    wait_ticket(buyer, reserved, None)
    listed = for_sale(server.client())
    assert reserved in listed, "a ticket that is free again is listed again"


# --- edit

def test_the_owner_edits_and_the_version_rises_by_one(server):
    seller = server.as_user()
    ticket = create_ticket(seller)
    for version in (1, 2, 3):
        changed = expect(edit(seller, ticket["id"], f"Edit {version}", 20.5 + version), 200).json
        assert changed["title"] == f"Edit {version}" and changed["price"] == 20.5 + version, changed
        assert changed["version"] == version and changed["id"] == ticket["id"], changed
        assert get_ticket(server.client(), ticket["id"]) == changed


def test_editing_needs_a_session(server):
    ticket = create_ticket(server.as_user())
    expect_not_authorized(edit(server.client(), ticket["id"]))
    expect_not_authorized(edit(server.client(), new_id()))


def test_only_the_owner_edits(server):
    ticket = create_ticket(server.as_user())
    expect_not_authorized(edit(server.as_user(), ticket["id"]))
    assert get_ticket(server.client(), ticket["id"]) == ticket


def test_an_unknown_ticket_cannot_be_edited(server):
    expect_not_found(edit(server.as_user(), new_id()))


def test_bad_edits_are_refused_and_change_nothing(server):
    seller = server.as_user()
    ticket = create_ticket(seller)
    path = f"/api/tickets/{ticket['id']}"
    with Cases() as case:
        for title in BAD_TITLES:
            with case(("title", title)):
                expect_error(seller.put(path, {"title": title, "price": 20}), 400, *TITLE)
        for price in BAD_PRICES:
            with case(("price", price)):
                answer = seller.put(path, {"title": "A seat", "price": price})
                expect_error(answer, 400, *EDIT_PRICE)
        with case("no title"):
            expect_error(seller.put(path, {"price": 20}), 400, *TITLE)
        with case("no price"):
            expect_error(seller.put(path, {"title": "A seat"}), 400, *EDIT_PRICE)
        with case("nothing"):
            expect_errors(seller.put(path, {}), 400, [TITLE, EDIT_PRICE])
        with case("no body"):
            expect_errors(seller.put(path), 400, [TITLE, EDIT_PRICE])
    assert get_ticket(seller, ticket["id"]) == ticket


def test_an_edit_is_checked_in_the_order_of_the_contract(server):
    seller, stranger = server.as_user(), server.as_user()
    ticket = create_ticket(seller)
    order = reserve(stranger, ticket["id"])
    wait_ticket(seller, ticket["id"], order["id"])
    path = f"/api/tickets/{ticket['id']}"
    unknown = f"/api/tickets/{new_id()}"
    bad = {"title": "", "price": 0}
    expect_something_wrong(server.client().put(path, raw=b"{"))
    expect_not_authorized(server.client().put(path, bad))
    expect_errors(stranger.put(unknown, bad), 400, [TITLE, EDIT_PRICE])
    expect_errors(stranger.put(path, bad), 400, [TITLE, EDIT_PRICE])
    expect_not_found(stranger.put(unknown, {"title": "x", "price": 1}))
    expect_not_authorized(stranger.put(path, {"title": "x", "price": 1}))
    expect_error(seller.put(path, {"title": "x", "price": 1}), 400, "Cannot edit a reserved ticket")


def test_a_reserved_or_sold_ticket_cannot_be_edited(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)
    order = reserve(buyer, ticket["id"])
    held = wait_ticket(buyer, ticket["id"], order["id"])
    expect_error(edit(seller, ticket["id"]), 400, "Cannot edit a reserved ticket")
    assert get_ticket(seller, ticket["id"]) == held, "a refused edit changed the ticket"
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    expect_error(edit(seller, ticket["id"]), 400, "Cannot edit a reserved ticket")


def test_a_ticket_can_be_edited_again_when_its_order_is_cancelled(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)
    order = reserve(buyer, ticket["id"])
    wait_ticket(buyer, ticket["id"], order["id"])
    cancel(buyer, order["id"])
    wait_ticket(buyer, ticket["id"], None)
    assert expect(edit(seller, ticket["id"]), 200).json["version"] == 3


# --- versions and the order's price, along a ticket's life

def test_versions_count_every_change_of_a_ticket(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)
    assert ticket["version"] == 0
    first = reserve(buyer, ticket["id"])
    assert wait_ticket(buyer, ticket["id"], first["id"])["version"] == 1
    cancel(buyer, first["id"])
    assert wait_ticket(buyer, ticket["id"], None)["version"] == 2

    def again():
        answer = buyer.post("/api/orders", {"ticketId": ticket["id"]})
        return answer if answer.status == 201 else None
    second = wait_for(again, 10, "to reserve again").json
    assert wait_ticket(buyer, ticket["id"], second["id"])["version"] == 3
    pay(buyer, second["id"])
    wait_order(buyer, second["id"], "complete")
    sold = wait_ticket(buyer, ticket["id"], second["id"])
    assert sold["version"] in (3, 4), f"sold: {sold}"


def test_an_order_keeps_the_price_it_was_made_at(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller, "Early bird", 10)
    early = reserve(buyer, ticket["id"])
    assert early["ticket"]["price"] == 10 and early["ticket"]["version"] == 0, early
    wait_ticket(buyer, ticket["id"], early["id"])
    cancel(buyer, early["id"])
    wait_ticket(buyer, ticket["id"], None)
    expect(edit(seller, ticket["id"], "Late bird", 99.5), 200)

    def at_new_price():
        answer = buyer.post("/api/orders", {"ticketId": ticket["id"]})
        if answer.status != 201:
            return None
        if answer.json["ticket"]["price"] == 99.5:
            return answer.json
        cancel(buyer, answer.json["id"])
        return None
    late = wait_for(at_new_price, 10, "the new price to reach orders")
    assert late["ticket"]["title"] == "Late bird", late
    assert late["ticket"]["version"] >= 3, late
    assert get_order(buyer, early["id"])["ticket"]["price"] == 10
    assert get_order(buyer, late["id"])["ticket"]["price"] == 99.5
    listed = {order["id"]: order for order in expect(buyer.get("/api/orders"), 200).json}
    assert listed[early["id"]]["ticket"]["price"] == 10, listed[early["id"]]
