"""boxoffice demo fills a market through its public API."""

import collections
import urllib.parse

import boxoffice
from boxoffice import Server, run_cli
from check import Cases, expect
from books import check_books, rows, wait_quiet


def demo(server, *options):
    return run_cli("demo", "--url", f"http://127.0.0.1:{server.port}", "--data", server.data, *options,
                   timeout=120)


def market(server):
    """Titles with their prices, and how many orders are in which state."""
    titles = rows(server.data, "tickets", "SELECT title, price_cents FROM tickets ORDER BY id")
    titles += rows(server.data, "catalogue", "SELECT title, performers FROM shows ORDER BY id")
    orders = collections.Counter(row[0] for row in rows(
        server.data, "orders", "SELECT status FROM orders"))
    return titles, orders


def test_an_empty_market_comes_alive_the_same_way_for_the_same_seed():
    seen = []
    for seed in ("7", "7", "8"):
        with Server() as server:
            done = demo(server, "--seed", seed)
            assert done.returncode == 0, done.stderr
            wait_quiet(server)
            check_books(server)
            seen.append(market(server))
            titles, orders = seen[-1]
            assert len(titles) == 5048 + 200 and orders["complete"] == 24 and orders["cancelled"] == 8
            assert orders["created"] == 16, orders  # purchases in flight
            look_around(server, done.stdout.split()[-1])
    assert seen[0] == seen[1] and seen[1] != seen[2]


def look_around(server, password):
    client = server.client()
    for name in ("nora", "freya", "wilma"):
        expect(server.client().post("/api/users/signin",
                                    {"email": f"{name}@example.com", "password": password}), 200)
    venues = expect(client.get("/api/venues"), 200).json
    assert len(venues) == 12 and len({venue["timeZone"] for venue in venues}) == 6, venues
    shows = expect(client.get("/api/shows?limit=1000"), 200).json
    assert len(shows) == 200 and {show["status"] for show in shows} == {"scheduled"}
    assert len({show["startsAtLocal"][:7] for show in shows}) >= 6, "they are spread over months"
    for words in ("theatre", "etoiles", "星見ホール", "مسرح"):
        assert expect(client.get("/api/shows?q=" + urllib.parse.quote(words)), 200).json, words
    splits = rows(server.data, "tickets", "SELECT split, COUNT(*) FROM listings GROUP BY split")
    assert {split for split, _ in splits} == {"any", "pairs", "all", "no_single"}, splits
    assert client.get(f"/shows/{shows[0]['id']}").status == 200


def test_the_demo_leaves_the_visitors_sign_ups_alone():
    with Server(env={"SIGNUPS_PER_HOUR": "10"}) as server:
        assert demo(server).returncode == 0
        for n in range(10):
            body = {"email": f"newcomer{n}@example.test", "password": boxoffice.TEST_PASSWORD}
            expect(server.client().post("/api/users/signup", body), 201)


def test_a_market_that_is_not_empty_is_left_as_it_is():
    with Server(env={"LISTINGS_PER_MINUTE": "0"}) as server:
        boxoffice.create_ticket(server.as_user())
        done = demo(server)
        assert done.returncode == 1 and "is not empty" in done.stderr, done
        assert len(market(server)[0]) == 1
        done = demo(server, "--force")
        assert done.returncode == 0, done
        assert len(market(server)[0]) == 5049 + 200
        # The same people come again, whatever the seed and however many may sign up in an hour.
        again = demo(server, "--force", "--seed", "2")
        assert again.returncode == 0, again.stderr
        assert len(market(server)[0]) == 2 * 5248 + 1
        wait_quiet(server)
        check_books(server)


def test_mistakes_are_told():
    with Cases() as case:
        for words, status, wanted in [
                (["--url", "ftp://x"], 2, "--url takes"), (["--seed", "x"], 2, "--seed takes"),
                (["now"], 2, "demo takes no words"),
                (["--url", "http://127.0.0.1:1"], 1, "does not answer")]:
            with case(" ".join(words)):
                done = run_cli("demo", *words)
                assert done.returncode == status and wanted in done.stderr, done
