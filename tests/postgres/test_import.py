"""A market out of files moves in beside the servers that use the same PostgreSQL: at once, while they run."""

import datetime
import json
import os
import tempfile

from boxoffice import Server, new_id, run_cli
from broker import Nats
from check import expect, wait_for
from postgres import Postgres

YEAR = datetime.datetime.now(datetime.timezone.utc).year + 1  # every day of it is still to come
TABLES = ("catalogue.venues", "catalogue.shows", "tickets.listings", "tickets.tickets", "tickets.show_copies",
          "catalogue.outbox", "tickets.outbox")
VENUES = [{"id": "hall", "name": "Harbour Hall", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin"}]
SHOWS = [{"id": f"night {n}", "venueId": "hall", "title": f"Night {n}", "category": "music",
          "startsAt": f"{YEAR}-06-{n:02}T19:30"} for n in range(1, 21)]


def listings(seller):
    return [{"showId": f"night {n}", "seller": seller, "section": "Block A", "seats": ["12", "13", "14"],
             "split": "any", "price": 40 + n, "delivery": "issued"} for n in range(1, 21)]


def move_in(folder, env, *options, status=0, **files):
    words = []
    for name, lines in files.items():
        words += [f"--{name}", os.path.join(folder, name)]
        with open(words[-1], "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
    done = run_cli("import", *words, *options, env=env, timeout=60)
    assert done.returncode == status, done
    return done


def test_a_market_moves_in_beside_the_servers_of_it():
    with Postgres() as postgres, Nats() as nats, tempfile.TemporaryDirectory() as folder:
        url = postgres.new_database()
        env = {"DATABASE_URL": url, **nats.environment()}

        def counts():
            return [int(postgres.psql(f"SELECT COUNT(*) FROM {table}", url.rsplit("/", 1)[1])) for table in TABLES]
        with Server(env=env) as server:
            seller, buyer, client = server.sign_up(), server.as_user(), server.client()
            wait_for(lambda: counts(), 20, "the tables")
            before = counts()
            files = {"venues": VENUES, "shows": SHOWS, "listings": listings(seller.email)}
            dry = move_in(folder, env, "--dry-run", **files)
            assert "listings  20 read, 20 to be taken over, 0 already there" in dry.stdout, dry
            wrong = files["listings"] + [{**files["listings"][0], "price": 0}, {**files["listings"][1], "row": "x",
                                                                              "seller": "nobody@example.test"}]
            told = move_in(folder, env, status=1, **{**files, "listings": wrong}).stderr
            assert ":21: price: Price must be greater than 0" in told and ":22: seller:" in told, told
            assert counts() == before
            move_in(folder, env, **files)
            assert counts()[:5] == [before[0] + 1, before[1] + 20, before[2] + 20, before[3] + 60, before[4] + 20]

            def found():
                shows = expect(client.get("/api/shows?q=night&limit=50"), 200).json
                return shows if [show.get("available") for show in shows] == [3] * 20 else None
            soonest = wait_for(found, 30, "what can be had of all of them")[0]
            assert soonest["lowestTotal"] == 41, soonest
            listing = expect(client.get(f"/api/listings?showId={soonest['id']}"), 200).json[0]
            wait_for(lambda: buyer.post("/api/orders", {"listingId": listing["id"], "quantity": 2}).status == 201, 20,
                     "an order")
            again = move_in(folder, env, **files)
            assert "shows     20 read, 0 taken over, 20 already there" in again.stdout, again
            expect(client.get("/readyz"), 200)


def test_an_import_is_either_embedded_or_beside_postgresql_and_nats():
    with tempfile.TemporaryDirectory() as folder:
        for env in ({"DATABASE_URL": "postgresql://a:hunter2@127.0.0.1:1/none"}, {"NATS_URL": "nats://127.0.0.1:1"}):
            told = move_in(folder, env, status=1, venues=VENUES).stderr
            assert "both NATS_URL and DATABASE_URL" in told and "hunter2" not in told, told
        away = {"DATABASE_URL": "postgresql://a:hunter2@127.0.0.1:1/none", "NATS_URL": "nats://127.0.0.1:1"}
        told = move_in(folder, away, status=1, venues=VENUES).stderr
        assert told.startswith("boxoffice: ") and told.count("\n") == 1 and "hunter2" not in told, told
        users = run_cli("import", "--users", os.path.join(folder, "venues"), "--data", os.path.join(folder, new_id()),
                        env=away)
        assert users.returncode == 1 and "embedded databases" in users.stderr, users
