"""Proves the pages of the door: staff make gates and take their keys back; a gate's page checks codes with
scripts and without, goes on without a network, opens without one, and tells later what it did."""

import json
import re

from boxoffice import Server, buy, new_id, run_cli
from check import Cases, expect, wait_for
from test_forms import read
from test_listing_pages import offer
from test_shows import make_show, make_venue, staff_of
from web import MARKUP, PHONE, WIDE, Person, axe

SERVER = {}


class Door:
    """A show with entries that were sold, and who looks after it."""

    def __init__(self, server, seats=2, **changes):
        self.server, self.staff = server, staff_of(server)
        self.show = make_show(self.staff, make_venue(self.staff), **changes)
        listing = offer(server.sign_up(), self.show, seats=[str(n + 1) for n in range(seats)])
        self.buyer = server.sign_up()
        for ticket in listing["tickets"]:
            self.order = buy(self.buyer, ticket["id"])
        found = wait_for(lambda: (lambda all: all if len(all) == seats else None)(
            expect(self.buyer.get("/api/entries"), 200).json), 20, "the entries")
        self.entries = [expect(self.buyer.get(f"/api/entries/{e['id']}"), 200).json for e in found]
        self.codes = [e["code"] for e in self.entries]
        self.path = f"/admin/shows/{self.show['id']}/gates"

    def gate(self, name="North"):
        """Its key."""
        return wait_for(lambda: (lambda a: a if a.status == 201 else None)(
            self.staff.post("/api/gates", {"showId": self.show["id"], "name": name})), 20, "a gate").json["key"]

    def ask(self, key, body):
        return expect(self.server.client().post("/api/scans", body, headers={"Authorization": f"Bearer {key}"}), 200).json

    def seen(self, what=""):
        return expect(self.staff.get(f"/api/gates{what}?showId={self.show['id']}"), 200).json


class Phone:
    """A gate's page."""

    def __init__(self, person):
        self.person, self.browser = person, person.browser

    def pair(self, key):
        self.person.go("/scan")
        self.browser.find("#door[data-ready][data-kept]")
        self.browser.fill("#key", key)
        self.browser.click("#scan button")
        self.browser.find("#pair[hidden]")
        return self

    def scan(self, code, answer, online=True):
        self.browser.run("document.querySelector('#result').dataset.answer = ''")
        self.browser.fill("#code", code)
        self.browser.press("enter")
        self.browser.find(f"#result[data-answer={answer}][data-online={str(online).lower()}]")
        return self.browser.text("#result")

    def network(self, there):
        self.browser.devtools("Network.enable")
        self.browser.devtools("Network.emulateNetworkConditions", offline=not there, latency=0, downloadThroughput=-1,
                              uploadThroughput=-1)


def test_staff_make_a_gate_and_take_its_key_back(server):
    for javascript in (True, False):
        door = Door(server)
        door.gate("wait until the show is known")
        with Person(server, door.staff, javascript=javascript) as person:
            browser = person.go(f"/admin/shows/{door.show['id']}").browser
            browser.click(f"a[href='{door.path}']")
            person.wait_path(door.path)
            browser.fill("#name", MARKUP[:60])
            browser.click("#form button")
            key = browser.text("#key")
            assert re.fullmatch("([0-9A-Z]{4} ){7}[0-9A-Z]{4}", key), key
            assert MARKUP[:60] in browser.text("#made") and MARKUP[:60] in browser.text(".rows")
            assert door.ask(key, {"code": door.codes[0]})["answer"] == "admitted"
            person.go(door.path)
            assert key not in browser.source, "it is shown once"
            assert "1" in browser.texts(".minutes td") and MARKUP[:60] in browser.texts(".minutes td")
            browser.click(".rows > li:last-child form button")
            browser.wait_text(".notice", "good no more")
            assert "Key taken back" in browser.text(".rows > li:last-child")
            browser.fill("#name", " ")
            browser.click("#form button")
            browser.find("#name-error")
    refused = server.client().post("/api/scans", {"code": "x"}, headers={"Authorization": f"Bearer {key}"})
    assert refused.json["errors"][0]["code"] == "gate_revoked"


def test_gates_are_for_staff(server):
    door = Door(server)
    for path in (door.path, "/admin/shows/17/gates"):
        assert read(server.client(), path).status == 303
        assert read(server.sign_up(), path).status == 403
    assert read(door.staff, "/admin/shows/17/gates").status == 404
    assert read(door.staff, f"/admin/shows/{new_id()}/gates").status == 404


def test_whom_gates_let_in_twice_staff_read(server):
    door = Door(server)
    first, second = door.gate("North"), door.gate("South")
    door.ask(first, {"code": door.codes[0]})
    sent = {"id": new_id(), "admitted": True}
    door.ask(second, [{**sent, "code": door.codes[0]}, {**sent, "id": new_id(), "code": "x"}])
    page = read(door.staff, door.path).body.decode()
    line, other = re.findall(r'<li dir="auto">(.*?)</li>', page[page.index('id="wrong"'):])[::-1]
    text = line + other
    assert door.entries[0]["serial"] in text and "South" in text and "North" in text, text
    assert "A code that nobody knows" in text, text


def test_without_scripts_a_typed_code_is_answered(server):
    door = Door(server)
    key = door.gate()
    serial = door.entries[0]["serial"]
    with Person(server, javascript=False, **PHONE) as person:
        browser = person.go("/scan").browser
        for typed, said, about in (
                (f"{serial[:4]} {serial[4:].lower()}", "In", "seat 1"), (door.codes[0], "Again", "North"),
                (door.codes[0][:-1], "Unknown", "Read it again"), (door.codes[1], "In", "seat 2")):
            browser.fill("#key", key)
            browser.fill("#code", typed)
            browser.press("enter")
            browser.wait_text("#result b", said)
            assert about in browser.text("#result"), browser.text("#result")
            assert browser.title.startswith(said) and browser.find("#key").value() == key
        for wrong in ("", "x", "\u00e9" * 3, "0" * 32):
            browser.fill("#key", wrong)
            browser.fill("#code", typed)
            browser.press("enter")
            browser.wait_text("#key-error", "This key is none")
        browser.fill("#key", key)
        browser.fill("#code", " ")
        browser.press("enter")
        browser.wait_text("#code-error", "Read a code")


def test_a_gate_reads_codes_as_a_scanner_types_them(server):
    door = Door(server)
    key = door.gate()
    with Person(server, **PHONE) as person:
        phone = Phone(person).pair(key)
        browser = person.browser
        assert "North" in browser.text("#gate") and "Mono Lake" in browser.text("#gate")
        browser.run("document.activeElement.blur()")
        browser.press(door.codes[0].lower(), "enter")
        browser.find("#result.in[data-answer=admitted]")
        assert "In" in browser.text("#result") and "1" in browser.text("#result")
        assert "Under 16" in browser.text("#result ul")
        assert "North" in phone.scan(door.codes[0], "already_admitted")
        phone.scan(door.codes[0][:-1], "not_ours")
        phone.scan(door.entries[1]["serial"], "admitted")
        assert len(browser.all("#latest li")) == 4
        browser.reload()
        browser.find("#pair[hidden]")
        assert not axe(browser), axe(browser)
        phone.scan(door.codes[1], "already_admitted")
        staff_gate, = door.seen()
        assert door.staff.delete(f"/api/gates/{staff_gate['id']}").status == 204
        browser.fill("#code", door.codes[0])
        browser.press("enter")
        browser.wait_text("#key-error", "taken back")


def test_it_goes_on_without_a_network_and_tells_later(server):
    door = Door(server, 4)
    first, second = door.gate("North"), door.gate("South")
    forged = door.codes[2][:-6] + ("0" if door.codes[2][-6] != "0" else "1") + door.codes[2][-5:]
    with Person(server, **PHONE) as person:
        phone, browser = Phone(person).pair(first), person.browser
        door.ask(second, {"code": door.codes[3]})
        wait_for(lambda: phone.scan(door.codes[3], "already_admitted"), 10, "it")
        phone.network(False)
        phone.scan(door.codes[0], "admitted", online=False)
        phone.scan(door.codes[1], "admitted", online=False)
        assert "North" in phone.scan(door.codes[1], "already_admitted", online=False)
        phone.scan(forged, "not_ours", online=False)
        phone.scan(door.entries[2]["serial"], "needs", online=False)
        browser.wait_text("#queue", "2 to send")
        browser.wait_text("#network", "No network")
        assert door.ask(second, {"code": door.codes[1]})["answer"] == "admitted"
        assert [g["admitted"] for g in door.seen()] == [0, 2]
        phone.network(True)
        browser.run("window.dispatchEvent(new Event('online'))")
        browser.wait_text("#queue", "All is sent", 20)
        browser.wait_text("#wrong", door.entries[1]["serial"])
        assert "South" in browser.text("#wrong")
        wait_for(lambda: [(g["admitted"], g["wrong"]) for g in door.seen()] == [(1, 1), (2, 0)], 10, door.seen)
        double, = door.seen("/wrong")
        assert (double["gate"]["name"], double["first"]["gate"]["name"]) == ("North", "South"), double


def test_it_opens_without_a_network():
    with Server() as server:
        door = Door(server, 3)
        key = door.gate()
        paid = json.loads(run_cli("payments", "list", "--limit", "100", "--data", server.data).stdout)
        charge = next(each["id"] for each in paid if each["orderId"] == door.entries[1]["orderId"])
        assert run_cli("payments", "refund", charge, "--data", server.data).returncode == 0
        wait_for(lambda: "void" in {e["status"] for e in door.buyer.get("/api/entries").json}, 20, "it to be void")
        with Person(server, **PHONE) as person:
            phone, browser = Phone(person).pair(key), person.browser
            phone.scan(door.codes[2], "admitted")
            assert "Mono Lake" in browser.text("#gate")
            server.stop()
            browser.reload()
            browser.find("#pair[hidden]")
            browser.find("#door[data-ready]")
            assert "Mono Lake" in browser.text("#gate")
            phone.scan(door.codes[0], "admitted", online=False)
            assert "money went back" in phone.scan(door.codes[1], "void", online=False)
            phone.scan(door.codes[2], "already_admitted", online=False)
            browser.reload()
            browser.find("#door[data-ready]")
            phone.scan(door.codes[0], "already_admitted", online=False)
            browser.wait_text("#queue", "1 to send")
        server.start()


def test_a_list_older_than_the_doors_says_so(server):
    door = Door(server)
    key = door.gate()
    with Person(server) as person:
        person.browser.devtools("Page.addScriptToEvaluateOnNewDocument",
                                source=f"Date.now = () => Date.parse('{door.show['doorsAt']}') + 1000;")
        Phone(person).pair(key)
        person.browser.wait_text("#stale", "before the doors opened")


def test_the_camera_is_for_this_page_alone_and_a_worker_for_tickets_too(server):
    door = Door(server)
    ticket = f"/my-tickets/{door.entries[0]['id']}"
    with Cases() as case:
        for path in ("/scan", "/", "/my-tickets", ticket, "/admin/shows"):
            with case(path):
                headers = read(door.buyer, path).headers
                worker = path in ("/scan", ticket)
                assert ("camera=(self)" in headers["Permissions-Policy"]) == (path == "/scan")
                assert ("worker-src 'self'" in headers["Content-Security-Policy"]) == worker
                assert ("worker-src 'none'" in headers["Content-Security-Policy"]) != worker
    page = read(server.client(), "/scan").body.decode()
    assert 'rel="manifest" href="/scan.webmanifest"' in page and "noindex" in page
    manifest = json.loads(server.client().get("/scan.webmanifest").body)
    assert manifest["scope"] == manifest["start_url"] == "/scan" and manifest["display"] == "standalone"
    assert server.client().get(manifest["icons"][0]["src"]).status == 200
    worker = server.client().get("/scan-worker.js")
    assert worker.headers["Content-Type"].startswith("text/javascript"), worker.headers


def test_the_page_has_nothing_for_axe_to_find(server):
    door = Door(server)
    key = door.gate()
    with Cases() as case:
        for name, options in {"wide": WIDE, "phone": PHONE, "dark": {**PHONE, "dark": True}}.items():
            with case(name), Person(server, **options) as person:
                phone = Phone(person).pair(key)
                for code, answer in ((door.codes[0], None), ("x", "not_ours")):
                    if answer:
                        phone.scan(code, answer)
                    found = axe(person.browser)
                    assert not found, "\n".join(found)
                person.shot(f"{name}-scan-paired")
                wide = person.browser.run("return document.documentElement.scrollWidth")
                assert wide <= options["width"], wide
