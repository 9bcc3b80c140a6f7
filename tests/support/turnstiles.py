"""A crowd that goes through the gates of a show, some of which have no network; for a test, and for the
benchmark of the same."""

import collections
import concurrent.futures
import time

from boxoffice import TEST_PASSWORD, new_id, pay, run_cli, wait_order
from check import expect, wait_for

SEATS_MAX = 500  # of a listing
COPIES_EACH = 25  # so many people, and somebody comes with a copy of a code
UPLOAD = 100
CLOCKS_OFF_S = (-7200, 5400)  # of the gates without a network


class Crowd:
    """So many people with a code each, and the gates they come to."""

    def __init__(self, server, people, online, offline):
        self.server, self.staff = server, self.staff_of(server)
        venue = expect(self.staff.post("/api/venues", {"name": "Harbour Hall", "city": "Berlin", "country": "DE",
                                                       "timeZone": "Europe/Berlin"}), 201).json
        year = time.gmtime().tm_year + 1
        self.show = expect(self.staff.post("/api/shows", {"venueId": venue["id"], "title": "Mono Lake",
                                                          "category": "music", "startsAt": f"{year}-07-01T19:30"}), 201).json["id"]
        self.codes = [code for row, first in enumerate(range(0, people, SEATS_MAX))
                      for code in self.sold(row, min(SEATS_MAX, people - first))]
        self.online, self.offline = ([self.gate(f"{kind} {n}") for n in range(count)]
                                     for kind, count in (("online", online), ("offline", offline)))
        self.waits_ms = []

    @staticmethod
    def staff_of(server):
        user, client = server.sign_up(), server.client()
        run_cli("users", "grant", user.email, "catalogue", "--data", server.data)
        expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
        return client

    def sold(self, row, seats):
        """The codes of a listing that one buyer has."""
        body = {"showId": self.show, "section": "A", "row": str(row), "seats": [str(n) for n in range(seats)],
                "price": 1, "split": "any", "delivery": "issued"}
        listing = self.answered(201, lambda: self.server.as_user().post("/api/listings", body))
        buyer = self.server.as_user()
        order = self.answered(201, lambda: buyer.post("/api/orders", {"listingId": listing["id"], "quantity": seats}))
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        entries = wait_for(lambda: (lambda all: all if len(all) == seats else None)(
            expect(buyer.get("/api/entries?limit=1000"), 200).json), 60, "the entries")
        return [expect(buyer.get(f"/api/entries/{entry['id']}"), 200).json["code"] for entry in entries]

    @staticmethod
    def answered(status, ask):
        return wait_for(lambda: (lambda a: a if a.status == status else None)(ask()), 30, f"{status}").json

    def gate(self, name):
        made = self.answered(201, lambda: self.staff.post("/api/gates", {"showId": self.show, "name": name}))
        return {"name": name, "client": self.server.client(), "bearer": {"Authorization": f"Bearer {made['key']}"}}

    def ask(self, gate, body, query=""):
        return expect(gate["client"].post(f"/api/scans{query}", body, headers=gate["bearer"]), 200).json

    def through_online(self, gate, codes):
        said = []
        for code in codes:
            began = time.perf_counter()
            said.append(self.ask(gate, {"code": code})["answer"])
            self.waits_ms.append(1000 * (time.perf_counter() - began))
        return said

    def through_offline(self, gate, codes, off_s):
        """It lets in whom it has not seen, and tells of it afterwards, each upload twice."""
        def now():
            return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + off_s))
        sent = [{"id": new_id(), "code": code, "at": now(), "admitted": True} for code in dict.fromkeys(codes)]
        said = []
        for first in range(0, len(sent), UPLOAD):
            upload = sent[first:first + UPLOAD]
            said += self.ask(gate, upload, f"?clock={now()}")
            assert self.ask(gate, upload, f"?clock={now()}") == said[first:], "an upload counts once"
        return [each["answer"] for each in said]

    def go(self):
        """Everybody goes to a gate in turn, some to two. Returns how often each answer was given, and how
        many came by a copy."""
        gates = self.online + self.offline
        queues = [[] for _ in gates]
        for n, code in enumerate(self.codes):
            queues[n % len(gates)].append(code)
            if n % COPIES_EACH == 0:
                other = 1 + n // COPIES_EACH % (len(gates) - 1)
                queues[(n + other) % len(gates)].append(code)
        with concurrent.futures.ThreadPoolExecutor(len(gates)) as pool:
            going = [pool.submit(self.through_online, *pair) for pair in zip(self.online, queues)]
            going += [pool.submit(self.through_offline, *triple)
                      for triple in zip(self.offline, queues[len(self.online):], CLOCKS_OFF_S)]
            said = collections.Counter(answer for each in going for answer in each.result())
        return said, sum(map(len, queues)) - len(self.codes)

    def seen(self, what=""):
        return expect(self.staff.get(f"/api/gates{what}?showId={self.show}"), 200).json

    def check(self):
        """All are let in once, and of the copies each was sent away or is named."""
        said, copies = self.go()
        gates, wrong = self.seen(), self.seen("/wrong")
        assert said == {"admitted": len(self.codes), "already_admitted": copies}, said
        assert sum(gate["admitted"] for gate in gates) == len(self.codes), gates
        assert sum(minute["admitted"] for minute in self.seen("/admissions")) == len(self.codes)
        assert all(each["first"]["gate"]["name"] and each["gate"]["name"].startswith("offline") for each in wrong), wrong
        assert len(wrong) == sum(gate["wrong"] for gate in gates), gates
        again = [self.ask(gate, {"code": code})["answer"] for gate, code in zip(self.online, self.codes)]
        assert set(again) == {"already_admitted"}, again
        return len(wrong), copies
