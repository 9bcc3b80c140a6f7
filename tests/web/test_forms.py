"""Proves over plain HTTP, as a browser without scripts would, what every form keeps to: nothing typed
is lost, what is wrong is said where it is, a refusal leads nowhere dead, and news is told once."""

import contextlib
import http.server
import re
import threading
import urllib.parse

from boxoffice import TEST_PASSWORD, Server, create_ticket, new_email, reserve
from check import Cases, wait_for
from session import expired_cookies

SERVER = {}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html"}


def send(client, path, fields=None):
    return client.request("POST", path, raw=urllib.parse.urlencode(fields or {}).encode(), headers=FORM)


def read(client, path):
    return client.get(path, headers=HTML)


def follow(client, answer, fields):
    """What a browser does with a redirect: 303 is a GET, 307 the same form again."""
    path = answer.headers["Location"]
    return send(client, path, fields) if answer.status == 307 else read(client, path.split("#")[0])


def hidden(answer):
    """The hidden inputs of the page's main form."""
    page = answer.body.decode().split("<main")[1]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {name: value.replace("&#39;", "'").replace("&amp;", "&") for name, value in found}


def sign_in(client, page, person, path="/auth/signin"):
    """Sends the sign-in form of a page, with all that it carries."""
    fields = {**hidden(page), "email": person.email, "password": TEST_PASSWORD}
    return fields, send(client, path, fields)


def value_of(answer, name):
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', answer.body.decode().split("<main")[1])
    return found and found[1]


# --- nothing typed is lost -------------------------------------------------------------------------

def forms_of(ticket):
    return (("/tickets/new", {"title": "Typed & 'kept'", "price": "12.50", "nonce": "0" * 32}),
            (f"/tickets/{ticket}", {"title": "Typed & 'kept'", "price": "12.50"}),
            (f"/selling/{ticket}/price", {"price": "12.50"}))


def test_what_was_typed_when_the_session_ended_is_there_again_after_signing_in(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "As it was", 20)["id"]
    before = seller.get("/api/tickets/mine").json
    with Cases() as case:
        for path, fields in forms_of(ticket):
            with case(path):
                late = server.client()
                late.cookies = expired_cookies(server.key(), seller)
                page = send(late, path, fields)
                assert page.status == 401 and b"What you typed is kept." in page.body, page
                assert b"nothing happened for 15 minutes" in page.body
                wrong = send(late, "/auth/signin", {**hidden(page), "email": seller.email,
                                                    "password": "not the password"})
                assert wrong.status == 400 and hidden(wrong) == hidden(page), "kept over a mistake"
                typed, answer = sign_in(late, wrong, seller)
                assert answer.status == 307 and answer.headers["Location"] == path, answer
                shown = follow(late, answer, typed)
                assert shown.status == 200, shown
                assert value_of(shown, "price") == "12.50", shown.body
                if "title" in fields:
                    assert value_of(shown, "title") == "Typed &amp; &#39;kept&#39;"
                assert seller.get("/api/tickets/mine").json == before, "nothing happens by itself"


def test_a_stranger_keeps_what_was_typed_while_making_an_account(server):
    stranger = server.client()
    page = send(stranger, "/tickets/new", {"title": "First of mine", "price": "7"})
    assert page.status == 401 and b"What you typed is kept." in page.body
    page = send(stranger, "/auth/signup", {**hidden(page), "show": "1", "email": "half@typed"})
    assert page.status == 200 and b'value="half@typed"' in page.body
    stranger.email = new_email()
    fields, answer = sign_in(stranger, page, stranger, "/auth/signup")
    shown = follow(stranger, answer, fields)
    assert value_of(shown, "title") == "First of mine" and value_of(shown, "price") == "7.00", shown


def test_a_password_and_a_card_are_never_carried_along(server):
    stranger = server.client()
    order = reserve(server.sign_up(), create_ticket(server.sign_up())["id"])["id"]
    page = send(stranger, f"/orders/{order}/pay", {"token": "tok_secret", "password": "hush"})
    assert page.status == 401 and b"tok_secret" not in page.body and b"hush" not in page.body
    assert hidden(page) == {"next": f"/orders/{order}"}


def test_an_edit_that_came_too_late_keeps_what_was_typed(server):
    seller = server.sign_up()
    ticket = create_ticket(seller, "Wanted", 20)["id"]
    reserve(server.sign_up(), ticket)

    def late():
        answer = send(seller, f"/tickets/{ticket}", {"title": "Wanted more", "price": "25"})
        return answer if answer.status == 400 else None
    answer = wait_for(late, 10, "tickets to know")
    assert b"Someone has just reserved this ticket" in answer.body
    assert value_of(answer, "title") == "Wanted more" and value_of(answer, "price") == "25.00"


# --- once is once ----------------------------------------------------------------------------------

def test_a_second_listing_with_the_same_nonce_is_a_second_listing(server):
    seller = server.sign_up()
    nonce = hidden(read(seller, "/tickets/new"))["nonce"]
    first = send(seller, "/tickets/new", {"title": "One", "price": "5", "nonce": nonce})
    second = send(seller, "/tickets/new", {"title": "Two", "price": "5", "nonce": nonce})
    again = send(seller, "/tickets/new", {"title": "One", "price": "5", "nonce": nonce})
    assert first.headers["Location"] == again.headers["Location"] != second.headers["Location"]
    assert sorted(one["title"] for one in seller.get("/api/tickets/mine").json) == ["One", "Two"]


# --- what one saw is what one pays -------------------------------------------------------------------

def test_a_price_that_went_up_is_asked_about_first(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Dearer soon", 10)["id"]
    seen = hidden(read(buyer, f"/tickets/{ticket}"))
    assert seen["price"] == "10.00", seen
    assert seller.put(f"/api/tickets/{ticket}", {"title": "Dearer soon", "price": 500}).status == 200

    def known():  # at a price below every one it had nobody gets it
        told = buyer.post("/api/orders", {"ticketId": ticket, "price": 1}).json["errors"][0]
        return told.get("ticket", {}).get("price") == 500
    wait_for(known, 10, "orders to know the new price")
    page = send(buyer, f"/tickets/{ticket}/reserve", seen)
    assert page.status == 409, page
    assert b"The price is now $500.00. It was $10.00." in page.body, page.body
    assert b"Reserve at $500.00" in page.body and b"Leave it" in page.body
    assert b"<title>Error: " in page.body
    assert buyer.get("/api/orders").json == []
    answer = send(buyer, f"/tickets/{ticket}/reserve", hidden(page))
    assert answer.status == 303, answer
    assert buyer.get("/api/orders").json[0]["ticket"]["price"] == 500


def test_a_price_that_went_down_is_taken(server):
    seller, buyer = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Cheaper", 50)["id"]
    seen = hidden(read(buyer, f"/tickets/{ticket}"))
    seller.put(f"/api/tickets/{ticket}", {"title": "Cheaper", "price": 40})

    def reserved():
        answer = send(buyer, f"/tickets/{ticket}/reserve", seen)
        return answer if answer.status == 303 else None
    wait_for(reserved, 10, "an order")


# --- what one meant to do is done --------------------------------------------------------------------

def test_a_stranger_who_reserves_holds_the_ticket_after_signing_in(server):
    for path in ("/auth/signin", "/auth/signup"):
        ticket = create_ticket(server.sign_up(), "Wanted by strangers")["id"]
        stranger = server.client()
        stranger.email = server.sign_up().email if path == "/auth/signin" else new_email()
        page = send(stranger, f"/tickets/{ticket}/reserve", hidden(read(stranger, f"/tickets/{ticket}")))
        assert page.status == 401 and b"It is not held yet." in page.body, page
        assert b"Sign in to reserve this ticket" in page.body
        fields, answer = sign_in(stranger, page, stranger, path)
        assert answer.status == 307, answer

        def reserved():
            order = follow(stranger, answer, fields)
            return order if order.status == 303 else None
        order = wait_for(reserved, 10, "an order")
        assert re.fullmatch("/orders/[0-9a-f]{24}", order.headers["Location"]), order.headers


def test_signing_in_or_up_from_the_menu_leads_back(server):
    ticket = create_ticket(server.sign_up())["id"]
    back = f"next=%2Ftickets%2F{ticket}"
    assert f'href="/auth/signin?{back}"' in read(server.client(), f"/tickets/{ticket}").body.decode()
    assert f'href="/auth/signup?{back}"' in read(server.client(), f"/auth/signin?{back}").body.decode()


# --- what is wrong is said where it is ---------------------------------------------------------------

def test_prices_are_read_as_people_write_them_or_refused_with_a_reason(server):
    seller = server.sign_up()
    taken = {"19,99": 19.99, "1,234.56": 1234.56, ".5": 0.5, "20.": 20, "$20": 20, " $ 7.10 ": 7.1}
    refused = {"": "Say what you want for one ticket.", "free": "Write it like 19.99.",
               "\u20ac20": "Write it like 19.99.", "20.555": "Cents have two places: 20.55 or 20.56?",
               "0": "At least $0.01.", "-5": "At least $0.01.", "1000000": "At most $999,999.99."}
    other = server.sign_up()
    ticket = create_ticket(other, "Priced in place", 20)["id"]
    with Cases() as case:
        for typed, price in taken.items():
            with case(typed):
                answer = send(seller, "/tickets/new", {"title": "Priced", "price": typed})
                assert answer.status == 303, answer
                assert seller.get("/api" + answer.headers["Location"]).json["price"] == price
                shown = send(seller, "/tickets/new", {"title": "", "price": typed})
                assert value_of(shown, "price") == f"{price:.2f}", "shown back as understood"
        for typed, message in refused.items():
            for path, fields in (("/tickets/new", {"title": "Priced"}),
                                 (f"/tickets/{ticket}", {"title": "Priced"}),
                                 (f"/selling/{ticket}/price", {})):
                with case(f"{path} {typed}"):
                    answer = send(other, path, {**fields, "price": typed})
                    assert answer.status == 400 and message.encode() in answer.body, answer.body
                    assert value_of(answer, "price") == typed, "as typed"


def test_a_title_is_told_what_is_wrong_with_it(server):
    seller = server.sign_up()
    for typed, message in (("", b"Say what the ticket is for."),
                           ("x" * 201, b"At most 200 characters. This has 201.")):
        answer = send(seller, "/tickets/new", {"title": typed, "price": "5"})
        assert answer.status == 400 and message in answer.body, answer.body
        assert value_of(answer, "title") == typed


def test_a_refused_form_says_so_in_its_title_and_links_to_what_is_wrong(server):
    seller = server.sign_up()
    ticket = create_ticket(seller)["id"]
    with Cases() as case:
        for path, fields, links in (
                ("/tickets/new", {"title": "", "price": "x"}, ("title", "price")),
                (f"/tickets/{ticket}", {"title": "", "price": "x"}, ("title", "price")),
                (f"/selling/{ticket}/price", {"price": "x"}, (f"p{ticket}",)),
                ("/auth/signin", {"email": "x", "password": ""}, ("email", "password")),
                ("/auth/signup", {"email": "x", "password": "1"}, ("email", "password"))):
            with case(path):
                person = server.client() if "auth" in path else seller
                page = send(person, path, fields).body.decode()
                assert "<title>Error: " in page
                summary = re.search(r'<div class="oops" id="errors" role="alert" tabindex="-1">(.*?)</div>',
                                    page)[1]
                assert tuple(re.findall(r'href="#([^"]+)"', summary)) == links, summary
                for link in links:
                    assert f'id="{link}"' in page
                first = re.search(r'<input[^>]*autofocus', page)[0]
                assert f'id="{links[0]}"' in first, first


def test_a_price_is_changed_where_the_row_is(server):
    seller = server.sign_up()
    ticket = create_ticket(seller)["id"]
    page = read(seller, "/selling").body.decode()
    assert f'action="/selling/{ticket}/price#t{ticket}"' in page
    assert send(seller, f"/selling/{ticket}/price", {"price": "9"}).headers["Location"] == \
        f"/selling#t{ticket}"


def test_accounts_are_told_what_is_so_and_what_to_do(server):
    person = server.sign_up()
    page = send(server.client(), "/auth/signin", {"email": person.email, "password": "wrong-Horse-1"})
    assert page.status == 400 and b"Email and password do not match." in page.body, page
    page = send(server.client(), "/auth/signup", {"email": person.email, "password": TEST_PASSWORD})
    assert page.status == 400 and b"There is an account with this email." in page.body
    assert b"Sign in with this email" in page.body and b'formaction="/auth/signin"' in page.body
    assert b'autocomplete="username"' in page.body


def test_too_many_tries_are_told_how_long_to_wait():
    with Server(env={"SIGNUPS_PER_HOUR": "1"}) as server:
        fields = {"password": TEST_PASSWORD}
        assert send(server.client(), "/auth/signup", {**fields, "email": new_email()}).status == 303
        page = send(server.client(), "/auth/signup", {**fields, "email": "kept@example.test"})
        assert page.status == 429 and b'value="kept@example.test"' in page.body
        wait = int(page.headers["Retry-After"])
        minutes = (wait + 59) // 60
        assert f"Try again in {minutes} minutes.".encode() in page.body, (wait, page.body)


# --- news is told once -------------------------------------------------------------------------------

def test_good_news_is_told_once_and_to_the_one_it_concerns(server):
    seller = server.sign_up()
    answer = send(seller, "/tickets/new", {"title": "Shared", "price": "5"})
    path = answer.headers["Location"]
    assert re.fullmatch("/tickets/[0-9a-f]{24}", path), path
    cookie = next(line for line in answer.headers.get_all("Set-Cookie") if line.startswith("flash="))
    assert "HttpOnly" in cookie and "Max-Age=60" in cookie
    renewed = seller.get(path, headers={"Accept": "text/html", "X-Requested-With": "fetch"})
    assert b"Your ticket is on sale." not in renewed.body, "taken by a part that renews itself"
    assert b"Your ticket is on sale." in read(seller, path).body
    assert b"Your ticket is on sale." not in read(seller, path).body
    stranger = server.client()
    for shared in (path, path + "?done=listed"):
        assert b"Your ticket is on sale." not in read(stranger, shared).body
    assert f"http://{server.host}:{server.port}{path}".encode() in read(seller, path).body


# --- no dead ends ------------------------------------------------------------------------------------

def test_the_address_of_a_form_leads_to_its_page(server):
    buyer = server.sign_up()
    ticket = create_ticket(server.sign_up())["id"]
    order = reserve(buyer, ticket)["id"]
    for path, page in ((f"/orders/{order}/pay", f"/orders/{order}"),
                       (f"/orders/{order}/cancel", f"/orders/{order}"),
                       (f"/tickets/{ticket}/reserve", f"/tickets/{ticket}"),
                       (f"/selling/{ticket}/price", "/selling"), ("/theme", "/")):
        answer = read(buyer, path)
        assert answer.status == 303 and answer.headers["Location"] == page, (path, answer)


class Broken(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def pages_before(handler):
    """The pages alone, with that in the API's place."""
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    try:
        env = {"API_BASE_URL": f"http://127.0.0.1:{api.server_address[1]}"}
        with Server(env=env, args=("--services", "web")) as web:
            yield web
    finally:
        api.shutdown()
        api.server_close()


def test_a_bad_gateway_before_the_api_is_one_moment_please():
    with pages_before(Broken) as web:
        answer = read(web.client(), "/")
        assert answer.status == 503 and b"One moment, please" in answer.body, answer


def test_a_page_asks_the_api_no_more_than_it_shows():
    asked = []

    class Empty(Broken):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

    with pages_before(Empty) as web, Cases() as case:
        for path, calls in (("/orders", ["/api/orders?limit=50"]), ("/held?except=all", []),
                            ("/selling", ["/api/orders?limit=20", "/api/tickets/mine?limit=100"])):
            with case(path):
                asked.clear()
                page = read(web.as_user(), path)
                assert page.status == 200 and b'id="held"' in page.body
                assert asked == calls
                assert (b"/held?except=all" in page.body) == (path != "/selling")
