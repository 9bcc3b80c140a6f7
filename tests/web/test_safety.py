"""Proves over plain HTTP what keeps the pages safe and light: whose requests count, what browsers may
do, what private things stay private, and what a page weighs."""

import concurrent.futures
import re
import tempfile
import urllib.parse

from boxoffice import Server, create_ticket, new_id, pay, reserve, wait_order
from check import Cases, wait_for
from client import Client

SERVER = {}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OURS = {**FORM, "Sec-Fetch-Site": "same-origin"}
HTML = {"Accept": "text/html,application/xhtml+xml"}


def send(client, path, fields=None, headers=OURS):
    return client.request("POST", path, raw=urllib.parse.urlencode(fields or {}).encode(),
                          headers=headers)


def read(client, path, **headers):
    return client.get(path, headers={**HTML, **headers})


def unsafe_paths(ticket, order):
    return ("/auth/signup", "/auth/signin", "/auth/signout", "/tickets/new", f"/tickets/{ticket}",
            f"/tickets/{ticket}/reserve", f"/orders/{order}/pay", f"/orders/{order}/cancel",
            f"/selling/{ticket}/price", "/theme", "/auth/code", "/account/factor",
            "/account/factor/confirm", "/account/factor/off", "/account/end", "/account/end-others",
            "/venues/new", "/shows/new", f"/admin/shows/{ticket}",
            f"/admin/venues/{ticket}", f"/admin/shows/{ticket}/cancel", f"/admin/venues/{ticket}/merge", f"/admin/shows/{ticket}/gates",
            f"/admin/shows/{ticket}/gates/revoke", "/scan")


# --- whose requests count ------------------------------------------------------------------------

def test_a_request_from_elsewhere_is_refused_everywhere(server):
    buyer = server.sign_up()
    ticket = create_ticket(server.sign_up())["id"]
    order = reserve(buyer, ticket)["id"]
    foreign = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{server.host}:{server.port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://{server.host}:{server.port}.evil.example"},
        {"Origin": f"http://{server.host}"},
        {},
    )
    with Cases() as case:
        for path in unsafe_paths(ticket, order):
            for headers in foreign:
                with case(f"{path} {headers}"):
                    answer = send(buyer, path, {"title": "x", "price": "1"}, {**FORM, **headers})
                    assert answer.status == 403, answer
                    assert b"did not come from here" in answer.body
                    assert "Set-Cookie" not in answer.headers
    assert buyer.get(f"/api/orders/{order}").json["status"] == "created"


def test_an_origin_of_our_own_is_enough_for_browsers_without_fetch_metadata(server):
    own = {**FORM, "Origin": f"http://{server.host}:{server.port}"}
    assert send(server.client(), "/auth/signin", {"email": "x"}, own).status == 400


def test_a_body_that_is_no_form_is_an_empty_one(server):
    json_typed = {**OURS, "Content-Type": "application/json"}
    answer = server.client().request("POST", "/auth/signin", raw=b'{"email":"a@b.example"}',
                                     headers=json_typed)
    assert answer.status == 400 and b"Email must be valid" in answer.body


def test_broken_forms_are_refused_like_empty_ones(server):
    for raw in (b"email=%zz&password=%", b"email=%00", b"email=\xff", b"&&&=&", b"=" * 5000,
                b"email[]=1", b"email=%f0%28%8c%28"):
        answer = server.client().request("POST", "/auth/signin", raw=raw, headers=OURS)
        assert answer.status == 400 and b"Email must be valid" in answer.body, (raw, answer)


def test_signing_in_leads_back_and_never_away(server):
    person = server.sign_up()
    fields = {"email": person.email, "password": "gondola-Turnip-42"}
    with Cases() as case:
        for there, lands in (("/orders", "/orders"), ("/?after=1", "/?after=1"), ("", "/"),
                             ("//evil.example", "/"), ("/\\evil.example", "/"),
                             ("https://evil.example", "/"), ("/a\r\nSet-Cookie: x=1", "/"),
                             ("/\t/evil.example", "/"), ("/ü", "/")):
            with case(there):
                answer = send(server.client(), "/auth/signin", {**fields, "next": there})
                assert answer.status == 303 and answer.headers["Location"] == lands, answer.headers


def test_pages_that_need_a_session_ask_for_one_and_come_back(server):
    stranger = server.client()
    order = new_id()
    for path in ("/orders", "/selling", "/account", "/account/factor", "/tickets/new", f"/orders/{order}", "/orders?after=" + order):
        answer = read(stranger, path)
        assert answer.status == 303, (path, answer)
        assert answer.headers["Location"] == "/auth/signin?next=" + urllib.parse.quote(path, safe="")


# --- what browsers may do --------------------------------------------------------------------------

def test_every_page_carries_the_safety_headers(server):
    client = server.sign_up()
    with Cases() as case:
        for path in ("/", "/auth/signout", "/tickets/new", "/orders", "/selling", "/account", "/nothing/here"):
            with case(path):
                headers = read(client, path).headers
                policy = dict(part.strip().split(" ", 1)
                              for part in headers["Content-Security-Policy"].split(";"))
                assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
                assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'none'"
                assert policy["form-action"] == "'self'"
                assert "unsafe" not in headers["Content-Security-Policy"]
                assert "http" not in headers["Content-Security-Policy"], "nothing from outside"
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["Referrer-Policy"] == "same-origin"
                assert headers["Cache-Control"] == "no-store"


def test_stripes_card_field_is_allowed_where_it_is_used_and_only_there():
    with Server(env={"STRIPE_PUBLISHABLE_KEY": "pk_test_123"}) as server:
        buyer = server.sign_up()
        order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
        answer = read(buyer, f"/orders/{order}")
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self' https://js.stripe.com;" in policy and "unsafe" not in policy
        assert b'data-stripe="pk_test_123"' in answer.body and b"tok_visa" not in answer.body
        assert b"no money moves" not in answer.body.lower()
        assert "stripe" not in read(buyer, "/").headers["Content-Security-Policy"]


def test_without_stripe_every_page_says_that_no_money_moves(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
    for path in ("/", "/orders", f"/orders/{order}", "/selling", "/tickets/new", "/nothing"):
        assert b"no money moves" in read(buyer, path).body, path


def test_pages_ask_nobody_else_for_anything(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
    for path in ("/", "/orders", f"/orders/{order}", "/selling", "/account", "/tickets/new", "/auth/signout"):
        text = read(buyer, path).body.decode()
        for address in re.findall(r'(?:href|src|action|data-live|data-refresh)="([^"]*)"', text):
            own = address.removeprefix(f"http://{server.host}:{server.port}")  # canonical
            assert re.match(r"/(?!/)|#", own), (path, address)


# --- what stays private ---------------------------------------------------------------------------

def test_an_order_is_its_buyers_alone(server):
    buyer, seller = server.sign_up(), server.sign_up()
    order = reserve(buyer, create_ticket(seller)["id"])["id"]
    answer = read(seller, f"/orders/{order}")
    assert answer.status == 401 and b"This is not yours" in answer.body
    assert send(seller, f"/orders/{order}/cancel").status == 401
    assert send(seller, f"/orders/{order}/pay", {"token": "tok_visa"}).status == 401
    assert buyer.get(f"/api/orders/{order}").json["status"] == "created"


def test_a_ticket_is_edited_by_its_seller_alone(server):
    seller, other = server.sign_up(), server.sign_up()
    ticket = create_ticket(seller, "Mine", 20)["id"]
    fields = {"title": "Stolen", "price": "1"}
    assert send(other, f"/tickets/{ticket}", fields).status == 401
    assert send(other, f"/selling/{ticket}/price", fields).status == 401
    assert b"Edit your ticket" not in read(other, f"/tickets/{ticket}").body
    assert b"Edit your ticket" in read(seller, f"/tickets/{ticket}").body
    assert server.client().get(f"/api/tickets/{ticket}").json["title"] == "Mine"


# --- once is once --------------------------------------------------------------------------------

def nonce_of(seller):
    return re.search(rb'name="nonce" value="([0-9a-f]{32})"', read(seller, "/tickets/new").body)[1].decode()


def test_a_form_sent_twice_lists_one_ticket(server):
    seller = server.sign_up()
    fields = {"title": "Once", "price": "5", "nonce": nonce_of(seller)}
    twin = Client(server.host, server.port)
    twin.cookies = dict(seller.cookies)
    answers = [send(one, "/tickets/new", fields) for one in (seller, twin, seller)]
    assert [answer.status for answer in answers] == [303] * 3, answers
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(seller.get("/api/tickets/mine").json) == 1


def test_a_form_sent_many_times_at_once_lists_one_ticket(server):
    for _ in range(5):
        seller = server.sign_up()
        fields = {"title": "Once", "price": "5", "nonce": nonce_of(seller)}

        def click(_):
            hand = Client(server.host, server.port)
            hand.cookies = dict(seller.cookies)
            return send(hand, "/tickets/new", fields)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(click, range(8)))
        assert {answer.status for answer in answers} == {303}, answers
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert len(seller.get("/api/tickets/mine").json) == 1


def test_a_form_that_was_refused_may_come_again(server):
    seller = server.sign_up()
    fields = {"title": "", "price": "5", "nonce": nonce_of(seller)}
    assert send(seller, "/tickets/new", fields).status == 400
    assert send(seller, "/tickets/new", {**fields, "title": "Now"}).status == 303
    assert len(seller.get("/api/tickets/mine").json) == 1


def test_someone_elses_nonce_is_worth_nothing(server):
    one, two = server.sign_up(), server.sign_up()
    fields = {"title": "Mine", "price": "5", "nonce": nonce_of(one)}
    first, second = send(one, "/tickets/new", fields), send(two, "/tickets/new", fields)
    assert first.headers["Location"] != second.headers["Location"]


# --- what it weighs --------------------------------------------------------------------------------

def test_static_files_are_kept_for_ever_and_come_packed(server):
    client = server.client()
    page = read(client, "/").body.decode()
    for path in set(re.findall(r'"(/static/[^"]+)"', page)):
        plain = client.get(path)
        packed = client.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})
        assert plain.status == packed.status == 200, path
        assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"
        assert plain.headers["Content-Type"].split(";")[0] in ("text/css", "text/javascript",
                                                              "image/svg+xml")
        assert len(packed.body) < len(plain.body)
    assert client.get("/static/app.css").status == 404


def test_every_page_with_all_its_files_is_at_most_60_kb():
    with Server() as server:
        buyer, seller = server.sign_up(), server.sign_up()
        for n in range(120):
            ticket = create_ticket(seller, f"A ticket with a title of usual length, {n}", 20 + n)["id"]
        order = reserve(buyer, ticket)["id"]
        for path in ("/", f"/tickets/{ticket}", f"/orders/{order}", "/orders", "/auth/signup"):
            answer = read(server.client() if path == "/auth/signup" else buyer, path)
            assert answer.status == 200
            total = len(answer.body) + len(str(answer.headers))
            for file in set(re.findall(r'"(/static/[^"]+)"', answer.body.decode())):
                got = buyer.get(file, headers={"Accept-Encoding": "gzip"})
                total += len(got.body) + len(str(got.headers))
            print(f"# {path.split('/')[1] or 'home'}: {total:,} bytes")
            assert total <= 60_000, f"{path}: {total}"


# --- nothing there ---------------------------------------------------------------------------------

def test_people_get_pages_and_programs_get_json_where_there_is_nothing(server):
    client = server.client()
    for path in ("/nothing", "/tickets/nothing", "/orders/1/2/3", f"/tickets/{new_id()}"):
        answer = read(client, path)
        assert answer.status == 404 and b"There is nothing here" in answer.body, (path, answer)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    answer = client.get("/nothing")
    assert answer.status == 404 and answer.json["errors"][0]["message"] == "Not Found"


def test_a_paid_order_shows_its_receipt_and_takes_no_second_payment(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])["id"]
    pay(buyer, order)
    wait_order(buyer, order, "complete")
    assert b"Receipt" in read(buyer, f"/orders/{order}").body
    answer = send(buyer, f"/orders/{order}/pay", {"token": "tok_mastercard"})
    assert answer.status == 303 and answer.headers["Location"] == f"/orders/{order}"
    assert send(buyer, f"/orders/{order}/cancel").status == 303
    assert buyer.get(f"/api/orders/{order}").json["status"] == "complete"


# --- elsewhere -----------------------------------------------------------------------------------

def test_the_pages_work_the_same_over_http():
    with Server(args=("--services", "auth,tickets,orders,expiration,payments")) as api:
        env = {"API_BASE_URL": f"http://{api.host}:{api.port}/"}
        with Server(env=env, args=("--services", "web")) as web:
            person = web.client()
            email = f"{new_id()}@example.test"
            answer = send(person, "/auth/signup", {"email": email, "password": "gondola-Turnip-42"})
            assert answer.status == 303 and person.cookies.get("session"), answer
            assert email.encode() in read(person, "/").body
            listed = send(person, "/tickets/new", {"title": "Far away", "price": "12.50"})
            path = listed.headers["Location"].split("?")[0]
            assert b"Far away" in read(person, path).body and b"Far away" in read(person, "/").body
            assert send(person, "/tickets/new", {"title": "", "price": "x"}).status == 400
            other = web.client()
            send(other, "/auth/signup", {"email": "o" + email, "password": "gondola-Turnip-42"})
            order = wait_for(lambda: (lambda a: a.status == 303 and a)(send(other, path + "/reserve")),
                             10, "a reservation").headers["Location"]
            assert b"To pay" in read(other, "/orders").body
            wait_for(lambda: send(other, order + "/pay", {"token": "tok_visa"}).status == 303, 10, "pay")
            wait_for(lambda: b"Receipt" in read(other, order).body, 10, "the receipt")
            api.stop()
            answer = read(other, "/")
            assert answer.status == 503 and b"One moment, please" in answer.body, answer
            assert answer.headers["Retry-After"]
            api.start()


def test_web_alone_needs_to_know_where_the_api_is():
    from boxoffice import run_cli
    with tempfile.TemporaryDirectory() as data:
        done = run_cli("serve", "--services", "web", "--listen", "127.0.0.1:0", "--data", data)
    assert done.returncode == 1 and "API_BASE_URL" in done.stderr, done
    done = run_cli("serve", env={"API_BASE_URL": "ftp://x"})
    assert done.returncode == 1 and "API_BASE_URL must be" in done.stderr, done


def test_people_get_pages_where_a_form_is_too_large_or_an_address_no_address(server):
    client = server.client()
    answer = client.request("POST", "/tickets/new", raw=b"title=" + b"x" * 70_000, headers={**OURS, **HTML})
    assert answer.status == 413 and b"too much at once" in answer.body, answer
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert client.request("POST", "/tickets/new", raw=b"x" * 70_000, headers=OURS).json["errors"]
    for path in ("/%zz", "/tickets/%ff%fe", "/%00"):
        answer = read(client, path)
        assert answer.status == 404 and b"There is nothing here" in answer.body, (path, answer)
        assert client.get(path).headers["Content-Type"].startswith("application/json"), path
