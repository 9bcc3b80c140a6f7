"""Proves what shows say of what can be had of them: the lowest total and how many are left, never more than a
moment behind; whatever happens to listings, in whichever order the news comes."""

from boxoffice import Server, buy, create_ticket, new_id, run_cli, wait_ticket
from check import expect, wait_for
from test_catalogue import act, make_show, staff_of
from test_listings import listing_body, make_listing, order_of, some_show, unseated
from test_search import find, town


def says(client, show):
    """What the search and the venue's list say of a show: how many are left, and from which price on."""
    of_venue = [s for s in expect(client.get(f"/api/shows?venueId={show['venueId']}&limit=1000"), 200).json
                if s["id"] == show["id"]]
    of_search = [s for s in find(client, venueId=show["venueId"], over="true").json if s["id"] == show["id"]]
    [one], [other] = ([(s["available"], s.get("lowestTotal")) for s in list] for list in (of_venue, of_search))
    return one if one == other else (one, other)  # news came in between


def wait_says(client, show, available, lowest=None):
    wait_for(lambda: says(client, show) == (available, lowest), 10, lambda: f"{available} from {lowest}, not "
             f"{says(client, show)}")


def test_a_show_says_how_many_are_left_and_from_which_price_on(server):
    _, show = some_show(server)
    seller, buyer = server.as_user(), server.as_user()
    assert says(buyer, show) == (0, None)
    dear = make_listing(seller, show["id"], row="1", price=60)
    cheap = expect(seller.post("/api/listings", unseated(show["id"], 2, price=40)), 201).json
    wait_says(buyer, show, 6, 40)
    orders = [order_of(buyer, ticket["id"]).json for ticket in cheap["tickets"]]
    wait_says(buyer, show, 4, 60)
    expect(buyer.delete(f"/api/orders/{orders[0]['id']}"), 204)
    wait_says(buyer, show, 5, 40)
    expect(seller.put(f"/api/listings/{dear['id']}", listing_body(show["id"], price=39.9)), 200)
    wait_says(buyer, show, 5, 39.9)
    expect(seller.delete(f"/api/tickets/{dear['tickets'][0]['id']}"), 204)
    wait_says(buyer, show, 4, 39.9)
    expect(seller.delete(f"/api/listings/{dear['id']}"), 204)
    wait_says(buyer, show, 1, 40)
    expect(seller.delete(f"/api/listings/{cheap['id']}"), 204)
    wait_says(buyer, show, 0)


def test_nothing_is_left_of_what_is_not_to_come_or_of_who_is_banned():
    with Server() as server:
        staff, show = some_show(server)
        seller, other, visitor = server.sign_up(), server.as_user(), server.client()
        make_listing(seller, show["id"], row="1", price=20)
        make_listing(other, show["id"], row="2", price=30, seats=["1"])
        wait_says(visitor, show, 5, 20)
        assert run_cli("users", "ban", seller.email, "--data", server.data).returncode == 0
        wait_says(visitor, show, 1, 30)
        assert run_cli("users", "unban", seller.email, "--data", server.data).returncode == 0
        wait_says(visitor, show, 5, 20)
        act(staff, "shows", show, "cancel")
        assert says(visitor, show) == (0, None)


def test_another_lowest_price_counts_from_the_start_on():
    with Server() as server:
        _, show = some_show(server)
        seller = server.as_user()
        make_listing(seller, show["id"], row="1", price=5)
        make_listing(seller, show["id"], row="2", price=20, seats=["1"])
        wait_says(server.client(), show, 5, 5)
        for minimum, available, lowest in (("10", 1, 20), ("2", 5, 5)):
            server.stop()
            server.env["PRICE_MINIMUM"] = minimum
            server.start()
            wait_says(server.client(), show, available, lowest)


def test_what_was_of_a_merged_show_counts_at_the_other(server):
    staff, show = some_show(server)
    double = make_show(staff, show["venueId"], rules={})
    seller, visitor = server.as_user(), server.client()
    make_listing(seller, show["id"], price=30, seats=["1", "2"])
    make_listing(seller, double["id"], price=20, seats=["2", "3"])
    wait_says(visitor, double, 2, 20)
    act(staff, "shows", double, "merge", into=show["id"])
    wait_says(visitor, show, 3, 20)


def test_the_cheapest_is_found_first_and_what_has_none_last(server):
    staff = staff_of(server)
    venue = town(staff)
    shows = [make_show(staff, venue, title=f"Price {n}", rules={}) for n in range(5)]
    seller, visitor = server.as_user(), server.client()
    for show, price in zip(shows, (30, 10, None, 20, 10)):
        if price:
            make_listing(seller, show["id"], price=price)
            wait_says(visitor, show, 4, price)
    assert [s["title"][-1] for s in find(visitor, venueId=venue, sort="price").json] == ["1", "4", "3", "0", "2"]
    path, seen = f"/api/shows?venueId={venue}&sort=price&limit=2", []
    while path:
        page = expect(visitor.get(path), 200)
        seen += [s["title"][-1] for s in page.json]
        path = page.headers["Link"].split(">")[0][1:] if "Link" in page.headers else None
    assert seen == ["1", "4", "3", "0", "2"]


def told(server):
    return server.channel("offers:updated")["msgs"]


def test_much_at_once_is_told_once_and_of_plain_tickets_nothing():
    with Server() as server:
        _, show = some_show(server)
        seller, buyer = server.as_user(), server.as_user()
        make_listing(seller, show["id"], seats=[str(n) for n in range(400)])
        wait_says(buyer, show, 400, 49.9)
        assert told(server) == 1
        ticket = create_ticket(seller)["id"]
        order = buy(buyer, ticket)
        wait_ticket(buyer, ticket, order["id"])
        expect(seller.post("/api/listings", unseated(show["id"], 1)), 201)  # later than all of that
        wait_says(buyer, show, 401, 49.9)
        assert told(server) == 2


def publish(server, **offers):
    server.publish("offers:updated", offers)


def test_of_two_words_on_a_show_the_later_one_counts():
    with Server() as server:
        _, show = some_show(server)
        visitor = server.client()
        publish(server, id=show["id"], version=7, lowestTotal=12.5, available=3)
        wait_says(visitor, show, 3, 12.5)
        publish(server, id=show["id"], version=6, lowestTotal=1, available=9)
        publish(server, id=show["id"], version=7, lowestTotal=1, available=9)
        publish(server, id=show["id"], version=9)
        wait_says(visitor, show, 0)
        publish(server, id=show["id"], version=8, lowestTotal=1, available=9)
        other = new_id()  # of which nothing is known here
        publish(server, id=other, version=3, available=2, lowestTotal=5)
        publish(server, id=show["id"], version=10, lowestTotal=99, available=1)
        wait_says(visitor, show, 1, 99)
