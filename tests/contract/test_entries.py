"""Proves what entries promise: one for each sold ticket of a listing, its holder's alone to see, void for
good once the money went back, by the time of the shows."""

import json

from boxoffice import Server, buy, create_ticket, get_order, new_id, pay, run_cli, wait_order
from check import Cases, expect, expect_not_authorized, expect_not_found, wait_for
from test_catalogue import YEAR, act, fault, make_show, make_venue, staff_of
from test_listings import make_listing, some_show
from test_orders_of_listings import order_several, some_listing
from test_paging import flat, pages

PARALLEL = 2


def bought(buyer, listing, quantity=1):
    """A complete order of the listing, and what it has paid."""
    order = order_several(buyer, listing, quantity)
    paid = pay(buyer, order["id"])
    return wait_order(buyer, order["id"], "complete"), paid


def entries_of(buyer, when="coming"):
    return expect(buyer.get(f"/api/entries?when={when}&limit=1000"), 200).json


def wait_entries(buyer, count, status="valid"):
    """Once the buyer has so many of that status: all of them."""
    def look():
        found = entries_of(buyer)
        return found if [e["status"] for e in found].count(status) == count else None
    return wait_for(look, 20, f"{count} {status} entries")


def publish(server, subject, **event):
    done = run_cli("events", "publish", subject, json.dumps(event), "--data", server.data)
    assert done.returncode == 0, done


def test_a_complete_order_of_a_listing_has_an_entry_a_ticket(server):
    show, listing = some_listing(server, row="4")
    buyer = server.as_user()
    order, _ = bought(buyer, listing, 2)
    found = wait_entries(buyer, 2)
    assert [e["seat"] for e in found] == ["1", "2"], found
    assert len({e["serial"] for e in found}) == len({e["id"] for e in found}) == 2
    one = found[0]
    assert one == {"status": "valid", "userId": buyer.user_id, "serial": one["serial"],
                   "ticketId": order["tickets"][0]["id"], "orderId": order["id"], "listingId": listing["id"],
                   "delivery": "issued", "section": "Block A", "row": "4", "seat": "1",
                   "restrictions": ["Under 16 with an adult"],
                   "show": {"id": show["id"], "title": "Mono Lake", "status": "scheduled",
                            "startsAt": show["startsAt"], "startsAtLocal": show["startsAtLocal"],
                            "doorsAt": show["doorsAt"], "doorsAtLocal": show["doorsAtLocal"]},
                   "venue": {"id": show["venueId"], "name": "Astra Kulturhaus", "city": "Berlin",
                             "country": "DE", "timeZone": "Europe/Berlin"},
                   "version": 0, "id": one["id"]}
    shown = expect(buyer.get(f"/api/entries/{one['id']}"), 200).json
    assert len(shown.pop("code")) == 154 and shown == one
    assert entries_of(buyer, "past") == []


def test_a_plain_ticket_has_none(server):
    _, listing = some_listing(server)
    buyer = server.as_user()
    buy(buyer, create_ticket(server.as_user())["id"])
    bought(buyer, listing)
    wait_entries(buyer, 1)
    assert len(entries_of(buyer)) == 1


def test_an_entry_is_its_holders_alone(server):
    _, listing = some_listing(server)
    buyer = server.as_user()
    bought(buyer, listing)
    entry, = wait_entries(buyer, 1)
    path = f"/api/entries/{entry['id']}"
    for other in (server.client(), server.as_user()):
        expect_not_authorized(other.get(path))
    expect_not_authorized(server.client().get("/api/entries"))
    assert entries_of(server.as_user()) == []
    expect_not_found(buyer.get(f"/api/entries/{new_id()}"))
    expect(buyer.get("/api/entries/17"), 400)
    assert fault(buyer.get("/api/entries?when=soon"), "when")[0] == "unknown"
    with Cases() as case:
        for query in ("limit=0", "limit=x", "after=17"):
            with case(query):
                expect(buyer.get(f"/api/entries?{query}"), 400)


def test_they_come_by_the_time_of_their_shows(server):
    staff = staff_of(server)
    venue = make_venue(staff)
    buyer = server.as_user()
    months = (9, 3, 12, 3, 6)
    for month in months:
        show = make_show(staff, venue["id"], startsAt=f"{YEAR}-{month:02}-01T19:30",
                         doorsAt=f"{YEAR}-{month:02}-01T18:00", rules={})
        bought(buyer, make_listing(server.as_user(), show["id"], seats=["1", "2"]), 2)
    found = wait_entries(buyer, 2 * len(months))
    starts = [e["show"]["startsAt"] for e in found]
    assert starts == sorted(starts), starts
    ids = [e["id"] for e in found]
    with Cases() as case:
        for limit in (1, 3, 5, 10, 11):
            with case(limit):
                assert flat(pages(buyer, f"/api/entries?limit={limit}")) == ids


def test_the_money_back_voids_them_for_good():
    with Server() as server:
        _, listing = some_listing(server)
        buyer, next_one = server.as_user(), server.as_user()
        order, paid = bought(buyer, listing, 5)
        before = wait_entries(buyer, 5)
        with server.listen("entry:updated") as updated:
            done = run_cli("payments", "refund", paid["id"], "--data", server.data)
            assert done.returncode == 0, done
            events = [one["data"] for one in updated.wait_count(5)]
        assert sorted(e["id"] for e in events) == sorted(e["id"] for e in before)
        assert {(e["version"], e["status"], e["userId"]) for e in events} == {(1, "void", buyer.user_id)}
        voided = wait_entries(buyer, 5, "void")
        assert voided == [{**e, "status": "void", "version": 1} for e in before]
        bought(next_one, listing, 5)
        fresh = wait_entries(next_one, 5)
        assert {e["ticketId"] for e in fresh} == {e["ticketId"] for e in before}
        assert not {e["serial"] for e in fresh} & {e["serial"] for e in before}
        assert entries_of(buyer) == voided
        assert get_order(buyer, order["id"])["status"] == "cancelled"


def event_of(order, version):
    tickets = [{"id": t["id"], "price": t["price"]} for t in order["tickets"]]
    return {"id": order["id"], "version": version, "userId": order["userId"],
            "ticket": tickets[0], "tickets": tickets}


def statuses(buyer):
    return sorted(e["status"] for e in entries_of(buyer))


def caught_up(server, buyer, listing):
    """What was published before this is applied by now, for entries takes orders' events in turn."""
    other = server.as_user()
    bought(other, listing)
    wait_entries(other, 1)
    return statuses(buyer)


def test_repeats_and_what_comes_late_do_nothing():
    """Published by hand: orders' own events never come like this on a quiet machine."""
    with Server() as server:
        _, listing = some_listing(server, seats=8)
        buyer = server.as_user()
        order, _ = bought(buyer, listing)
        version = order["version"]
        wait_entries(buyer, 1)
        publish(server, "order:completed", **event_of(order, version))
        publish(server, "order:cancelled", **event_of(order, version - 1))
        assert caught_up(server, buyer, listing) == ["valid"]
        # Its end has overtaken what came before.
        publish(server, "order:cancelled", **event_of(order, version + 3))
        publish(server, "order:completed", **event_of(order, version + 2))
        publish(server, "order:cancelled", **event_of(order, version + 1))
        assert caught_up(server, buyer, listing) == ["void"]
        # Late money: it lives again, and gets another entry.
        publish(server, "order:completed", **event_of(order, version + 4))
        assert caught_up(server, buyer, listing) == ["valid", "void"]
        # The end in between is still on its way.
        publish(server, "order:completed", **event_of(order, version + 6))
        publish(server, "order:cancelled", **event_of(order, version + 5))
        assert caught_up(server, buyer, listing) == ["valid", "void", "void"]


def test_a_completion_waits_for_the_end_of_the_one_before():
    with Server() as server:
        _, listing = some_listing(server, seats=8)
        buyer, second = server.as_user(), server.as_user()
        order, _ = bought(buyer, listing)
        wait_entries(buyer, 1)
        other = {**event_of(order, 2), "id": new_id(0), "userId": second.user_id}
        publish(server, "order:completed", **other)
        assert caught_up(server, buyer, listing) == ["valid"] and entries_of(second) == []
        publish(server, "order:cancelled", **event_of(order, order["version"] + 1))
        wait_entries(second, 1)
        assert statuses(buyer) == ["void"]


def test_of_a_merged_show_they_are_the_other_ones():
    with Server() as server:
        staff, show = some_show(server)
        double = make_show(staff, show["venueId"], title="Mono Lake (extra)", rules={})
        buyer = server.as_user()
        bought(buyer, make_listing(server.as_user(), double["id"]))
        before, = wait_entries(buyer, 1)
        act(staff, "shows", double, "merge", into=show["id"])
        wait_for(lambda: entries_of(buyer)[0]["show"]["id"] == show["id"], 20, "the other show")
        after, = entries_of(buyer)
        assert {**after, "show": before["show"]} == before
        assert after["show"]["title"] == "Mono Lake"


def test_they_are_told_with_all_there_is_to_know(server):
    _, listing = some_listing(server)
    buyer = server.as_user()
    with server.listen("entry:created") as created:
        order, _ = bought(buyer, listing)
        event = wait_for(lambda: next((data for data in created.data() if data["orderId"] == order["id"]), None),
                         20, "the event")
    entry, = wait_entries(buyer, 1)
    assert event == {"id": entry["id"], "version": 0, "status": "valid", "userId": buyer.user_id,
                     "ticketId": entry["ticketId"], "orderId": order["id"],
                     "showId": entry["show"]["id"], "serial": entry["serial"]}
