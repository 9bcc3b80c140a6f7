"""Proves the pages by which a ticket is sent to somebody and taken: with and without scripts, and over plain
HTTP what is wrong is said and kept."""

from boxoffice import TEST_PASSWORD, new_email
from check import Cases, expect, wait_for
from test_entry_pages import holder, scanned
from test_forms import follow, hidden, read, send, sign_in, value_of
from web import PHONE, WIDE, Person


def waiting_of(person):
    return expect(person.get("/api/transfers"), 200).json


def give(giver, entry, email):
    return expect(giver.post(f"/api/entries/{entry['id']}/transfers", {"email": email}), 201).json


def test_one_sends_a_ticket_and_the_other_takes_it(server):
    with Cases() as case:
        for name, options in {"wide": WIDE, "phone without scripts": {**PHONE, "javascript": False}}.items():
            giver, entries = holder(server)
            taker, path = server.sign_up(), f"/my-tickets/{entries[0]['id']}"
            with case(name):
                with Person(server, giver, **options) as person:
                    browser = person.go(path).browser
                    before = scanned(browser)
                    assert browser.has(f"a[href='{path}/send']")
                    browser = person.go(path + "/send").browser
                    browser.fill("#to", taker.email)
                    browser.click("#form button")
                    person.wait_path(path)
                    browser.wait_text("main", f"On its way to {taker.email}")
                    assert "Until it is taken, your code works" in browser.text("body")
                    assert scanned(browser) == before
                    browser = person.go("/my-tickets").browser
                    assert "On its way" in browser.text("main") and f"To {taker.email}" in browser.text("main")
                with Person(server, taker, **options) as person:
                    browser = person.go("/my-tickets").browser
                    text = browser.text("main")
                    assert "Coming to you" in text and f"From {giver.email}" in text, text
                    browser.click("form[action$='/accept'] button")
                    person.wait_path(path)
                    assert "The ticket is yours." in browser.text("body")
                    code = scanned(browser)
                    assert code and code != before
                    assert "Your order" not in browser.text("main"), "it is another person's"
                assert read(giver, path).status in (303, 401, 403)


def test_it_is_taken_back_and_declined(server):
    giver, entries = holder(server)
    taker = server.sign_up()
    path = f"/my-tickets/{entries[0]['id']}"
    with Cases() as case:
        for person in (giver, taker):
            with case(person is giver):
                transfer = give(giver, entries[0], taker.email)
                page = read(person, "/my-tickets").body.decode()
                end = f"/my-tickets/transfers/{transfer['id']}/end"
                assert page.count(f'action="{end}"') == 1
                assert follow(person, read(person, end), {}).status == 200, "its address leads back"
                answer = send(person, end)
                assert answer.status == 303 and answer.headers["Location"] == "/my-tickets"
                assert "It stays with whoever sent it." in follow(person, answer, {}).body.decode()
                assert waiting_of(taker) == [] and f'href="{path}/send"' in read(giver, path).body.decode()


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(server):
    giver, entries = holder(server)
    path = f"/my-tickets/{entries[0]['id']}/send"
    with Cases() as case:
        for typed, message in (("ada", "Email must be valid"), ("", "Email must be valid"),
                               (giver.email, "This is your own address")):
            with case(typed):
                answer = send(giver, path, {"to": typed})
                assert answer.status == 400 and message in answer.body.decode(), answer
                assert value_of(answer, "to") == typed and b"<title>Error: " in answer.body
    give(giver, entries[0], "bob@example.test")
    answer = send(giver, path, {"to": "eve@example.test"})
    assert answer.status == 409 and "take it back first" in answer.body.decode()
    assert value_of(answer, "to") == "eve@example.test"
    for other in (server.sign_up(), server.client()):
        assert send(other, path, {"to": "eve@example.test"}).status in (401, 403)
    assert send(giver, "/my-tickets/17/send", {"to": "eve@example.test"}).status == 404


def test_what_is_over_is_said_above_the_list(server):
    giver, entries = holder(server)
    taker = server.sign_up()
    transfer = give(giver, entries[0], taker.email)
    expect(giver.delete(f"/api/transfers/{transfer['id']}"), 200)
    answer = send(taker, f"/my-tickets/transfers/{transfer['id']}/accept")
    page = answer.body.decode()
    assert answer.status == 409 and "was taken, taken back or declined" in page and "My tickets" in page
    assert send(taker, "/my-tickets/transfers/17/accept").status == 404
    assert send(server.sign_up(), f"/my-tickets/transfers/{transfer['id']}/accept").status in (401, 403)


def test_who_has_no_account_yet_signs_up_and_finds_it(server):
    giver, entries = holder(server)
    email = new_email()
    give(giver, entries[0], email)
    visitor = server.client()
    page = follow(visitor, read(visitor, "/my-tickets"), {})
    fields = {**hidden(page), "email": email, "password": TEST_PASSWORD}
    answer = wait_for(lambda: (lambda a: a if a.status == 303 else None)(send(visitor, "/auth/signup", fields)), 20,
                      "an account")
    assert answer.headers["Location"] == "/my-tickets"
    assert "Coming to you" in follow(visitor, answer, {}).body.decode()


def test_what_was_typed_when_the_session_ended_is_there_again(server):
    giver, entries = holder(server)
    path = f"/my-tickets/{entries[0]['id']}/send"
    visitor = server.client()
    page = send(visitor, path, {"to": "bob@example.test"})
    assert page.status == 401
    fields, answer = sign_in(visitor, page, giver)
    again = follow(visitor, answer, fields)
    assert again.status == 200 and value_of(again, "to") == "bob@example.test"
    assert expect(visitor.get("/api/transfers?direction=given"), 200).json == []
