"""Proves what the list of a show's listings promises: cheapest first, of so many that can be bought together, in a
section, for a price in full; in pages; and that every wrong word is told with its remedy."""

from boxoffice import Server
from check import Cases, expect, wait_for
from test_catalogue import fault
from test_listings import make_listing, order_of, some_show, unseated


def path_of(show, **query):
    return f"/api/listings?showId={show['id']}" + "".join(f"&{name}={value}" for name, value in query.items())


def rows_of(client, show, **query):
    """The rows of the listings that are found, as their seats' row says."""
    return [listing.get("row", "standing") for listing in expect(client.get(path_of(show, **query)), 200).json]


def test_the_cheapest_is_first_and_the_newest_when_asked(server):
    _, show = some_show(server)
    seller, visitor = server.as_user(), server.client()
    for row, price in (("1", 70), ("2", 49.9), ("3", 60), ("4", 49.9)):
        make_listing(seller, show["id"], row=row, price=price)
    assert rows_of(visitor, show) == ["2", "4", "3", "1"] == rows_of(visitor, show, sort="price")
    assert rows_of(visitor, show, sort="newest") == ["4", "3", "2", "1"]
    assert rows_of(visitor, show, sort="", quantity="", section="", maxTotal="") == ["2", "4", "3", "1"]


def test_so_many_can_be_bought_together(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    make_listing(seller, show["id"], row="any", price=10)
    make_listing(seller, show["id"], row="pairs", price=11, split="pairs")
    make_listing(seller, show["id"], row="all", price=12, split="all")
    make_listing(seller, show["id"], row="no_single", price=13, split="no_single")
    expect(seller.post("/api/listings", unseated(show["id"], 3, price=14)), 201)
    gap = make_listing(seller, show["id"], row="gap", price=15, seats=["1", "2", "3"])
    reserved = order_of(buyer, gap["tickets"][1]["id"]).json
    wait_for(lambda: buyer.get(f"/api/listings/{gap['id']}").json["free"] == 2, 10, "the seat to be held")
    found = {1: ["any", "no_single", "standing", "gap"], 2: ["any", "pairs", "no_single", "standing"],
             3: ["any", "standing"], 4: ["any", "pairs", "all", "no_single"], 5: []}
    with Cases() as cases:
        for quantity, rows in found.items():
            with cases(quantity):
                assert rows_of(buyer, show, quantity=quantity) == rows
                assert rows_of(buyer, show, quantity=quantity, sort="newest") == rows[::-1]
                for listing in buyer.get(path_of(show, quantity=quantity)).json:
                    assert listing["total"] == round(quantity * listing["price"], 2), listing
    assert "total" not in buyer.get(path_of(show)).json[0]
    expect(buyer.delete(f"/api/orders/{reserved['id']}"), 204)
    wait_for(lambda: "gap" in rows_of(buyer, show, quantity=3), 10, "the seat to be free again")


def test_a_price_in_full_and_a_section(server):
    _, show = some_show(server)
    seller, visitor = server.as_user(), server.client()
    make_listing(seller, show["id"], row="1", price=33.34, section="Block 7")
    make_listing(seller, show["id"], row="2", price=33.33, section="Block 8")
    expect(seller.post("/api/listings", unseated(show["id"], 3, price=5)), 201)
    assert rows_of(visitor, show, maxTotal="33.33") == ["standing", "2"]
    assert rows_of(visitor, show, maxTotal="99.99", quantity=3) == ["standing", "2"]
    assert rows_of(visitor, show, maxTotal="100.02", quantity=3) == ["standing", "2", "1"]
    assert rows_of(visitor, show, maxTotal="4.99") == []
    for section in ("Block 7", "block7", "BLOCK%20007", "Block%E2%80%8B%207"):
        assert rows_of(visitor, show, section=section.replace(" ", "%20")) == ["1"], section
    assert rows_of(visitor, show, section="Block") == []


def test_pages_go_on_where_they_ended_and_for_the_same_list_alone(server):
    _, show = some_show(server)
    _, other = some_show(server)
    seller, visitor = server.as_user(), server.client()
    for row, price in (("1", 30), ("2", 20), ("3", 20), ("4", 20), ("5", 10)):
        make_listing(seller, show["id"], row=row, price=price)
    for sort, rows in (("price", ["5", "2", "3", "4", "1"]), ("newest", ["5", "4", "3", "2", "1"])):
        path, seen = path_of(show, sort=sort, quantity=2, maxTotal=60, section="Block%20A", limit=2), []
        while path:
            page = expect(visitor.get(path), 200)
            assert len(page.json) <= 2
            seen += [listing["row"] for listing in page.json]
            path = page.headers["Link"].split(">")[0][1:] if "Link" in page.headers else None
        assert seen == rows
    cursor = visitor.get(path_of(show, limit=2)).headers["Link"].split("after=")[1].split(">")[0]
    assert len(visitor.get(path_of(show, after=cursor)).json) == 3
    for what in ({"quantity": 2}, {"section": "A"}, {"maxTotal": 99}, {"sort": "newest"}):
        code, hint = fault(visitor.get(path_of(show, after=cursor, **what)), "after")
        assert code == "other_list" and hint, what
    assert fault(visitor.get(path_of(other, after=cursor)), "after")[0] == "other_list"
    gone = make_listing(seller, show["id"], row="0", price=1)  # before where the page begins
    assert len(visitor.get(path_of(show, after=cursor)).json) == 3
    expect(seller.delete(f"/api/listings/{gone['id']}"), 204)


def test_every_wrong_word_is_told_with_its_remedy(server):
    _, show = some_show(server)
    visitor = server.client()
    wrong = (("showId", "x", "unreadable"), ("quantity", "0", "out_of_range"), ("quantity", "501", "out_of_range"),
             ("quantity", "two", "out_of_range"), ("quantity", "2.0", "out_of_range"),
             ("section", "B" * 41, "too_long"), ("maxTotal", "-1", "not_a_price"), ("maxTotal", "0", "not_a_price"),
             ("maxTotal", "1.234", "not_a_price"), ("maxTotal", "1000000", "not_a_price"),
             ("sort", "cheapest", "unknown"), ("after", "0" * 56, "other_list"), ("after", "x", "other_list"),
             ("after", show["id"], "other_list"))
    with Cases() as cases:
        for field, value, code in wrong:
            with cases(f"{field}={value[:8]}"):
                query = {"showId": show["id"], field: value}
                answer = visitor.get("/api/listings?" + "&".join(f"{n}={v}" for n, v in query.items()))
                found, hint = fault(answer, field)
                assert found == code and hint, (found, hint)
    every = visitor.get("/api/listings?quantity=0&section=" + "B" * 41 + "&maxTotal=x&sort=x&after=x&limit=0")
    assert [error["field"] for error in expect(every, 400).json["errors"]] == [
        "showId", "quantity", "section", "maxTotal", "sort", "after", "limit"]


def test_a_price_below_the_lowest_one_is_not_found():
    with Server() as server:
        _, show = some_show(server)
        seller = server.as_user()
        for row, price in (("1", 19.99), ("2", 20)):
            make_listing(seller, show["id"], row=row, price=price)
        server.stop()
        server.env["PRICE_MINIMUM"] = "20"
        server.start()
        for sort in ("price", "newest"):
            assert rows_of(server.client(), show, sort=sort) == ["2"]
