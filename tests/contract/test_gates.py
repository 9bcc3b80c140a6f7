"""Proves what gates promise: a key of their own that staff give and take back at once; an entry is let in
once, ever; what is not let in is named; what gates did without a network is told later, once, and whom they
let in twice is named with both gates and times."""

import concurrent.futures
import sqlite3
from datetime import datetime, timedelta, timezone

from boxoffice import Server, new_id, pay, run_cli, wait_order
from check import Cases, expect, expect_error, expect_not_authorized, expect_not_found, wait_for
from test_catalogue import YEAR, act, fault, make_show, make_venue, staff_of
from test_entries import bought, entries_of, wait_entries
from test_entry_codes import bytes_of, keys_of, text_of
from test_listings import make_listing
from test_orders_of_listings import order_several
from test_transfers import OVER, accept, code_of, give
from turnstiles import Crowd

PARALLEL = 2


class Gate:
    """A device at a door."""

    def __init__(self, server, staff, show, name):
        made = expect(staff.post("/api/gates", {"showId": show["id"], "name": name}), 201).json
        self.id, self.name, self.key, self.made = made["id"], name, made["key"], made
        self.client = server.client()

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.key}"}

    def ask(self, body, status=200, query=""):
        return expect(self.client.post(f"/api/scans{query}", body, headers=self.bearer), status).json

    def scan(self, code, **more):
        return self.ask({"code": code, **more})

    def snapshot(self, query="", status=200, **headers):
        return expect(self.client.get(f"/api/gates/me/snapshot{query}", headers={**self.bearer, **headers}), status)


class Door:
    """A show with its staff, buyers, their entries and codes."""

    def __init__(self, server, seats=1, **changes):
        self.server, self.staff = server, staff_of(server)
        self.venue = make_venue(self.staff)
        self.show = make_show(self.staff, self.venue["id"], rules={}, **changes)
        self.seats = 0
        self.sell(seats)
        wait_for(lambda: self.staff.get(f"/api/gates?showId={self.show['id']}").status == 200, 20,
                 "the show at the door")

    def sell(self, seats, show=None, **changes):
        """Sold to one buyer: the entries with their codes, and what was paid."""
        labels = [str(self.seats + n + 1) for n in range(seats)]
        self.seats += seats
        self.listing = make_listing(self.server.as_user(), (show or self.show)["id"], seats=labels, **changes)
        self.buyer = self.server.as_user()
        _, self.paid = bought(self.buyer, self.listing, seats)
        self.entries = self.entries_of(self.buyer, seats)
        return self.entries

    def entries_of(self, buyer, count):
        return [expect(buyer.get(f"/api/entries/{e['id']}"), 200).json for e in wait_entries(buyer, count)]

    def gate(self, name="Gate A"):
        return Gate(self.server, self.staff, self.show, name)

    def refund(self):
        done = run_cli("payments", "refund", self.paid["id"], "--data", self.server.data)
        assert done.returncode == 0, done
        wait_entries(self.buyer, len(self.entries), "void")

    def seen(self, what="", status=200):
        return expect(self.staff.get(f"/api/gates{what}?showId={self.show['id']}"), status).json


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def offline(code, at=None, **more):
    """What a gate sends later of somebody it let in by itself."""
    return {"id": new_id(), "code": code, "at": iso(at or datetime.now(timezone.utc)), "admitted": True, **more}


# --- gates ---------------------------------------------------------------------------------------

def test_staff_make_a_gate_and_see_its_key_once(server):
    door = Door(server)
    gate = door.gate(" Gate A ")
    assert gate.made == {"id": gate.id, "showId": door.show["id"], "name": "Gate A",
                         "createdAt": gate.made["createdAt"], "key": gate.key}
    assert len(gate.key) == 32, gate.key
    assert door.seen() == [{"id": gate.id, "showId": door.show["id"], "name": "Gate A",
                            "createdAt": gate.made["createdAt"], "admitted": 0, "wrong": 0}]
    for path in ("", "/admissions", "/wrong"):
        for other in (server.client(), door.buyer):
            expect_not_authorized(other.get(f"/api/gates{path}?showId={door.show['id']}"))
        assert door.staff.get(f"/api/gates{path}?showId=17").status == 400
        expect_not_found(door.staff.get(f"/api/gates{path}?showId={new_id()}"))
    body = {"showId": door.show["id"], "name": "Gate B"}
    for other in (server.client(), door.buyer):
        expect_not_authorized(other.post("/api/gates", body))
        expect_not_authorized(other.delete(f"/api/gates/{gate.id}"))
    expect_not_found(door.staff.post("/api/gates", {**body, "showId": new_id()}))
    assert fault(door.staff.post("/api/gates", {**body, "name": " \u200b "}), "name")[0] == "empty"
    assert fault(door.staff.post("/api/gates", {**body, "name": "x" * 61}), "name")[0] == "too_long"
    assert fault(door.staff.post("/api/gates", {"name": "Gate B"}), "showId")
    with sqlite3.connect(f"file:{server.data}/entries.db?mode=ro", uri=True) as database:
        kept = "\n".join(database.iterdump())
    assert gate.key not in kept and "Gate A" in kept


def test_a_key_that_is_none_opens_nothing(server):
    door = Door(server)
    gate = door.gate()
    code = door.entries[0]["code"]
    with Cases() as case:
        for key in ("", "Bearer", f"Basic {gate.key}", "Bearer x", f"Bearer {gate.key[:-1]}", f"Bearer {gate.key}0",
                    "Bearer " + "0" * 32):
            with case(key):
                for answer in (server.client().post("/api/scans", {"code": code}, headers={"Authorization": key}),
                               server.client().get("/api/gates/me/snapshot", headers={"Authorization": key})):
                    expect_not_authorized(answer)
    expect_not_authorized(door.staff.post("/api/scans", {"code": code}))
    gate.key = "-".join(gate.key.lower()[n:n + 4] for n in range(0, 32, 4))
    assert gate.scan(code)["answer"] == "admitted", "as people type it"


def test_a_key_taken_back_is_good_no_more_in_the_midst_of_uploads(server):
    door = Door(server, 2)
    gate, other = door.gate(), door.gate("Gate B")
    first, second = (offline(e["code"]) for e in door.entries)
    assert gate.ask([first])[0]["answer"] == "admitted"
    for _ in range(2):
        assert door.staff.delete(f"/api/gates/{gate.id}").status == 204
    for body in ([second], second, [first]):
        refused = gate.ask(body, 401)["errors"][0]
        assert refused["code"] == "gate_revoked", refused
    gate.snapshot(status=401)
    assert other.scan(door.entries[1]["code"])["answer"] == "admitted", "what was refused was not kept"
    shown = {g["id"]: g for g in door.seen()}
    assert "revokedAt" in shown[gate.id] and "revokedAt" not in shown[other.id]
    assert [g["admitted"] for g in door.seen()] == [1, 1], "what it did stays"
    expect_not_found(door.staff.delete(f"/api/gates/{new_id()}"))


def test_a_show_has_so_many_gates_and_no_more():
    with Server() as server:
        door = Door(server)
        for n in range(100):
            door.gate(f"Gate {n}")
        refused = expect(door.staff.post("/api/gates", {"showId": door.show["id"], "name": "one more"}), 409).json
        assert refused["errors"][0]["code"] == "too_many_gates"


# --- one after the other -------------------------------------------------------------------------

def test_an_entry_is_let_in_once_and_who_comes_again_hears_when_and_where(server):
    door = Door(server, 2)
    gate, other = door.gate(), door.gate("Gate B")
    entry = door.entries[0]
    with server.listen("entry:admitted") as admitted:
        first = gate.scan(entry["code"])
        event = admitted.wait_count(1)[0]["data"]
    shown = {key: entry[key] for key in ("serial", "section", "row", "seat", "restrictions", "show")}
    assert first == {"id": first["id"], "answer": "admitted", "at": first["at"], "entryId": entry["id"], **shown,
                     "gate": {"id": gate.id, "name": "Gate A"}}
    assert event == {"id": entry["id"], "ticketId": entry["ticketId"], "orderId": entry["orderId"],
                     "showId": door.show["id"], "gateId": gate.id, "userId": door.buyer.user_id, "at": first["at"]}
    with Cases() as case:
        for one, code in ((gate, entry["code"]), (other, entry["code"]), (other, f" {entry['code'].lower()}\n"),
                          (other, entry["serial"]), (other, f"{entry['serial'][:4].lower()} {entry['serial'][4:]}")):
            with case(f"{one.name} {code}"):
                again = one.scan(code)
                assert again["answer"] == "already_admitted" and again["seat"] == entry["seat"], again
                assert again["first"] == {"gate": {"id": gate.id, "name": "Gate A"}, "at": first["at"], "offline": False}
    assert other.scan(door.entries[1]["serial"])["answer"] == "admitted"
    minutes = door.seen("/admissions")
    assert sum(m["admitted"] for m in minutes if m["gateId"] == gate.id) == 1, minutes
    assert all(m["minute"].endswith(":00.000Z") for m in minutes)
    assert [g["admitted"] for g in door.seen()] == [1, 1] and door.seen("/wrong") == []
    assert all(e["status"] == "valid" and e["version"] == 0 for e in entries_of(door.buyer)), "its code stays right"


def test_of_many_at_once_one_is_let_in(server):
    door = Door(server, 3)
    gates = [door.gate(f"Gate {n}") for n in range(6)]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for entry in door.entries:
            asked = [Gate.__new__(Gate) for _ in range(24)]
            for n, gate in enumerate(asked):
                gate.key, gate.client = gates[n % 6].key, server.client()
            answers = list(pool.map(lambda gate, code=entry["code"]: gate.scan(code)["answer"], asked))
            assert sorted(answers) == ["admitted"] + ["already_admitted"] * 23, answers


def test_what_is_not_ours_is_named(server):
    door = Door(server)
    gate, code = door.gate(), door.entries[0]["code"]
    read = bytes_of(code)
    with Cases() as case:
        for reason, text in {
                "truncated": code[:-1], "too_long": code + "0", "no_code": "https://example.test/" + "x" * 3000,
                "forged": text_of(read[:20] + bytes([read[20] ^ 1]) + read[21:]),
                "unknown_key": text_of(read[:31] + b"\xc8" + read[32:]), "unknown_entry": "00000000"}.items():
            with case(reason):
                answer = gate.scan(text)
                assert (answer["answer"], answer["reason"]) == ("not_ours", reason), answer
                assert "entryId" not in answer and "seat" not in answer
        with case("the organiser's file"):
            upload, = door.sell(1, delivery="upload")
            answer = gate.scan(upload["serial"])
            assert (answer["answer"], answer["reason"]) == ("not_ours", "organisers_file"), answer


def test_another_show_and_another_day_are_named(server):
    door = Door(server)
    gate = door.gate()
    other = make_show(door.staff, door.venue["id"], title="Something else", rules={})
    later = make_show(door.staff, door.venue["id"], startsAt=f"{YEAR}-07-02T19:30", doorsAt=f"{YEAR}-07-02T18:00",
                      rules={})
    with Cases() as case:
        for said, show in {"other_show": other, "other_day": later}.items():
            with case(said):
                entry, = door.sell(1, show)
                for _ in range(2):
                    answer = gate.scan(entry["code"])
                    assert answer["answer"] == said and answer["show"]["startsAt"] == show["startsAt"], answer
                theirs = Gate(server, door.staff, show, "theirs")
                assert theirs.scan(entry["code"])["answer"] == "admitted"


def test_void_is_told_with_its_reason():
    with Server() as server:
        door = Door(server)
        gate, entry, ticket = door.gate(), door.entries[0], door.listing
        code = entry["code"]
        door.refund()
        refused = gate.scan(code)
        assert (refused["answer"], refused["reason"], refused["seat"]) == ("void", "refunded", "1"), refused
        buyer = server.as_user()
        order = order_several(buyer, ticket, 1)
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        fresh, = door.entries_of(buyer, 1)
        for text in (code, entry["serial"]):
            refused = gate.scan(text)
            assert (refused["answer"], refused["reason"]) == ("void", "resold"), refused
        assert gate.scan(fresh["code"])["answer"] == "admitted"
        last, = door.sell(1)
        act(door.staff, "shows", door.show, "cancel", reason="withdrawn")
        wait_for(lambda: gate.snapshot().json["show"]["status"] == "cancelled", 20, "the show to be off")
        refused = gate.scan(last["code"])
        assert (refused["answer"], refused["reason"]) == ("void", "cancelled"), refused


def test_a_merged_shows_codes_and_gates_are_the_other_ones():
    with Server() as server:
        door = Door(server)
        double = make_show(door.staff, door.venue["id"], title="Mono Lake (extra)", rules={})
        entry, used = door.sell(2, double)
        wait_for(lambda: door.staff.get(f"/api/gates?showId={double['id']}").status == 200, 20, "the show")
        theirs, gate = Gate(server, door.staff, double, "theirs"), door.gate()
        assert theirs.scan(used["code"])["answer"] == "admitted"
        before = gate.snapshot().json
        assert before["shows"] == [door.show["id"]] and before["used"] == ""
        act(door.staff, "shows", double, "merge", into=door.show["id"])
        wait_for(lambda: gate.snapshot().json["shows"] == [door.show["id"], double["id"]], 20, "the merger")
        assert gate.snapshot(f"?since={before['upTo']}").json["used"] == used["serial"]
        assert gate.scan(entry["code"])["answer"] == "admitted"
        assert theirs.scan(entry["code"])["answer"] == "already_admitted"
        assert [g["name"] for g in door.seen()] == ["theirs", "Gate A"]


# --- uploads -------------------------------------------------------------------------------------

def test_what_was_done_without_a_network_is_told_once_and_doubles_are_named(server):
    door = Door(server, 4)
    online, first, second = door.gate("Main"), door.gate("North"), door.gate("South")
    codes = [entry["code"] for entry in door.entries]
    now = datetime.now(timezone.utc)
    shown = online.scan(codes[0])
    wrong_clock = timedelta(hours=-3)
    uploads = {
        first: [offline(codes[0], now), offline(codes[1], now), offline(codes[2], now)],
        second: [offline(codes[1], now + wrong_clock), offline(codes[3], now + wrong_clock)],
    }
    said = {}
    for gate, upload in uploads.items():
        clock = "" if gate is first else f"?clock={iso(now + wrong_clock)}"
        said[gate] = gate.ask(upload, query=clock)
        for _ in range(2):
            assert gate.ask(upload, query=clock) == said[gate], "an upload counts once"
        assert gate.ask(upload[::-1], query=clock) == said[gate][::-1]
    assert [a["answer"] for a in said[first]] == ["already_admitted", "admitted", "admitted"]
    assert [a["answer"] for a in said[second]] == ["already_admitted", "admitted"]
    assert said[first][0]["first"]["gate"]["name"] == "Main" and said[first][0]["first"]["at"] == shown["at"]
    assert said[second][0]["first"]["gate"]["name"] == "North"
    assert online.scan(codes[3])["answer"] == "already_admitted"
    assert abs(moment(said[second][1]["at"]) - now) < timedelta(minutes=1), "a wrong clock is reckoned with"
    doubles = door.seen("/wrong")
    assert {(d["gate"]["name"], d["first"]["gate"]["name"], d["serial"]) for d in doubles} == {
        ("North", "Main", door.entries[0]["serial"]), ("South", "North", door.entries[1]["serial"])}, doubles
    assert {d["gateAt"] for d in doubles} == {iso(now), iso(now + wrong_clock)}
    assert [(g["admitted"], g["wrong"]) for g in door.seen()] == [(1, 0), (2, 1), (1, 1)]


def test_who_was_let_in_by_a_bad_code_is_named_too():
    with Server() as server:
        door = Door(server)
        code, gate = door.entries[0]["code"], door.gate()
        door.refund()
        answers = gate.ask([offline(code), offline(code[:-1]), {"id": new_id(), "code": code}])
        assert [a["answer"] for a in answers] == ["void", "not_ours", "void"]
        assert sorted(w["reason"] for w in door.seen("/wrong")) == ["refunded", "truncated"], "the third was let in by nobody"


def test_a_time_ahead_of_ours_counts_as_now(server):
    door = Door(server, 2)
    gate = door.gate()
    ahead = datetime.now(timezone.utc) + timedelta(days=400)
    for entry, query in zip(door.entries, ("", f"?clock={iso(ahead - timedelta(days=1))}")):
        at = gate.ask([offline(entry["code"], ahead)], query=query)[0]["at"]
        assert moment(at) <= datetime.now(timezone.utc) + timedelta(seconds=1)


def test_bad_uploads_are_refused_whole_with_the_field(server):
    door = Door(server)
    gate, code = door.gate(), door.entries[0]["code"]
    good = offline(code)
    with Cases() as case:
        for field, body in {"scans": [], "id": [good, {**good, "id": "x"}], "code": [good, {**good, "code": " "}],
                            "at": [good, {**good, "at": "yesterday"}], "admitted": [good, {**good, "admitted": False}]}.items():
            with case(field):
                answer = gate.client.post("/api/scans", body, headers=gate.bearer)
                _, hint = fault(answer, field)
                assert field == "scans" or "Scan 2" in hint, hint
        for body in ({}, {"code": 17}, {"code": code, "id": 17}, [17], [[good]]):
            with case(f"{body}"):
                gate.ask(body, 400)
        with case("clock"):
            assert fault(gate.client.post("/api/scans?clock=soon", good, headers=gate.bearer), "clock")
        with case("too many"):
            many = [offline(code) for _ in range(1001)]
            assert fault(gate.client.post("/api/scans", many, headers=gate.bearer), "scans")[0] == "number"
    assert gate.ask(many[:1000])[0]["answer"] == "admitted"
    assert len(door.seen("/wrong")) == 999
    huge = [offline("x" * 600_000)]
    assert gate.client.post("/api/scans", huge, headers=gate.bearer).status == 413


def test_a_crowd_goes_through_six_gates_of_which_two_have_no_network():
    """./dev bench door: the same with 3,000."""
    with Server() as server:
        crowd = Crowd(server, 300, online=4, offline=2)
        wrong, copies = crowd.check()
        assert 0 < wrong < copies, "some copies came to gates that could know"


# --- without a network ---------------------------------------------------------------------------

def test_a_snapshot_has_what_a_code_does_not_say():
    with Server() as server:
        door = Door(server, 3)
        gate, entries = door.gate(), door.entries
        whole = gate.snapshot()
        one = whole.json
        assert one["gate"] == {"id": gate.id, "name": "Gate A"} and one["show"] == entries[0]["show"]
        assert one["keys"] == keys_of(server) and one["shows"] == [door.show["id"]]
        assert (one["void"], one["used"], one["versions"], one["upTo"]) == ("", "", "", 0) and "since" not in one
        again = gate.snapshot(status=304, **{"If-None-Match": whole.headers["ETag"]})
        assert not again.body
        gate.scan(entries[0]["code"])
        two = gate.snapshot(f"?since={one['upTo']}", **{"If-None-Match": whole.headers["ETag"]}).json
        assert two["used"] == entries[0]["serial"] and two["since"] == one["upTo"] < two["upTo"]
        assert gate.snapshot(f"?since={two['upTo']}").json["used"] == ""
        door.refund()
        three = gate.snapshot(f"?since={two['upTo']}").json
        assert sorted(three["void"][n:n + 8] for n in (0, 8, 16)) == sorted(e["serial"] for e in entries)
        assert three["used"] == "" and gate.snapshot().json["void"] == three["void"]
        late = gate.snapshot(f"?since={three['upTo'] + 1}").json
        assert "since" not in late and late["void"] == three["void"], "of a time that this market has not seen"
        gate.snapshot("?since=x", status=400)


def test_fifty_thousand_entries_are_less_than_a_megabyte():
    with Server() as server:
        door = Door(server)
        gate, entry = door.gate(), door.entries[0]
        server.stop()
        letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        with sqlite3.connect(f"{server.data}/entries.db") as database:
            database.executemany("INSERT INTO entries SELECT ?1, version, ?2, status, holder_id, ?1, ?1, show_id,"
                                 " now_show_id, created_at_ms, key_id FROM entries WHERE id = ?3",
                                 [(f"{n:024x}", "".join(letters[n >> 5 * place & 31] for place in range(8)), entry["id"])
                                  for n in range(1, 50_000)])
            database.execute("INSERT INTO admissions SELECT id, ?, id, 1, 0 FROM entries", (gate.id,))
            database.execute("INSERT INTO door_changes (entry_id, show_id) SELECT id, now_show_id FROM entries")
        database.close()
        server.start()
        gate.client = server.client()
        answer = gate.snapshot()
        assert len(answer.json["used"]) == 8 * 50_000 and len(answer.body) <= 1_000_000, len(answer.body)
        assert len(gate.snapshot(f"?since={answer.json['upTo']}").body) < 2000


def test_what_somebody_was_let_in_by_stays_theirs(server):
    door = Door(server, 2)
    gate, taker = door.gate(), server.sign_up()
    sent, used = door.entries
    transfer = give(door.buyer, sent, taker.email)
    assert gate.scan(sent["code"])["answer"] == "admitted"
    assert gate.scan(used["code"])["answer"] == "admitted"
    expect_error(accept(taker, transfer, 409), 409, OVER)
    for entry in door.entries:
        answer = give(door.buyer, entry, taker.email, 409)
        assert answer.json["errors"][0]["code"] == "entry_used", answer


def test_a_code_of_before_a_ticket_was_taken_lets_nobody_in(server):
    door = Door(server)
    gate, taker = door.gate(), server.sign_up()
    [entry] = door.entries
    accept(taker, give(door.buyer, entry, taker.email))
    answer = gate.scan(entry["code"])
    assert (answer["answer"], answer["reason"]) == ("void", "transferred"), answer
    assert gate.scan(code_of(taker, entry))["answer"] == "admitted"
