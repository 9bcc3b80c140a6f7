"""Venues, shows and listings move in out of files: all that they say, or nothing."""

import datetime
import json
import os
import shutil
import tempfile

from boxoffice import Server, pay, run_cli
from check import Cases, expect, wait_for
from books import rows, wait_quiet

YEAR = datetime.datetime.now(datetime.timezone.utc).year + 1  # every day of it is still to come
SELLER = "nora@example.test"
VENUES = '''\ufeffid,name,city,country,timeZone,coordinates.latitude,coordinates.longitude
hall,"Harbour Hall, ""Upper""",Berlin,DE,Europe/Berlin,52.509,13.376
,Théâtre des Étoiles,Paris,FR,Europe/Paris,,
'''
VENUE = {"name": "Hall", "city": "Bonn", "country": "DE", "timeZone": "Europe/Berlin"}
SHOWS = f'''id,venueId,title,performers,category,startsAt,doorsAt,rules.maxPerBuyer,rules.maxOverFaceBps
lake,hall,Mono Lake,Mono Lake; Wren & the Weather,music,{YEAR}-06-28T19:30,{YEAR}-06-28T18:30,6,2000
,Théâtre des Étoiles,Été,,theatre,{YEAR}-10-31T20:00,,,
'''
LISTINGS = [
    {"showId": "lake", "seller": SELLER, "section": "Block A", "row": "4", "seats": ["12", "13", "14", "15"],
     "split": "pairs", "price": "49.90", "faceValue": 45, "delivery": "issued"},
    {"id": "standing", "showId": "lake", "seller": SELLER, "quantity": 3, "split": "any", "price": 30,
     "faceValue": 30, "restrictions": ["From 16 on"], "delivery": "upload"}]


def last_sunday(month):
    """When clocks are set in Berlin, in a month of 31 days."""
    day = datetime.date(YEAR, month, 31)
    return day - datetime.timedelta(days=(day.weekday() + 1) % 7)


class Folder:
    """Files and a data folder; a server has run on it, in which the seller signed up."""

    def __init__(self, signed_up=True):
        self.at = tempfile.mkdtemp(prefix="boxoffice-test-")
        self.data = os.path.join(self.at, "data")
        self.seller = None
        if signed_up:
            with Server(data=self.data) as server:
                self.seller = server.sign_up(SELLER)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.at)

    def write(self, **files):
        """The words of the command for files of those texts, or of those documents as JSON lines."""
        words = []
        for name, content in files.items():
            path = os.path.join(self.at, name)
            if isinstance(content, list):
                content = "".join(json.dumps(one) + "\n" for one in content)
            with open(path, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode())
            words += [f"--{name}", path]
        return words

    def move_in(self, *options, status=0, **files):
        done = run_cli("import", *self.write(**files), "--data", self.data, *options, timeout=60)
        assert done.returncode == status, done
        return done

    def count(self):
        return (rows(self.data, "catalogue", "SELECT COUNT(*) FROM venues")[0][0],
                rows(self.data, "catalogue", "SELECT COUNT(*) FROM shows")[0][0],
                rows(self.data, "tickets", "SELECT COUNT(*) FROM tickets")[0][0])


def test_a_market_moves_in_and_is_bought_from():
    with Folder() as folder:
        files = {"venues": VENUES, "shows": SHOWS, "listings": LISTINGS}
        dry = folder.move_in("--dry-run", **files)
        assert "listings  2 read, 2 to be taken over, 0 already there" in dry.stdout, dry
        assert folder.count() == (0, 0, 0)
        folder.move_in(**files)
        assert folder.count() == (2, 2, 7)
        with Server(data=folder.data) as server:
            wait_quiet(server)
            client = server.client()
            venues = {v["name"]: v for v in expect(client.get("/api/venues"), 200).json}
            assert venues['Harbour Hall, "Upper"']["coordinates"] == {"latitude": 52.509, "longitude": 13.376}
            shows = {s["title"]: s for s in expect(client.get("/api/shows"), 200).json}
            lake = shows["Mono Lake"]
            assert lake["performers"] == ["Mono Lake", "Wren & the Weather"], lake
            assert lake["startsAtLocal"] == f"{YEAR}-06-28T19:30+02:00", lake
            assert lake["rules"] == {"maxPerBuyer": 6, "maxOverFaceBps": 2000}, lake
            assert shows["Été"]["venueId"] == venues["Théâtre des Étoiles"]["id"]
            listings = expect(client.get(f"/api/listings?showId={lake['id']}"), 200).json
            assert sorted((one["quantity"], one["split"], one["free"]) for one in listings) == \
                [(3, "any", 3), (4, "pairs", 4)], listings
            assert {one["userId"] for one in listings} == {folder.seller.user_id}
            wait_for(lambda: [one for one in expect(client.get("/api/shows?q=wren"), 200).json], 20,
                     "the show to be found")
            wait_for(lambda: [s for s in expect(client.get("/api/shows"), 200).json
                              if (s["id"], s.get("lowestTotal"), s.get("available")) == (lake["id"], 30, 7)],
                     20, "what can be had of it")
            feed = client.get("/shows.rss").body
            assert b"<item>" in feed and b"1970" not in feed, feed
            paired = next(one for one in listings if one["split"] == "pairs")
            buyer = server.as_user()
            order = wait_for(lambda: (lambda a: a.json if a.status == 201 else None)(
                buyer.post("/api/orders", {"listingId": paired["id"], "quantity": 2})), 20, "an order")
            assert len(order["tickets"]) == 2, order
            pay(buyer, order["id"])
            entry, _ = wait_for(lambda: expect(buyer.get("/api/entries"), 200).json, 20, "what opens the door")
            assert len(expect(buyer.get(f"/api/entries/{entry['id']}"), 200).json["code"]) == 154


def test_what_is_there_already_is_left_as_it_is():
    with Folder() as folder:
        folder.move_in(venues=VENUES, shows=SHOWS)
        # As after an import that was broken off: tickets' half is still to come.
        folder.move_in(venues=VENUES, shows=SHOWS, listings=LISTINGS)
        again = folder.move_in(venues=VENUES, shows=SHOWS.replace("Mono Lake,", "Another,"), listings=LISTINGS)
        assert again.stdout.count("2 read, 0 taken over, 2 already there") == 3, again
        assert folder.count() == (2, 2, 7)
        with Server(data=folder.data) as server:
            wait_quiet(server)
        folder.move_in(listings=LISTINGS)
        folder.move_in(listings=[{**LISTINGS[1], "id": "another"}])
        assert folder.count() == (2, 2, 10)


def wrong(case, folder, name, line, words, **files):
    """The line is told with these words, and nothing is written."""
    with case(f"{name}:{line}: {words[0]}"):
        before = folder.count()
        told = folder.move_in(status=1, **files).stderr.splitlines()
        path = os.path.join(folder.at, name)
        mine = [one for one in told if one.startswith(f"{path}:{line}: ")]
        assert any(all(word in one for word in words) for one in mine), told
        assert "nothing was taken over" in told[-1], told
        assert folder.count() == before


def test_every_mistake_is_told_and_nothing_is_written():
    head = VENUES.splitlines()[0]
    with Folder() as folder, Cases() as case:
        folder.move_in(venues=VENUES, shows=SHOWS, listings=LISTINGS)
        venues = [("country:", ",Hall,Bonn,XX,Europe/Berlin,,"), ("timeZone:", ",Hall,Bonn,DE,Europe/Bonn,,"),
                  ("coordinates.latitude:", ",Hall,Bonn,DE,Europe/Berlin,91,0"),
                  ("not as many cells", ",Hall,Bonn,DE"), ("quotation mark", ',"Hall,Bonn,DE'),
                  ("id: line 2", ",Hall,Bonn,DE,Europe/Berlin,,\n,Hall,Köln,DE,Europe/Berlin,,")]
        for words, text in venues:
            wrong(case, folder, "venues", 3 if "line 2" in words else 2, [words], venues=f"{head}\n{text}\n")

        def show(**changes):
            return {"venueId": "hall", "title": "Late", "category": "music",
                    "startsAt": f"{YEAR}-05-01T20:00", **changes}
        for words, changes in [
                (["startsAt:", "does not exist", f"{last_sunday(3)}T01:30+01:00", f"{last_sunday(3)}T03:30+02:00"],
                 {"startsAt": f"{last_sunday(3)}T02:30"}),
                (["startsAt:", "comes twice", "+02:00", "+01:00"], {"startsAt": f"{last_sunday(10)}T02:30"}),
                (["startsAt:", "still to come"], {"startsAt": "2001-01-01T20:00"}),
                (["doorsAt:"], {"doorsAt": f"{YEAR}-05-01T21:00"}),
                (["venueId:", "no such venue"], {"venueId": "nowhere"}),
                (["title:"], {"title": " "}), (["category:"], {"category": "polka"}),
                (["rules.maxPerBuyer:"], {"rules": {"maxPerBuyer": 0}})]:
            wrong(case, folder, "shows", 2, words, shows=[show(title="Early"), show(**changes)])

        def listing(**changes):
            return {"showId": "lake", "seller": SELLER, "section": "B", "row": "1", "seats": ["1", "2"],
                    "split": "any", "price": 20, "faceValue": 20, "delivery": "issued", **changes}
        for words, changes in [
                (["seller:", "sign up first"], {"seller": "nobody@example.test"}),
                (["seller:"], {"seller": "nobody"}), (["showId:"], {"showId": "unknown"}),
                (["seats:", "on the market already", '"012"'],
                 {"section": "block a", "row": "04", "seats": ["012"]}),
                (["seats:", "twice"], {"seats": ["7", "07"]}),
                (["split:", "odd number"], {"seats": ["7"], "split": "pairs"}),
                (["seats:", "at most 500"], {"seats": [str(n) for n in range(501)]}),
                (["price:", "24.00"], {"price": 25}), (["faceValue:"], {"faceValue": None}),
                (["delivery:"], {"delivery": "post"})]:
            wrong(case, folder, "listings", 2, words,
                  listings=[listing(seats=["21"]), {**listing(), "seats": ["8", "9"], **changes}])
        wrong(case, folder, "listings", 2, ["seats:", "on the market already"],
              listings=[listing(), listing(row="01", seats=["2"])])
        wrong(case, folder, "listings", 2, ["not a JSON object"], listings=json.dumps(listing()) + "\n{\n")
        with case("what refers to a refused line is not blamed for it"):
            told = folder.move_in(status=1, shows=[show(id="new", title="")],
                                  listings=[listing(showId="new", price=0)]).stderr
            assert "showId: it was refused itself" in told and "price:" in told, told


def test_files_that_cannot_be_read_and_options_that_do_not_go_together():
    with Folder(signed_up=False) as folder, Cases() as case:
        for words, status, files in [
                ("there is no column", 1, {"venues": "name,town\nHall,Bonn\n"}),
                ("is there twice", 1, {"venues": "name,name\nHall,Hall\n"}),
                ("array is not closed", 1, {"shows": '[{"title": "x"}'}),
                ("UTF-16", 1, {"venues": "\0n\0a\0m\0e"}),
                ("venues:1: it is empty", 1, {"venues": ""}), ("venues:1: it is empty", 1, {"venues": "\ufeff\r\n"}),
                ("its cell 3 names no column", 1, {"venues": "name,city,\nHall,Bonn,\n"}),
                ("its cell 1 names no column", 1, {"venues": "\x1b[2J,city\n"}),
                ("its cell 1 names no column; there are id name", 1, {"venues": "a" * 2000}),
                ("come by themselves", 2, {"venues": VENUES, "users": []})]:
            with case(words):
                done = folder.move_in(status=status, **files)
                assert words in done.stderr, done
        for words, cell in [("save the file as UTF-8", "Théâtre".encode("latin-1")), ("a NUL byte", 70 * b"a" + b"\0b")]:
            with case(words):
                done = folder.move_in(status=1, venues=b"name,city,country,timeZone\n" + cell +
                                      b",Paris,FR,Europe/Paris\n")
                assert "venues:2: " in done.stderr and words in done.stderr, done
        for text in (b"name,city,country,timeZone\nHall," + 70_000_000 * b"a", b'{"name": "' + 70_000_000 * b"a" + b'"}'):
            with case("a line longer than there is room for"):
                told = folder.move_in(status=1, venues=text).stderr
                assert "it is too long" in told and "1 line is wrong" in told, told
        with case("JSON that begins with a byte order mark"):
            folder.move_in(venues="\ufeff" + json.dumps(VENUE) + "\n")
            folder.move_in(venues="\ufeff" + json.dumps([VENUE]))
            assert folder.count() == (1, 0, 0)
            shutil.rmtree(folder.data)
        with case("nobody has an account yet"):
            assert "sign up first" in folder.move_in(status=1, venues=VENUES, shows=SHOWS,
                                                     listings=LISTINGS).stderr
            assert folder.count() == (0, 0, 0)
