"""Proves the way of a ticket through real browsers: sold, reserved, paid, declined, expired."""

import json
import time

from boxoffice import Server, create_ticket, get_order, pay, reserve, run_cli, wait_order
from check import wait_for
from web import Person

SERVER = {}


def test_one_sells_another_buys_and_both_see_it_live(server):
    with Person(server) as seller, Person(server) as buyer, Person(server) as passer_by:
        seller.sign_up()
        ticket = seller.sell("Front row, Saturday", "49.90")
        card = f'.tickets a[href="/tickets/{ticket}"]'
        buyer.sign_up()
        passer_by.go("/").wait_live()
        seller.go(f"/tickets/{ticket}").wait_live()
        order = buyer.reserve(ticket)
        passer_by.browser.find(card + '[data-state="reserved"]')
        seller.browser.wait_text("#fresh", "Someone has reserved your ticket")
        assert "49.90" in buyer.browser.text(".pay h2")
        buyer.shot("wide-order")
        buyer.pay()
        buyer.browser.wait_text("#fresh", "Paid. The ticket is yours.")
        passer_by.browser.find(card + '[data-state="sold"]')
        seller.browser.wait_text("#fresh", "You sold this ticket for $49.90.")
        assert buyer.path == f"/orders/{order}"
        for person in (seller, buyer, passer_by):
            assert person.browser.complaints() == []
        seller.go("/selling").browser.wait_text(".listing", "Sold")


def test_a_ticket_greys_out_in_open_browsers_and_comes_back(server):
    seller, buyer = server.sign_up(), server.sign_up()
    late = []
    with Person(server) as first, Person(server) as second:
        for _ in range(5):
            ticket = create_ticket(seller, "Seen by many")["id"]
            card = f'.tickets a[href="/tickets/{ticket}"]'
            for person in (first, second):
                person.go("/").wait_live()
                person.browser.run("""
                    window.seen = 0;
                    new MutationObserver(() => { window.seen = window.seen || Date.now(); })
                        .observe(document.querySelector(arguments[0]), {attributes: true});""", card)
            order = reserve(buyer, ticket)
            answered_ms = time.time() * 1000
            for person in (first, second):
                person.browser.find(card + '[data-state="reserved"]')
                late.append(person.browser.run("return window.seen") - answered_ms)
            buyer.delete(f"/api/orders/{order['id']}")
            for person in (first, second):
                person.browser.find(card + ":not([data-state])")
    print(f"# greyed out after {sorted(late)[len(late) // 2]:.0f} ms")


def test_a_declined_card_says_why_and_the_order_stays_payable(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up(), "Balcony", 33.3)["id"])
    with Person(server, buyer) as person:
        person.go(f"/orders/{order['id']}").pay("tok_chargeDeclinedInsufficientFunds")
        person.browser.wait_text("[role=alert]", "Your card has insufficient funds.")
        assert person.browser.has("input[value=tok_chargeDeclinedInsufficientFunds]:checked")
        person.pay("tok_visa")
        person.browser.wait_text("#fresh", "Paid. The ticket is yours.")
    wait_order(buyer, order["id"], "complete")


def test_an_order_given_back_frees_its_ticket(server):
    buyer = server.sign_up()
    ticket = create_ticket(server.sign_up(), "Not for me after all")["id"]
    order = reserve(buyer, ticket)
    with Person(server, buyer) as person:
        person.go(f"/orders/{order['id']}")
        person.browser.click(".giveup summary")
        person.browser.click(".giveup button")
        person.browser.wait_text("#fresh", "You gave this ticket back.")
        person.browser.click("#fresh .btn-primary")
        person.wait_path(f"/tickets/{ticket}")
        wait_for(lambda: person.browser.has(".buy button"), 10, "it can be reserved again")


def test_going_back_after_payment_offers_no_second_payment(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as person:
        person.go("/orders").go(f"/orders/{order['id']}").pay()
        person.browser.wait_text("#fresh", "Paid. The ticket is yours.")
        person.browser.back()
        person.browser.wait_text("main", "Paid")
        assert not person.browser.has(".pay")


def test_two_tabs_paying_at_once_pay_once(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as one, Person(server, buyer) as two:
        tabs = [tab.go(f"/orders/{order['id']}") for tab in (one, two)]
        tabs[0].choose("tok_visa"), tabs[1].choose("tok_mastercard")
        at_ms = time.time() * 1000 + 500
        for tab in tabs:  # one moment for both; without a form it has seen that it is too late
            tab.browser.run("""
                const form = document.querySelector(".pay");
                setTimeout(() => form.requestSubmit(), arguments[0] - Date.now());""", at_ms)
        for tab in tabs:
            tab.browser.wait_text("#fresh", "Paid. The ticket is yours.")
    again = buyer.post("/api/payments", {"token": "tok_visa", "orderId": order["id"]})
    assert again.status in (201, 400), again


def test_an_order_page_turns_to_paid_by_itself(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as person:
        person.go(f"/orders/{order['id']}").wait_live()
        pay(buyer, order["id"])
        person.browser.wait_text("#fresh", "Paid. The ticket is yours.")
        assert person.browser.complaints() == []


def test_an_order_expires_on_screen():
    with Server(env={"ORDER_EXPIRATION_SECONDS": "6"}) as server:
        buyer = server.sign_up()
        ticket = create_ticket(server.sign_up())["id"]
        with Person(server, buyer) as person, Person(server) as passer_by:
            order = reserve(buyer, ticket)  # the browsers are there already
            person.go(f"/orders/{order['id']}").wait_live()
            passer_by.go(f"/tickets/{ticket}").wait_live()
            first = float(person.browser.find("progress").value())
            wait_for(lambda: person.browser.run(
                "const bar = document.querySelector('progress'); return !bar || bar.value"
                " < arguments[0]", first), 10, "the bar drains")
            person.browser.wait_text("#fresh", "The time to pay ran out", 15)
            passer_by.browser.find(".buy button", 15)
            assert get_order(buyer, order["id"])["status"] == "cancelled"


def test_a_refund_shows_by_itself(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up(), "Given back", 25)["id"])
    with Person(server, buyer) as person:
        person.go(f"/orders/{order['id']}").pay()
        person.browser.wait_text("#fresh", "Paid. The ticket is yours.")
        person.wait_live()
        listed = run_cli("payments", "list", "--data", server.data)
        payment = next(one["id"] for one in json.loads(listed.stdout)
                       if one["orderId"] == order["id"])
        done = run_cli("payments", "refund", payment, "--data", server.data)
        assert done.returncode == 0, done
        person.browser.wait_text("#fresh", "You have your $25.00 back.")


def test_a_reservation_made_twice_leads_to_the_same_order(server):
    buyer = server.sign_up()
    ticket = create_ticket(server.sign_up())["id"]
    order = reserve(buyer, ticket)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

    def again():
        answer = buyer.request("POST", f"/tickets/{ticket}/reserve", raw=b"", headers=headers)
        return answer if answer.status == 303 else None
    assert wait_for(again, 10, "a redirect").headers["Location"] == f"/orders/{order['id']}"


def test_somebody_faster_is_said_so(server):
    ticket = create_ticket(server.sign_up(), "Only one of these")["id"]
    with Person(server, server.sign_up()) as person:
        person.go(f"/tickets/{ticket}")
        person.browser.find(".buy button")
        person.browser.run("for (const form of document.forms) form.id = 'keep';"
                           "window.kept = document.querySelector('.buy').cloneNode(true)")
        reserve(server.sign_up(), ticket)
        person.browser.wait_text("#fresh", "Someone is buying this ticket.")
        person.browser.run("document.body.append(window.kept); window.kept.submit()")
        person.browser.wait_text("[role=alert]", "Someone was faster")


def test_my_listings_change_price_in_place(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "Cheaper soon", 80)["id"]
    with Person(server, seller) as person:
        person.go("/selling")
        person.browser.fill(f"#p{ticket}", "0")
        person.browser.click(f"#t{ticket} .inplace button")
        person.browser.wait_text(f"#e{ticket}", "At least $0.01.")
        assert person.browser.find(f"#p{ticket}").value() == "0"
        person.browser.fill(f"#p{ticket}", "64.50")
        person.browser.click(f"#t{ticket} .inplace button")
        person.browser.wait_text(".notice", "Saved.")
        person.browser.wait_text(f"#t{ticket} .stub", "$64.50")
        person.go(f"/tickets/{ticket}")
        person.browser.fill("#title", "Cheap now")
        person.browser.click("#fresh form button")
        person.browser.wait_text("h1", "Cheap now")
