#!/usr/bin/env python3
"""verify.py: the OpenAPI document the program serves, held against the program that serves it.

A tour goes through every route, well and badly. Each answer must be one that the document tells of:
its status, its type, its body. And each operation of the document must have been visited, so that
the document cannot promise what is not there. Uses the harness of tests/support."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), HERE]
sys.dont_write_bytecode = True

import authenticator  # noqa: E402
import boxoffice  # noqa: E402
import schema  # noqa: E402
from check import wait_for  # noqa: E402

METHODS = ("get", "post", "put", "delete", "patch")
# The routes of the contract; the document may have more.
CONTRACT = """
post /api/users/signup        post /api/users/signin      post /api/users/signout
get /api/users/currentuser    get /api/tickets            post /api/tickets
get /api/tickets/{id}         put /api/tickets/{id}       get /api/orders
post /api/orders              get /api/orders/{id}        delete /api/orders/{id}
post /api/payments
"""


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, found):
        """found: the problems; none is a pass."""
        if found:
            self.failed += 1
            print(f"not ok {name}")
            print("".join(f"#  {problem}\n" for problem in found[:10]), end="")
        else:
            self.passed += 1
            print(f"ok {name}")

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped")
        return 1 if self.failed or not self.passed else 0


class Document:
    """An OpenAPI document and which of its operations were visited."""

    def __init__(self, tree):
        self.tree = tree
        self.visited = set()

    def operations(self):
        for path, item in self.tree.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def find(self, method, path):
        """(template, operation) for a request; a literal segment goes before a parameter."""
        candidates = []
        for known, template, operation in self.operations():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
            if known == method and re.fullmatch(pattern, path):
                candidates.append((template.count("{"), template, operation))
        return min(candidates, key=lambda row: row[:2])[1:] if candidates else (None, None)

    def structure_problems(self):
        tree, found, names = self.tree, [], set()
        if not str(tree.get("openapi", "")).startswith("3.1"):
            found.append(f"openapi is {tree.get('openapi')!r}, not 3.1.x")
        for member in ("title", "version"):
            if not tree.get("info", {}).get(member):
                found.append(f"info.{member} is missing")
        for method, path, operation in self.operations():
            where = f"{method} {path}"
            name = operation.get("operationId")
            if not name or name in names:
                found.append(f"{where}: operationId {name!r} is missing or not its own")
            names.add(name)
            found += self.parameter_problems(where, path, operation)
            if not operation.get("responses"):
                found.append(f"{where}: no responses")
        return found + self.reference_problems(tree)

    def parameter_problems(self, where, path, operation):
        item = self.tree["paths"][path]
        listed = item.get("parameters", []) + operation.get("parameters", [])
        listed = [schema.resolve(self.tree, one) for one in listed]
        told = {one["name"] for one in listed if one.get("in") == "path"}
        wanted = set(re.findall(r"\{([^}]+)\}", path))
        return [] if told == wanted else [f"{where}: path parameters {told}, path has {wanted}"]

    def reference_problems(self, node):
        found = []
        if isinstance(node, dict):
            try:
                schema.resolve(self.tree, node)
            except schema.Broken as broken:
                found.append(str(broken))
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        for child in children:
            found += self.reference_problems(child)
        return found

    def missing_routes(self):
        shape = re.compile(r"\{[^}]+\}")
        known = {f"{method} {shape.sub('{id}', path)}" for method, path, _ in self.operations()}
        wanted = re.findall(r"(?:get|post|put|delete) \S+", CONTRACT)
        return [f"{route} is not in the document" for route in wanted if route not in known]

    def unvisited(self):
        return [f"{method} {path} was not visited" for method, path, _ in self.operations()
                if (method, path) not in self.visited]

    def answer_problems(self, method, path, answer):
        """What the document did not tell of this answer."""
        template, operation = self.find(method, path.split("?")[0])
        if operation is None:
            return [f"{method} {path} is not in the document"]
        self.visited.add((method, template))
        responses = operation["responses"]
        response = responses.get(str(answer.status), responses.get("default"))
        if response is None:
            return [f"status {answer.status} is not told of"]
        return self.body_problems(schema.resolve(self.tree, response), answer)

    def body_problems(self, response, answer):
        content = response.get("content")
        if not content:
            return [] if not answer.body else [f"a body that is not told of: {answer}"]
        kind = (answer.headers.get("Content-Type") or "").split(";")[0].strip()
        if kind not in content:
            return [f"type {kind!r} is not told of"]
        if not kind.endswith("json") or "schema" not in content[kind]:
            return []
        return schema.problems(self.tree, content[kind]["schema"], answer.json)


class Tour:
    """Requests through the harness's client, each held against the document."""

    def __init__(self, document, report):
        self.document = document
        self.report = report

    def go(self, client, method, path, status, *body, **options):
        answer = client.request(method.upper(), path, *body, **options)
        found = [] if answer.status == status else [f"expected {status}, got {answer}"]
        try:
            found += self.document.answer_problems(method, path, answer)
        except schema.Broken as broken:
            found.append(str(broken))
        self.report.check(f"{method.upper()} {path.split('?')[0]} {status}", found)
        return answer


def tour_auth(tour, server):
    someone = server.client()
    account = {"email": boxoffice.new_email(), "password": boxoffice.TEST_PASSWORD}
    tour.go(someone, "get", "/api/users/currentuser", 200)
    tour.go(someone, "post", "/api/users/signup", 400, {"email": "x", "password": ""})
    tour.go(someone, "post", "/api/users/signup", 201, account)
    tour.go(someone, "post", "/api/users/signup", 400, account)
    tour.go(someone, "get", "/api/users/currentuser", 200)
    tour.go(someone, "post", "/api/users/signout", 200, {})
    tour.go(someone, "post", "/api/users/signout-everywhere", 401, {})
    tour.go(server.as_user(), "post", "/api/users/signout-everywhere", 200, {})
    tour.go(someone, "post", "/api/users/signin", 400, {**account, "password": "not this one"})
    tour.go(someone, "post", "/api/users/signin", 200, account)
    tour.go(server.client(), "get", "/api/users/sessions", 401)
    [session] = tour.go(someone, "get", "/api/users/sessions", 200).json
    tour.go(server.client(), "post", "/api/users/signout-others", 401, {})
    tour.go(someone, "post", "/api/users/signout-others", 200, {})
    tour.go(someone, "delete", "/api/users/sessions/x", 400)
    tour.go(someone, "delete", "/api/users/sessions/" + "0" * 64, 404)
    tour.go(server.client(), "delete", f"/api/users/sessions/{session['id']}", 401)
    tour.go(someone, "delete", f"/api/users/sessions/{session['id']}", 204)
    tour.go(someone, "post", "/api/users/signin", 200, account)
    change = {"password": account["password"], "newPassword": "vestibule-Walrus-9"}
    tour.go(someone, "post", "/api/users/password", 400, {"password": "", "newPassword": "short"})
    tour.go(someone, "post", "/api/users/password", 400, {**change, "password": "not this one"})
    tour.go(someone, "post", "/api/users/password", 200, change)
    tour.go(server.client(), "post", "/api/users/password", 401, change)
    tour.go(server.client(), "post", "/api/users/forgot", 400, {"email": "x"})
    tour.go(server.client(), "post", "/api/users/forgot", 200, {"email": account["email"]})
    tour.go(server.client(), "get", "/api/users/me", 401)
    tour.go(someone, "get", "/api/users/me", 200)
    tour.go(server.client(), "post", "/api/users/verification", 401, {})
    tour.go(someone, "post", "/api/users/verification", 200, {})
    tour.go(server.client(), "post", "/api/users/verify", 400, {"token": "x"})
    tour.go(server.client(), "post", "/api/users/verify", 200,
            {"token": boxoffice.mailed_token(server, account["email"], "/auth/verify")})
    moved = {"email": boxoffice.new_email(), "password": "vestibule-Walrus-9"}
    tour.go(someone, "post", "/api/users/email", 400, {"email": "x", "password": ""})
    tour.go(someone, "post", "/api/users/email", 400, {**moved, "password": "not this one"})
    tour.go(server.client(), "post", "/api/users/email", 401, moved)
    tour.go(someone, "post", "/api/users/email", 200, moved)
    tour.go(someone, "post", "/api/users/verify", 200,
            {"token": boxoffice.mailed_token(server, moved["email"], "/auth/verify")})
    account["email"] = moved["email"]
    link = boxoffice.run_cli("users", "reset-link", account["email"], "--data", server.data)
    opened = {"token": json.loads(link.stdout)["url"].split("token=")[1], "password": "short"}
    tour.go(server.client(), "post", "/api/users/reset", 400, opened)
    tour.go(server.client(), "post", "/api/users/reset", 200, {**opened, "password": "vestibule-Walrus-9"})
    tour.go(server.client(), "post", "/api/users/reset", 400, {**opened, "password": "vestibule-Walrus-9"})


def tour_factor(tour, server):
    someone, password = server.client(), boxoffice.TEST_PASSWORD
    account = {"email": boxoffice.new_email(), "password": password}
    tour.go(someone, "post", "/api/users/signup", 201, account)
    tour.go(server.client(), "get", "/api/users/factor", 401)
    tour.go(someone, "get", "/api/users/factor", 200)
    tour.go(server.client(), "post", "/api/users/factor", 401, {"password": password})
    tour.go(someone, "post", "/api/users/factor", 400, {"password": ""})
    tour.go(someone, "post", "/api/users/factor/off", 409, {"password": password, "code": "0"})
    tour.go(someone, "post", "/api/users/factor/confirm", 409, {"code": "0"})
    app = authenticator.Authenticator(
        tour.go(someone, "post", "/api/users/factor", 200, {"password": password}).json["secret"])
    tour.go(someone, "post", "/api/users/factor/confirm", 400, {"code": "0"})
    codes = tour.go(someone, "post", "/api/users/factor/confirm", 200, {"code": app.code()}).json["recoveryCodes"]
    tour.go(someone, "post", "/api/users/factor", 409, {"password": password})
    asked = tour.go(server.client(), "post", "/api/users/signin", 401, account).json["errors"][0]
    tour.go(server.client(), "post", "/api/users/signin/factor", 400, {"token": "x", "code": "0"})
    tour.go(server.client(), "post", "/api/users/signin/factor", 400, {"token": asked["token"], "code": "0"})
    tour.go(server.client(), "post", "/api/users/signin/factor", 200, {"token": asked["token"], "code": codes[0]})
    link = boxoffice.run_cli("users", "reset-link", account["email"], "--data", server.data)
    token = json.loads(link.stdout)["url"].split("token=")[1]
    asked = tour.go(someone, "post", "/api/users/reset", 401, {"token": token, "password": password}).json["errors"][0]
    tour.go(someone, "post", "/api/users/signin/factor", 200, {"token": asked["token"], "code": codes[1]})
    tour.go(someone, "post", "/api/users/factor/off", 400, {"password": "", "code": "0"})
    tour.go(someone, "post", "/api/users/factor/off", 200, {"password": password, "code": codes[2]})


def tour_tickets(tour, server):
    """Returns tickets for sale."""
    nobody, seller, other = server.client(), server.as_user(), server.as_user()
    good = {"title": "Front row", "price": 49.9}
    tour.go(nobody, "post", "/api/tickets", 401, good)
    tour.go(seller, "post", "/api/tickets", 400, {"title": "", "price": -1})
    tour.go(seller, "post", "/api/tickets", 400, raw=b"{")
    tickets = [tour.go(seller, "post", "/api/tickets", 201, good).json for _ in range(4)]
    path = f"/api/tickets/{tickets[0]['id']}"
    tour.go(nobody, "get", path, 200)
    tour.go(nobody, "get", f"/api/tickets/{boxoffice.new_id()}", 404)
    tour.go(nobody, "get", "/api/tickets/not-an-id", 400)
    tour.go(nobody, "get", "/api/tickets", 200)
    tour.go(nobody, "get", "/api/tickets?limit=1", 200)
    tour.go(seller, "get", "/api/tickets/mine", 200)
    tour.go(nobody, "get", "/api/tickets/mine", 401)
    tour.go(seller, "put", path, 200, {"title": "Second row", "price": 20})
    tour.go(seller, "put", path, 400, {"title": "Second row", "price": 0})
    tour.go(other, "put", path, 401, good)
    tour.go(seller, "put", f"/api/tickets/{boxoffice.new_id()}", 404, good)
    gone = tour.go(seller, "post", "/api/tickets", 201, good).json["id"]
    tour.go(other, "delete", f"/api/tickets/{gone}", 401)
    tour.go(seller, "delete", f"/api/tickets/{gone}", 204)
    tour.go(seller, "delete", f"/api/tickets/{gone}", 204)
    tour.go(nobody, "get", f"/api/tickets/{gone}", 410)
    tour.go(seller, "put", f"/api/tickets/{gone}", 410, good)
    tour.go(seller, "get", "/api/tickets/mine", 200)
    tour.go(seller, "delete", f"/api/tickets/{boxoffice.new_id()}", 404)
    return tickets


def tour_orders(tour, server, tickets):
    """Returns a buyer, an order of theirs to pay for and one that is cancelled."""
    nobody, buyer, other = server.client(), server.as_user(), server.as_user()
    first = {"ticketId": tickets[0]["id"]}
    tour.go(nobody, "post", "/api/orders", 401, first)
    tour.go(buyer, "post", "/api/orders", 400, {})
    tour.go(buyer, "post", "/api/orders", 404, {"ticketId": boxoffice.new_id()})
    boxoffice.reserve(buyer, tickets[3]["id"])  # orders has heard of them all once this works
    order = tour.go(buyer, "post", "/api/orders", 201, first).json
    gone = tour.go(buyer, "post", "/api/orders", 201, {"ticketId": tickets[1]["id"]}).json
    tour.go(other, "post", "/api/orders", 400, first)
    tour.go(other, "post", "/api/orders", 409, {"ticketId": tickets[2]["id"], "price": 1})
    boxoffice.wait_ticket(nobody, tickets[0]["id"], order["id"])
    tour.go(nobody, "get", f"/api/tickets/{tickets[0]['id']}", 200)
    tour.go(buyer, "get", "/api/orders", 200)
    tour.go(nobody, "get", "/api/orders", 401)
    path = f"/api/orders/{order['id']}"
    tour.go(buyer, "get", path, 200)
    tour.go(other, "get", path, 401)
    tour.go(buyer, "get", f"/api/orders/{boxoffice.new_id()}", 404)
    tour.go(buyer, "delete", f"/api/orders/{gone['id']}", 204)
    tour.go(other, "delete", path, 401)
    tour.go(buyer, "delete", f"/api/orders/{boxoffice.new_id()}", 404)
    return buyer, order, gone


def tour_payments(tour, server, buyer, order):
    nobody, other = server.client(), server.as_user()
    payment = {"token": "tok_visa", "orderId": order["id"]}
    # payments has heard of the order once a declined card is declined.
    boxoffice.try_pay(buyer, order["id"], "tok_chargeDeclined")
    tour.go(nobody, "post", "/api/payments", 401, payment)
    tour.go(other, "post", "/api/payments", 401, payment)
    tour.go(buyer, "post", "/api/payments", 400, {})
    tour.go(buyer, "post", "/api/payments", 404, {**payment, "orderId": boxoffice.new_id()})
    tour.go(buyer, "post", "/api/payments", 402, {**payment, "token": "tok_chargeDeclined"})
    tour.go(buyer, "post", "/api/payments", 201, payment)
    tour.go(buyer, "post", "/api/payments", 400, {**payment, "token": "tok_mastercard"})
    tour.go(nobody, "post", "/api/payments/webhook", 404, {"id": "evt_1"})
    boxoffice.wait_order(buyer, order["id"], "complete")
    tour.go(buyer, "delete", f"/api/orders/{order['id']}", 400)


def staff_of(server):
    """Somebody who looks after the catalogue."""
    user = server.sign_up()
    boxoffice.run_cli("users", "grant", user.email, "catalogue", "--data", server.data)
    client = server.client()
    client.post("/api/users/signin", {"email": user.email, "password": boxoffice.TEST_PASSWORD})
    return client


def tour_venues(tour, staff, seller, nobody):
    """Returns two venues that were accepted."""
    good = {"name": "Astra", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
            "coordinates": {"latitude": 52.5, "longitude": 13.45}}
    tour.go(nobody, "post", "/api/venues", 401, good)
    tour.go(seller, "post", "/api/venues", 400, {})
    first = tour.go(staff, "post", "/api/venues", 201, good).json
    second, third, twin = [tour.go(seller, "post", "/api/venues", 201, good).json for _ in range(3)]
    tour.go(seller, "get", "/api/venues/mine", 200)
    tour.go(nobody, "get", "/api/venues", 200)
    tour.go(nobody, "get", "/api/venues?status=x", 400)
    tour.go(nobody, "get", "/api/venues?status=proposed", 401)
    path = f"/api/venues/{second['id']}"
    tour.go(nobody, "get", path, 404)
    tour.go(seller, "post", path + "/accept", 401, {})
    tour.go(staff, "post", path + "/accept", 200, {"version": 0})
    tour.go(staff, "post", path + "/accept", 409, {"version": 0})
    tour.go(staff, "post", f"/api/venues/{third['id']}/refuse", 200, {"reason": "no such place"})
    tour.go(staff, "post", f"/api/venues/{third['id']}/refuse", 409, {})
    tour.go(staff, "post", f"/api/venues/{third['id']}/refuse", 400, {"reason": "x" * 201})
    tour.go(staff, "put", path, 200, {**good, "name": "Astra II"})
    tour.go(staff, "put", path, 400, {**good, "timeZone": "Mars"})
    tour.go(staff, "put", f"/api/venues/{boxoffice.new_id()}", 404, good)
    tour.go(nobody, "get", path, 200)
    tour.go(staff, "post", f"/api/venues/{twin['id']}/merge", 400, {})
    tour.go(staff, "post", f"/api/venues/{twin['id']}/merge", 200, {"into": first["id"]})
    tour.go(staff, "post", f"/api/venues/{twin['id']}/merge", 409, {"into": first["id"]})
    tour.go(nobody, "get", f"/api/venues/{twin['id']}", 308)
    return first, second


def tour_shows(tour, staff, seller, nobody, venue):
    good = {"venueId": venue["id"], "title": "Mono Lake", "performers": ["Mono Lake"],
            "category": "music", "startsAt": "2099-07-01T19:30", "doorsAt": "2099-07-01T18:00",
            "rules": {"maxPerBuyer": 4, "maxOverFaceBps": 2000}}
    tour.go(nobody, "post", "/api/shows", 401, good)
    tour.go(seller, "post", "/api/shows", 400, {**good, "startsAt": "2027-10-31T02:30"})
    first = tour.go(staff, "post", "/api/shows", 201, good).json
    second, twin = [tour.go(seller, "post", "/api/shows", 201, good).json for _ in range(2)]
    tour.go(seller, "get", "/api/shows/mine", 200)
    tour.go(nobody, "get", "/api/shows", 200)
    tour.go(nobody, "get", f"/api/shows?venueId={venue['id']}&limit=1", 200)
    tour.go(staff, "get", "/api/shows?status=proposed", 200)
    tour.go(nobody, "get", "/api/shows?status=soon", 400)
    tour.go(nobody, "get", "/api/shows?q=mono+lkae&near=52.5,13.4&limit=1", 200)
    tour.go(nobody, "get", "/api/shows?q=mono&near=91,0", 400)
    tour.go(nobody, "get", "/api/shows/suggestions?q=mon", 200)
    tour.go(nobody, "get", "/api/shows/suggestions?q=" + 201 * "x", 400)
    path = f"/api/shows/{second['id']}"
    tour.go(nobody, "get", path, 404)
    tour.go(seller, "put", path, 401, good)
    tour.go(staff, "put", path, 200, {**good, "title": "Mono Lake II", "version": 0})
    tour.go(staff, "put", path, 409, {**good, "version": 0})
    tour.go(staff, "post", path + "/accept", 200, {})
    tour.go(nobody, "get", path, 200)
    tour.go(staff, "post", path + "/postpone", 200, {"reason": "illness"})
    tour.go(staff, "post", path + "/postpone", 409, {})
    tour.go(staff, "post", path + "/reschedule", 400, {"startsAt": "soon"})
    tour.go(staff, "post", path + "/reschedule", 200, {"startsAt": "2099-08-01T19:30"})
    tour.go(staff, "post", path + "/cancel", 200, {"reason": "rain"})
    tour.go(staff, "post", path + "/cancel", 409, {})
    tour.go(seller, "post", f"/api/shows/{first['id']}/cancel", 401, {})
    tour.go(staff, "post", f"/api/shows/{boxoffice.new_id()}/cancel", 404, {})
    tour.go(staff, "post", f"/api/shows/{twin['id']}/merge", 200, {"into": first["id"]})
    tour.go(nobody, "get", f"/api/shows/{twin['id']}", 308)


def tour_listings(tour, server, staff, venue):
    seller, other, nobody = server.as_user(), server.as_user(), server.client()
    show = staff.post("/api/shows", {"venueId": venue["id"], "title": "Mono Lake", "category": "music",
                                     "startsAt": "2099-07-01T19:30"}).json
    good = {"showId": show["id"], "section": "A", "row": "4", "seats": ["12", "13"], "split": "pairs",
            "price": 49.9, "faceValue": 45, "restrictions": ["Standing"], "delivery": "issued"}
    tour.go(nobody, "post", "/api/listings", 401, good)
    tour.go(seller, "post", "/api/listings", 400, {})
    listing = tour.go(seller, "post", "/api/listings", 201, good).json
    tour.go(other, "post", "/api/listings", 409, good)
    tour.go(nobody, "get", f"/api/listings?showId={show['id']}&limit=1", 200)
    tour.go(nobody, "get", f"/api/listings?showId={show['id']}&quantity=2&section=a&maxTotal=99.80&sort=newest", 200)
    tour.go(nobody, "get", "/api/listings?showId=x", 400)
    tour.go(nobody, "get", f"/api/listings?showId={boxoffice.new_id()}", 404)
    tour.go(seller, "get", "/api/listings/mine", 200)
    tour.go(nobody, "get", "/api/listings/mine", 401)
    path, ticket = f"/api/listings/{listing['id']}", f"/api/tickets/{listing['tickets'][0]['id']}"
    tour.go(nobody, "get", path, 200)
    tour.go(nobody, "get", "/api/listings/x", 400)
    tour.go(nobody, "get", f"/api/listings/{boxoffice.new_id()}", 404)
    tour.go(nobody, "get", ticket, 200)
    tour.go(seller, "put", ticket, 409, {"title": "Mine", "price": 1})
    tour.go(seller, "delete", ticket, 409)
    tour.go(seller, "put", path, 200, {**good, "price": 40})
    tour.go(seller, "put", path, 400, {})
    tour.go(other, "put", path, 401, good)
    tour.go(seller, "put", f"/api/listings/{boxoffice.new_id()}", 404, good)
    tour.go(other, "delete", path, 401)
    tour.go(seller, "delete", path, 204)
    tour.go(seller, "put", path, 410, good)
    tour.go(nobody, "get", path, 200)
    tour.go(seller, "delete", f"/api/listings/{boxoffice.new_id()}", 404)


def tour_entries(tour, server, staff, venue):
    seller, buyer, nobody = server.as_user(), server.as_user(), server.client()
    show = staff.post("/api/shows", {"venueId": venue["id"], "title": "Mono Lake", "category": "music",
                                     "startsAt": "2099-07-01T19:30", "doorsAt": "2099-07-01T18:30"}).json
    listing = seller.post("/api/listings", {"showId": show["id"], "seats": ["12"], "section": "A", "split": "any",
                                            "price": 49.9, "restrictions": ["Standing"], "delivery": "issued"}).json
    order = boxoffice.buy(buyer, listing["tickets"][0]["id"])
    entry, = wait_for(lambda: buyer.get("/api/entries").json, 20, f"an entry of {order['id']}")
    tour.go(buyer, "get", "/api/entries", 200)
    tour.go(buyer, "get", "/api/entries?when=past", 200)
    tour.go(buyer, "get", "/api/entries?when=soon", 400)
    tour.go(nobody, "get", "/api/entries", 401)
    path = f"/api/entries/{entry['id']}"
    tour.go(buyer, "get", path, 200)
    tour.go(seller, "get", path, 401)
    tour.go(buyer, "get", "/api/entries/x", 400)
    tour.go(buyer, "get", f"/api/entries/{boxoffice.new_id()}", 404)
    tour_transfers(tour, path, buyer, seller, nobody)
    tour_door(tour, server, staff, seller, entry)


def tour_door(tour, server, staff, holder, entry):
    nobody, show = server.client(), entry["show"]["id"]
    code = holder.get(f"/api/entries/{entry['id']}").json["code"]
    body = {"showId": show, "name": "North"}
    tour.go(nobody, "post", "/api/gates", 401, body)
    tour.go(staff, "post", "/api/gates", 400, {"name": " "})
    tour.go(staff, "post", "/api/gates", 404, {**body, "showId": boxoffice.new_id()})
    made = tour.go(staff, "post", "/api/gates", 201, body).json
    key = {"Authorization": f"Bearer {made['key']}"}
    scan = {"id": boxoffice.new_id(), "code": code, "at": "2027-07-01T17:30:00.000Z", "admitted": True}
    tour.go(nobody, "post", "/api/scans", 401, scan)
    tour.go(nobody, "post", "/api/scans", 400, [], headers=key)
    tour.go(nobody, "post", "/api/scans", 200, {"code": code}, headers=key)
    tour.go(nobody, "post", "/api/scans", 200, [scan, {**scan, "id": boxoffice.new_id(), "code": "x"}], headers=key)
    tour.go(nobody, "post", "/api/scans?clock=x", 400, scan, headers=key)
    tour.go(nobody, "get", "/api/gates/me/snapshot", 200, headers=key)
    tour.go(nobody, "get", "/api/gates/me/snapshot?since=0", 200, headers=key)
    tour.go(nobody, "get", "/api/gates/me/snapshot?since=x", 400, headers=key)
    for path in ("/api/gates", "/api/gates/admissions", "/api/gates/wrong"):
        tour.go(nobody, "get", f"{path}?showId={show}", 401)
        tour.go(staff, "get", path, 400)
        tour.go(staff, "get", f"{path}?showId={boxoffice.new_id()}", 404)
        assert tour.go(staff, "get", f"{path}?showId={show}", 200).json
    path = f"/api/gates/{made['id']}"
    tour.go(nobody, "delete", path, 401)
    tour.go(staff, "delete", "/api/gates/x", 400)
    tour.go(staff, "delete", f"/api/gates/{boxoffice.new_id()}", 404)
    tour.go(staff, "delete", path, 204)
    tour.go(nobody, "get", "/api/gates/me/snapshot", 401, headers=key)


def tour_transfers(tour, entry, buyer, taker, nobody):
    body = {"email": taker.email}
    tour.go(buyer, "post", entry + "/transfers", 400, {"email": buyer.email})
    tour.go(taker, "post", entry + "/transfers", 401, {"email": buyer.email})
    tour.go(buyer, "post", f"/api/entries/{boxoffice.new_id()}/transfers", 404, body)
    for what in ("withdrawn", "taken"):
        path = f"/api/transfers/{tour.go(buyer, 'post', entry + '/transfers', 201, body).json['id']}"
        tour.go(buyer, "post", entry + "/transfers", 409, body)
        tour.go(taker, "get", path, 200)
        tour.go(nobody, "get", path, 401)
        tour.go(taker, "get", "/api/transfers", 200)
        tour.go(buyer, "get", "/api/transfers?direction=given", 200)
        tour.go(buyer, "get", entry, 200)
        tour.go(buyer, "post", path + "/accept", 401)
        if what == "withdrawn":
            tour.go(buyer, "delete", path, 200)
    tour.go(taker, "post", path + "/accept", 200)
    tour.go(taker, "get", entry, 200)
    tour.go(buyer, "delete", path, 409)
    tour.go(taker, "get", "/api/transfers?direction=back", 400)
    tour.go(nobody, "get", "/api/transfers", 401)
    for method, end in (("get", ""), ("delete", ""), ("post", "/accept")):
        tour.go(buyer, method, f"/api/transfers/{boxoffice.new_id()}{end}", 404)


def tour_catalogue(tour, server):
    staff, seller, nobody = staff_of(server), server.as_user(), server.client()
    venue, _ = tour_venues(tour, staff, seller, nobody)
    tour_shows(tour, staff, seller, nobody, venue)
    tour_listings(tour, server, staff, venue)
    tour_entries(tour, server, staff, venue)


def tour_the_rest(tour, server):
    """Operations without a parameter that the tour has not come by: monitoring, the document."""
    for method, path, operation in list(tour.document.operations()):
        if method == "get" and "{" not in path and (method, path) not in tour.document.visited:
            told = sorted(int(status) for status in operation["responses"] if status.isdigit())
            client = server.monitor() if "monitoring" in operation["tags"] else server.client()
            tour.go(client, "get", path, told[0] if told else 200)


def check_the_checker(report):
    """A checker that finds nothing in a wrong answer proves nothing."""
    shape = {"type": "object", "required": ["id"], "additionalProperties": False,
             "properties": {"id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
                            "price": {"type": "number", "exclusiveMinimum": 0}}}
    good = {"id": "5f43a3b1c2d3e4f501234567", "price": 20}
    report.check("takes a right answer", schema.problems({}, shape, good))
    wrong = ({}, {"id": "X"}, {**good, "price": "20"}, {**good, "price": 0}, {**good, "more": 1})
    report.check("refuses wrong answers", [f"takes {value}" for value in wrong
                                           if not schema.problems({}, shape, value)])


def main():
    report = Report()
    check_the_checker(report)
    with boxoffice.Server() as server:
        answer = server.client().get("/api/openapi.json")
        if answer.status != 200:
            report.check("GET /api/openapi.json", [f"got {answer}"])
            return report.close()
        document = Document(json.loads(answer.body))
        report.check("the document is whole", document.structure_problems())
        report.check("the document has the contract's routes", document.missing_routes())
        tour = Tour(document, report)
        tour_auth(tour, server)
        tour_factor(tour, server)
        tickets = tour_tickets(tour, server)
        buyer, order, _gone = tour_orders(tour, server, tickets)
        tour_payments(tour, server, buyer, order)
        tour_catalogue(tour, server)
        tour_the_rest(tour, server)
        report.check("every operation was visited", document.unvisited())
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
