"""Proves that a rush after tickets that stay together parts none of them."""

import concurrent.futures
import datetime
import time

from boxoffice import TEST_PASSWORD, run_cli
from check import expect, wait_for

BUYERS = 1000
THREADS = 32
SEATS = 500


def some_show(server):
    """Of a venue that staff made; of the coming year."""
    user, staff = server.sign_up(), server.client()
    done = run_cli("users", "grant", user.email, "catalogue", "--data", server.data)
    assert done.returncode == 0, done
    expect(staff.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    venue = expect(staff.post("/api/venues", {"name": "Harbour Hall", "city": "Berlin", "country": "DE",
                                              "timeZone": "Europe/Berlin"}), 201).json
    year = datetime.datetime.now(datetime.timezone.utc).year + 1
    return expect(staff.post("/api/shows", {"venueId": venue["id"], "title": "Mono Lake", "category": "music",
                                            "startsAt": f"{year}-07-01T19:30"}), 201).json


def test_of_1000_buyers_of_pairs_250_get_two_neighbours(server):
    seller = server.as_user()
    body = {"showId": some_show(server)["id"], "section": "A", "row": "1", "price": 20, "split": "pairs",
            "seats": [str(n) for n in range(1, SEATS + 1)], "delivery": "issued"}
    listing = expect(seller.post("/api/listings", body), 201).json
    places = {ticket["id"]: place for place, ticket in enumerate(listing["tickets"])}
    wanted = {"listingId": listing["id"], "quantity": 2}
    first = server.as_user()
    order = wait_for(lambda: (lambda a: a.json if a.status == 201 else None)(
        first.post("/api/orders", wanted)), 30, "orders to know all 500")
    assert first.delete(f"/api/orders/{order['id']}").status == 204
    buyers = [server.as_user() for _ in range(BUYERS)]
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda buyer: buyer.post("/api/orders", wanted), buyers))
    print(f"# {BUYERS} requests in {time.monotonic() - started:.1f} s")
    for buyer in buyers:
        buyer.close()
    made = [answer.json for answer in answers if answer.status == 201]
    assert len(made) == SEATS // 2, f"{len(made)} pairs of {SEATS} seats"
    for answer in answers:
        assert answer.status == 201 or (answer.status, answer.json["errors"][0]["code"]) == (409, "too_few"), answer
    pairs = sorted(tuple(places[ticket["id"]] for ticket in order["tickets"]) for order in made)
    assert pairs == [(place, place + 1) for place in range(0, SEATS, 2)], "somebody sits alone"
    shown = wait_for(lambda: (lambda now: now if now["free"] == 0 else None)(
        expect(server.client().get(f"/api/listings/{listing['id']}"), 200).json), 30, "all to be held")
    assert {ticket["state"] for ticket in shown["tickets"]} == {"reserved"}
