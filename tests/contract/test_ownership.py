"""Every route with an id, asked by everybody it does not belong to: the contract's answer, and
nothing changed."""

import urllib.parse

from boxoffice import (create_ticket, get_order, get_ticket, new_id, reserve, wait_ticket)
from check import Cases, expect, expect_not_authorized

METHODS = ("get", "put", "post", "delete", "patch")
EDIT = {"title": "Taken over", "price": 1}


class World:
    """A seller's ticket on sale, another one reserved by a buyer, and everybody else."""

    def __init__(self, server):
        self.seller, self.buyer = server.sign_up(), server.sign_up()
        self.free = create_ticket(self.seller)
        self.held = create_ticket(self.seller)
        self.order = reserve(self.buyer, self.held["id"])
        wait_ticket(self.seller, self.held["id"], self.order["id"])
        stranger = server.sign_up()
        namesake = server.as_user(self.buyer.user_id.upper(), self.buyer.email)
        prefix = server.as_user(self.buyer.user_id[:-1], self.buyer.email)
        ended = server.client()
        ended.cookies = {"session": "x"}
        self.users = {"stranger": stranger, "namesake": namesake, "prefix": prefix,
                      "nobody": server.client(), "broken session": ended,
                      "seller": self.seller, "buyer": self.buyer}
        # method, path, body, and the one who may
        ticket, order = self.free["id"], self.order["id"]
        self.routes = [
            ("PUT", f"/api/tickets/{ticket}", EDIT, "seller"),
            ("PUT", f"/api/tickets/{ticket.upper()}", EDIT, "seller"),
            ("PUT", f"/api/tickets/{self.held['id']}", EDIT, "seller"),
            ("DELETE", f"/api/tickets/{ticket}", None, "seller"),
            ("DELETE", f"/api/tickets/{self.held['id']}", None, "seller"),
            ("GET", f"/api/orders/{order}", None, "buyer"),
            ("GET", f"/api/orders/{order}/", None, "buyer"),
            ("HEAD", f"/api/orders/{order}", None, "buyer"),
            ("DELETE", f"/api/orders/{order}", None, "buyer"),
            ("POST", "/api/payments", {"token": "tok_visa", "orderId": order}, "buyer"),
        ]

    def state(self):
        """All there is of the three, as their owners see it."""
        return (get_ticket(self.seller, self.free["id"]), get_ticket(self.seller, self.held["id"]),
                get_order(self.buyer, self.order["id"]))


def test_what_belongs_to_others_is_refused_and_stays_as_it_is(server):
    world = World(server)
    before = world.state()
    with Cases() as case:
        for method, path, body, owner in world.routes:
            for name, client in world.users.items():
                if name == owner:
                    continue
                with case(f"{method} {path} by {name}"):
                    answer = client.request(method, path, body) if body else \
                        client.request(method, path)
                    if method == "HEAD":
                        assert answer.status == 401, answer
                    else:
                        expect_not_authorized(answer)
                    assert world.state() == before
        assert case.count == len(world.routes) * (len(world.users) - 1)


def test_lists_show_ones_own_alone(server):
    world = World(server)
    for name in ("stranger", "namesake", "prefix", "seller"):
        orders = expect(world.users[name].get("/api/orders"), 200).json
        assert orders == [], (name, orders)
    for name in ("stranger", "namesake", "prefix", "buyer"):
        assert expect(world.users[name].get("/api/tickets/mine"), 200).json == [], name
    assert [order["id"] for order in world.buyer.get("/api/orders").json] == [world.order["id"]]


def test_pages_show_others_nothing_and_change_nothing(server):
    world = World(server)
    before = world.state()
    order, ticket = world.order["id"], world.free["id"]
    same = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded"}
    posts = {f"/orders/{order}/pay": {"token": "tok_visa"}, f"/orders/{order}/cancel": {},
             f"/tickets/{ticket}": {"title": "Taken over", "price": "1"},
             f"/selling/{ticket}/price": {"price": "1"}}
    with Cases() as case:
        for name in ("stranger", "namesake", "nobody"):
            client = world.users[name]
            with case(f"order page by {name}"):
                page = client.get(f"/orders/{order}", headers={"Accept": "text/html"})
                assert page.status in (303, 401, 404), page
                assert world.buyer.email.encode() not in page.body or name == "namesake"
            for path, form in posts.items():
                with case(f"{path} by {name}"):
                    raw = urllib.parse.urlencode(form).encode()
                    answer = client.request("POST", path, raw=raw, headers=same)
                    assert answer.status in (303, 401, 404), answer
                    assert world.state() == before


def test_ids_that_are_nobodys_are_not_found(server):
    client = server.sign_up()
    for method, path, body in (("PUT", f"/api/tickets/{new_id()}", EDIT),
                               ("GET", f"/api/orders/{new_id()}", None),
                               ("DELETE", f"/api/orders/{new_id()}", None),
                               ("POST", "/api/payments", {"token": "tok_visa", "orderId": new_id()})):
        answer = client.request(method, path, body) if body else client.request(method, path)
        assert expect(answer, 404).json["errors"][0]["message"] == "Not Found"


def test_the_matrix_has_every_route_with_an_id(server):
    """A route that the document adds has to be added here. What is staff's alone is in
    contract/test_catalogue."""
    public = {("GET", "/api/tickets/{id}"),  # anybody may look
              ("GET", "/api/venues/{id}"), ("GET", "/api/shows/{id}"), ("GET", "/api/listings/{id}")}
    # contract/test_listings asks these as a stranger and as nobody.
    listings = {("PUT", "/api/listings/{id}"), ("DELETE", "/api/listings/{id}")}
    # contract/test_entries asks this as a stranger and as nobody.
    entries = {("GET", "/api/entries/{id}")}
    # contract/test_transfers asks these as a stranger, as nobody, and as the other of the two.
    transfers = {("POST", "/api/entries/{id}/transfers"), ("GET", "/api/transfers/{id}"),
                 ("DELETE", "/api/transfers/{id}"), ("POST", "/api/transfers/{id}/accept")}
    # contract/test_gates asks it as nobody and as somebody without the role.
    gates = {("DELETE", "/api/gates/{id}")}
    staff = {("PUT", "/api/venues/{id}"), ("PUT", "/api/shows/{id}"),
             *(("POST", f"/api/venues/{{id}}/{what}") for what in ("accept", "refuse", "merge")),
             *(("POST", f"/api/shows/{{id}}/{what}") for what in (
                 "accept", "postpone", "reschedule", "cancel", "merge"))}
    # contract/test_own_sessions does; another's is not found, as one that is nobody's.
    sessions = {("DELETE", "/api/users/sessions/{id}")}
    document = expect(server.client().get("/api/openapi.json"), 200).json
    routes = {(method.upper(), path) for path, item in document["paths"].items() if "{" in path
              and path.startswith("/api/") for method in item if method in METHODS}
    assert routes - public - staff - listings - entries - transfers - gates - sessions == {
        ("PUT", "/api/tickets/{id}"), ("DELETE", "/api/tickets/{id}"), ("GET", "/api/orders/{id}"),
        ("DELETE", "/api/orders/{id}")}, routes
