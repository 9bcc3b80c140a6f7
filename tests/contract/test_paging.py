"""Proves paging of tickets and orders: limit, after, the Link header, newest first."""

import re

from boxoffice import create_ticket, new_id, reserve, wait_ticket
from check import Cases, expect

SERVER = {}  # its own: these tests count what is there
PARALLEL = 1

LINK = re.compile(r'^<([^>]+)>; ?rel="next"$')


def next_page(answer):
    """Where the Link header leads; None when there is none."""
    link = answer.headers.get("Link")
    if not link:
        return None
    assert LINK.match(link), f"Link: {link}"
    return re.sub(r"^https?://[^/]+", "", LINK.match(link)[1])


def pages(client, path):
    """All pages from path on, as lists of ids."""
    found = []
    while path:
        answer = expect(client.get(path), 200)
        found.append([one["id"] for one in answer.json])
        path = next_page(answer)
        assert len(found) < 1000, "the pages never end"
    return found


def flat(lists):
    return [one for page in lists for one in page]


def test_an_empty_list_is_an_empty_array(server):
    answer = expect(server.client().get("/api/tickets"), 200)
    assert answer.json == [] and next_page(answer) is None
    answer = expect(server.as_user().get("/api/orders"), 200)
    assert answer.json == [] and next_page(answer) is None


def test_tickets_are_paged_newest_first_without_gaps_or_repeats(server):
    seller = server.as_user()
    made = [create_ticket(seller, f"Seat {n}")["id"] for n in range(123)]
    first = expect(seller.get("/api/tickets"), 200)
    assert [one["id"] for one in first.json] == made[:-101:-1], "100 by default, newest first"
    with Cases() as case:
        for limit in (1, 7, 41, 100, 122, 123, 124, 1000):
            with case(limit):
                found = pages(server.client(), f"/api/tickets?limit={limit}")
                assert flat(found) == made[::-1], f"{len(flat(found))} in {len(found)} pages"
                assert all(len(page) == limit for page in found[:-1]), [len(p) for p in found]


def test_a_page_can_be_asked_for_by_key(server):
    listed = expect(server.client().get("/api/tickets?limit=1000"), 200).json
    everything = [one["id"] for one in listed]
    answer = expect(server.client().get(f"/api/tickets?limit=5&after={everything[9]}"), 200)
    assert [one["id"] for one in answer.json] == everything[10:15]
    answer = expect(server.client().get(f"/api/tickets?after={everything[9].upper()}&limit=5"), 200)
    assert [one["id"] for one in answer.json] == everything[10:15]
    answer = expect(server.client().get(f"/api/tickets?after={everything[-1]}"), 200)
    assert answer.json == [] and next_page(answer) is None


def test_pages_hold_while_tickets_come_and_go(server):
    seller, buyer = server.as_user(), server.as_user()
    before = [one["id"] for one in expect(seller.get("/api/tickets?limit=1000"), 200).json]
    first = expect(seller.get("/api/tickets?limit=10"), 200)
    last_shown = first.json[-1]["id"]
    create_ticket(seller, "A newcomer")
    wait_ticket(buyer, last_shown, reserve(buyer, last_shown)["id"])
    rest = flat(pages(seller, next_page(first)))
    assert rest == before[10:], "the rest is what it was"


def test_orders_are_paged_newest_first(server):
    seller, buyer = server.as_user(), server.as_user()
    made = [reserve(buyer, create_ticket(seller)["id"])["id"] for _ in range(12)]
    with Cases() as case:
        for limit in (1, 5, 12, 13, 1000):
            with case(limit):
                found = pages(buyer, f"/api/orders?limit={limit}")
                assert flat(found) == made[::-1], found
    answer = expect(buyer.get(f"/api/orders?after={made[6]}&limit=3"), 200)
    assert [one["id"] for one in answer.json] == made[5:2:-1]


def test_another_persons_order_is_no_key_to_their_list(server):
    seller, buyer, other = server.as_user(), server.as_user(), server.as_user()
    mine = reserve(buyer, create_ticket(seller)["id"])["id"]
    foreign = reserve(other, create_ticket(seller)["id"])["id"]
    answer = expect(buyer.get(f"/api/orders?after={foreign}"), 200)
    assert [one["id"] for one in answer.json] == [mine], answer


def test_odd_limits_and_keys_are_refused_or_bounded(server):
    client = server.client()
    with Cases() as case:
        for query in ["limit=0", "limit=-1", "limit=abc", "limit=", "limit=1001",
                      "limit=99999999999", "limit=1.5", "limit=1e2", "limit=%00", "after=abc",
                      "after=", "after=%FF",
                      "after=" + "0" * 500, "limit=5&limit=6", "&&==&", "%", "limit"]:
            with case(query):
                answer = client.get(f"/api/tickets?{query}")
                assert answer.status in (200, 400), answer
                assert answer.status == 400 or len(answer.json) <= 1000, len(answer.json)
        with case("unknown key"):
            answer = expect(client.get(f"/api/tickets?after={new_id()}"), 200)
            assert isinstance(answer.json, list)
        with case("unknown parameter"):
            expect(client.get("/api/tickets?colour=blue&limit=2"), 200)
