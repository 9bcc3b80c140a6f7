"""Proves what many tabs of one browser do: each answers, one stream serves all of them, and one that
comes back into view knows what it missed."""

from boxoffice import create_ticket, reserve
from check import wait_for
from web import Person

SERVER = {}
VISIBLE = "return document.visibilityState"


def listeners(server):
    text = server.monitor().get("/metrics").body.decode()
    return sum(int(float(line.split()[-1])) for line in text.splitlines()
               if line.startswith("boxoffice_live_clients"))


def test_twelve_tabs_answer_and_share_one_stream(server):
    seller = server.sign_up()
    tickets = [create_ticket(seller, f"Seat {n}")["id"] for n in range(11)]
    with Person(server) as person:
        browser = person.go("/").wait_live().browser
        names = [browser.tab]
        for ticket in tickets:
            browser.devtools("Network.enable")
            names.append(browser.new_tab(f"{person.base}/tickets/{ticket}"))
            browser.wait_text("h1", "Seat")
        person.wait_live()
        wait_for(lambda: listeners(server) == 1, 10, lambda: f"one stream: {listeners(server)}")
        reserve(server.sign_up(), tickets[-1])
        browser.wait_text("#fresh", "Someone is buying this ticket.")
        for name in names[:3]:
            browser.show_tab(name)
            person.wait_live()
        wait_for(lambda: listeners(server) == 1, 10, lambda: f"one stream: {listeners(server)}")


def test_a_tab_that_comes_back_knows_what_it_missed(server):
    ticket = create_ticket(server.sign_up(), "Changed behind your back")["id"]
    with Person(server) as person:
        browser = person.go(f"/tickets/{ticket}").wait_live().browser
        first = browser.tab
        browser.new_tab(f"{person.base}/auth/signin")
        reserve(server.sign_up(), ticket)
        browser.show_tab(first)
        browser.wait_text("#fresh", "Someone is buying this ticket.")


def test_a_window_beside_hears_through_the_one_in_front(server):
    """Both are in sight; one has the stream, and when it goes the other takes over."""
    ticket = create_ticket(server.sign_up(), "Seen twice")["id"]
    with Person(server) as person:
        browser = person.go(f"/tickets/{ticket}").wait_live().browser
        first = browser.tab
        window = browser._ask("POST", "/window/new", {"type": "window"})["handle"]
        browser._ask("POST", "/window", {"handle": window})
        browser.go(f"{person.base}/tickets/{ticket}")
        person.wait_live()
        browser._ask("POST", "/window", {"handle": first})
        assert browser.run(VISIBLE) == "visible"
        wait_for(lambda: listeners(server) == 1, 10, "one stream")
        order = reserve(server.sign_up(), ticket)
        browser.wait_text("#fresh", "Someone is buying this ticket.")
        browser._ask("POST", "/window", {"handle": window})
        browser.wait_text("#fresh", "Someone is buying this ticket.")
        browser._ask("DELETE", "/window")
        browser._ask("POST", "/window", {"handle": first})
        wait_for(lambda: listeners(server) == 1, 10, "the other took over")
        assert order["id"]
