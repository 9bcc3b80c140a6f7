"""Proves that other sites' pages cannot act for their visitors, and which headers keep answers safe."""

from boxoffice import Server, create_ticket, reserve
from check import Cases, expect, expect_error

SERVER = {}
FOREIGN = "Request came from another site"
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain")


def others(server):
    """What browsers say about a request that another site's page makes."""
    return (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{server.host}:{server.port}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://{server.host}:{server.port}.evil.example"},
        {"Origin": f"http://{server.host}:1"},
    )


def unsafe(ticket, order):
    return (("POST", "/api/users/signup"), ("POST", "/api/users/signin"),
            ("POST", "/api/users/signout"), ("POST", "/api/users/signout-others"), ("POST", "/api/tickets"), ("PUT", f"/api/tickets/{ticket}"),
            ("POST", "/api/orders"), ("DELETE", f"/api/orders/{order}"), ("POST", "/api/payments"))


def test_a_form_of_another_site_does_nothing(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)["id"]
    order = reserve(buyer, ticket)["id"]
    with Cases() as case:
        for method, path in unsafe(ticket, order):
            for site in others(server):
                for kind in (*FORM_TYPES, None):
                    with case(f"{method} {path} {site} {kind}"):
                        body = None if kind is None else b'{"ticketId":"x"}'
                        answer = buyer.request(method, path, raw=body,
                                               headers={**site, "Content-Type": kind})
                        expect_error(answer, 403, FOREIGN)
                        assert "Set-Cookie" not in answer.headers
    assert buyer.get(f"/api/orders/{order}").json["status"] == "created"
    assert buyer.get("/api/users/currentuser").json["currentUser"]["id"] == buyer.user_id


def test_ones_own_pages_and_programs_go_on_as_ever(server):
    """Same-origin without a JSON type, and no such header at all: an empty object, as the contract has
    it. JSON says that a browser has asked first, and is never let by."""
    own = ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://{server.host}:{server.port}"})
    user = server.as_user()
    with Cases() as case:
        for site in own:
            for kind in FORM_TYPES:
                with case(f"{site} {kind}"):
                    answer = user.request("POST", "/api/tickets", raw=b"title=x&price=1",
                                          headers={**site, "Content-Type": kind})
                    assert answer.status == 400 and answer.json["errors"][0]["field"] == "title"
            with case(f"{site} sign-out"):
                expect(server.client().request("POST", "/api/users/signout", headers=site), 200)
        for site in (*own, *others(server)):
            with case(f"{site} json"):
                expect(user.post("/api/tickets", {"title": "x", "price": 1}, headers=site), 201)


def test_reading_is_everybodys(server):
    for site in others(server):
        expect(server.client().get("/api/tickets?limit=1", headers=site), 200)


def test_no_browser_is_told_that_another_site_may_send_json(server):
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type"}
    for method, path in (("OPTIONS", "/api/tickets"), ("GET", "/api/tickets?limit=1")):
        answer = server.client().request(method, path, headers=asked)
        assert answer.status == (404 if method == "OPTIONS" else 200), answer
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# --- headers ---------------------------------------------------------------------------------------

def kinds_of_answers(server):
    """(path, answer) of every kind: JSON, errors, pages, files, health."""
    user = server.as_user()
    for path in ("/api/tickets?limit=1", "/api/users/currentuser", "/api/orders", "/api/tickets/x",
                 "/nothing", "/healthz", "/readyz", "/streaming", "/api/openapi.json", "/",
                 "/orders", "/robots.txt"):
        yield path, user.get(path)
    yield "POST", user.post("/api/tickets", {"title": "x", "price": 1})
    yield "bad", user.post("/api/tickets", raw=b"{")


def test_every_answer_forbids_guessing_its_type_and_names_no_server(server):
    with Cases() as case:
        for path, answer in kinds_of_answers(server):
            with case(path):
                assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
                for name in ("Server", "X-Powered-By", "Via"):
                    assert name not in answer.headers, name
                assert "Strict-Transport-Security" not in answer.headers


def test_private_answers_and_errors_are_kept_nowhere(server):
    user = server.as_user()
    order = reserve(user, create_ticket(server.as_user())["id"])["id"]
    account = {"email": f"{order}@example.test", "password": "gondola-Turnip-42"}
    private = [user.get("/api/orders"), user.get(f"/api/orders/{order}"), user.get("/orders"),
               user.get("/api/users/currentuser"), user.get("/api/tickets/mine"),
               user.post("/api/orders", {"ticketId": "x"}), server.client().get("/api/orders"),
               server.client().post("/api/users/signup", account),
               server.client().post("/api/users/signin", account)]
    for answer in private:
        assert answer.headers.get_all("Cache-Control") == ["no-store"], answer


def test_browsers_are_told_to_stay_with_tls_when_they_came_by_it():
    with Server(env={"TRUSTED_PROXIES": "127.0.0.1"}) as server:
        for path in ("/", "/api/tickets", "/nothing"):
            answer = server.client().get(path, headers={"X-Forwarded-Proto": "https"})
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", answer.headers
            answer = server.client().get(path, headers={"X-Forwarded-Proto": "http"})
            assert "Strict-Transport-Security" not in answer.headers
    with Server() as server:  # nobody is believed to have come by it
        answer = server.client().get("/", headers={"X-Forwarded-Proto": "https"})
        assert "Strict-Transport-Security" not in answer.headers
