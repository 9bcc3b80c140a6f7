"""Proves what sellers learn and can do: what became of a ticket, why one is not on sale, and taking one
down, with and without scripts."""

import re

from boxoffice import Server, buy, create_ticket, get_ticket, reserve, wait_ticket
from check import Cases, expect, wait_for
from test_forms import read, send
from web import Person, axe

SERVER = {}


def signed_in(server, person):
    """The same person, after the server has moved."""
    client = server.client()
    client.cookies = person.cookies
    return client


def test_a_listing_is_taken_down_after_one_has_been_asked(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                seller = server.sign_up()
                ticket = create_ticket(seller, "Not for sale after all")["id"]
                with Person(server, seller, javascript=scripts) as person:
                    browser = person.go("/selling").browser
                    browser.click(".takedown")
                    wait_for(lambda: person.path.startswith(f"/tickets/{ticket}"), 10, "its page")
                    if not browser.has(".giveup[open]"):
                        browser.click(".giveup summary")
                    assert "list it anew" in browser.text(".giveup")
                    assert get_ticket(seller, ticket)["version"] == 0
                    browser.click(".giveup button")
                    person.wait_path("/selling")
                    browser.wait_text(".notice", "Your ticket was taken down.")
                    assert "Taken down" in browser.text(".listing") and not browser.has(".inplace")
                    person.go(f"/tickets/{ticket}")
                    browser.wait_text("#fresh", "You took this ticket down.")
                    assert axe(browser) == [] if scripts else True


def test_open_pages_hear_that_a_ticket_was_taken_down(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "Here a moment ago")["id"]
    with Person(server) as looking, Person(server) as passer_by:
        looking.go(f"/tickets/{ticket}").wait_live()
        passer_by.go("/").wait_live()
        expect(seller.delete(f"/api/tickets/{ticket}"), 204)
        passer_by.browser.find(f'.tickets a[href="/tickets/{ticket}"][data-state="withdrawn"]')
        looking.browser.wait_text("#fresh", "This ticket was taken down.")
        assert not looking.browser.has(".buy")
        looking.browser.reload()
        looking.browser.wait_text("#fresh", "This ticket was taken down.")
        for person in (looking, passer_by):
            assert [line for line in person.browser.complaints() if "410" not in str(line)] == []


def test_a_withdrawn_ticket_is_gone_for_search_engines_and_says_so_to_who_reserves_it(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Gone", 20)["id"]
    expect(seller.delete(f"/api/tickets/{ticket}"), 204)
    page = read(buyer, f"/tickets/{ticket}")
    assert page.status == 410 and b'content="noindex"' in page.body
    fields = {"price": "20.00", "version": "1"}
    answer = wait_for(lambda: (lambda a: a if a.status != 503 else None)(
        send(buyer, f"/tickets/{ticket}/reserve", fields)), 10, "orders to hear of it")
    assert answer.status == 410 and b"This ticket was taken down." in answer.body


def test_taking_down_what_somebody_has_changes_nothing_and_says_so(server):
    seller, buyer = server.sign_up(), server.sign_up()
    held, sold = create_ticket(seller)["id"], create_ticket(seller)["id"]
    wait_ticket(seller, held, reserve(buyer, held)["id"])
    buy(buyer, sold)
    wait_for(lambda: get_ticket(seller, sold).get("sold"), 10, "the ticket to be sold")
    for ticket, sentence in ((held, b"Someone has just reserved this ticket, so it stays."),
                             (sold, b"This ticket was sold meanwhile, so it stays.")):
        answer = send(seller, f"/tickets/{ticket}/withdraw")
        assert answer.status == 409 and sentence in answer.body, answer


def test_a_stranger_is_asked_to_sign_in_and_nobody_else_takes_it_down(server):
    ticket = create_ticket(server.sign_up())["id"]
    assert send(server.client(), f"/tickets/{ticket}/withdraw").status == 401
    assert send(server.sign_up(), f"/tickets/{ticket}/withdraw").status == 401
    answer = read(server.client(), f"/tickets/{ticket}/withdraw")
    assert (answer.status, answer.headers["Location"]) == (303, f"/tickets/{ticket}")
    assert get_ticket(server.client(), ticket)["version"] == 0


def test_who_sold_learns_amount_day_and_where_the_money_is(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Sold well", 1250)["id"]
    buy(buyer, ticket)
    wait_for(lambda: get_ticket(seller, ticket).get("sold"), 10, "the ticket to be sold")
    page = read(seller, f"/tickets/{ticket}").body.decode()
    assert "You sold this ticket for $1,250.00." in page
    assert re.search(r"The buyer reserved it on \d+ [A-Z][a-z]+ 20\d\d, \d\d:\d\d UTC\.", page)
    assert "Practice mode: no money moved" in page
    assert buyer.email not in page and buyer.user_id not in page
    assert re.search(r"reserved on \d+ [A-Z][a-z]+ 20\d\d", read(seller, "/selling").body.decode())


def test_with_real_money_who_sold_learns_who_has_it():
    with Server(env={"STRIPE_PUBLISHABLE_KEY": "pk_test_of_a_test"}) as server:
        seller, buyer = server.sign_up(), server.sign_up()
        ticket = create_ticket(seller)["id"]
        buy(buyer, ticket)
        wait_for(lambda: get_ticket(seller, ticket).get("sold"), 10, "the ticket to be sold")
        assert b"The money is with whoever runs this market" in read(seller, f"/tickets/{ticket}").body


def test_a_seller_reads_why_a_ticket_left_the_list():
    with Server() as server:
        seller, buyer = server.sign_up(), server.sign_up()
        ticket = create_ticket(seller, "Too cheap", 0.3)["id"]
        server.stop()
        server.env["PRICE_MINIMUM"] = "0.50"
        server.start()
        seller, buyer = (signed_in(server, person) for person in (seller, buyer))
        why = b"The lowest price is $0.50: raise the price to sell this ticket"
        assert why in read(seller, f"/tickets/{ticket}").body
        selling = read(seller, "/selling").body
        assert why in selling and b"Not on sale" in selling and b"/price" in selling
        for person in (buyer, server.client()):
            page = read(person, f"/tickets/{ticket}").body
            assert b"Nobody can buy this ticket now." in page and b"/reserve" not in page
            assert why not in page


def test_the_form_that_reserves_names_the_version_that_was_seen(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Named", 20)["id"]
    expect(seller.put(f"/api/tickets/{ticket}", {"title": "Named", "price": 15}), 200)
    page = read(buyer, f"/tickets/{ticket}").body.decode()
    assert '<input type="hidden" name="version" value="1">' in page
    assert send(buyer, f"/tickets/{ticket}/reserve", {"price": "15.00", "version": "9"}).status == 503
    answer = send(buyer, f"/tickets/{ticket}/reserve", {"price": "15.00", "version": "1"})
    assert answer.status == 303 and answer.headers["Location"].startswith("/orders/")
