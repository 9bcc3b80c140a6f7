"""Proves what a ban does: every service refuses the user within a second, and it can be undone."""

import concurrent.futures
import json
import os

from boxoffice import (TEST_KEY, TEST_PASSWORD, Server, cancel, create_ticket, get_order, get_ticket,
                       new_id, pay, reserve, run_cli, wait_order, wait_ticket)
from check import Cases, expect, expect_error, expect_not_authorized, expect_not_found, stays, wait_for
from session import make_cookie

PARALLEL = 4
# Through a broker and a database beside other tests it may take longer; tests/distributed tells how long.
BAN_S_MAX = 1.0 if "BOXOFFICE_BUS" not in os.environ else 10.0

REFUSALS = {  # service: (method, path, body) that a session of a welcome user may ask
    "tickets": ("POST", "/api/tickets", {"title": "A seat", "price": 20}),
    "tickets, reading": ("GET", "/api/tickets/mine", None),
    "orders": ("POST", "/api/orders", {"ticketId": "0" * 24}),
    "orders, reading": ("GET", "/api/orders", None),
    "payments": ("POST", "/api/payments", {"token": "tok_visa", "orderId": "0" * 24}),
    "auth, reading": ("GET", "/api/users/sessions", None),
    "auth, ending": ("POST", "/api/users/signout-everywhere", {}),
}


def users(server, *words):
    return run_cli("users", *words, "--data", server.data)


def ban(server, who, *options):
    done = users(server, "ban", who, *options)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def unban(server, who):
    done = users(server, "unban", who)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def copies(server, user, count):
    """Clients with the same session, each with a connection of its own that was used before."""
    clients = []
    for _ in range(count):
        client = server.client()
        client.cookies = dict(user.cookies)
        expect(client.get("/api/orders"), 200)
        clients.append(client)
    return clients


def asks(client, method, path, body):
    return client.request(method, path, body) if body is not None else client.get(path)


def signed_in(client):
    """Whether auth, and the pages, know the session."""
    known = client.get("/api/users/currentuser").json["currentUser"] is not None
    shown = client.get("/", headers={"Accept": "text/html"})
    assert shown.status == 200, shown
    return known, client.email.encode() in shown.body


def expect_out(server, user):
    """Every service refuses the session, within a second."""
    def refused(name):
        client = client_of(server, user)
        wait_for(lambda: asks(client, *REFUSALS[name]).status == 401, BAN_S_MAX, f"401 of {name}")

    page = client_of(server, user)
    with concurrent.futures.ThreadPoolExecutor(len(REFUSALS) + 1) as pool:
        jobs = {name: pool.submit(refused, name) for name in REFUSALS}
        jobs["auth and web"] = pool.submit(
            wait_for, lambda: signed_in(page) == (False, False), BAN_S_MAX, "nobody")
    with Cases() as case:
        for name, job in jobs.items():
            with case(name):
                job.result()


def client_of(server, user):
    client = server.client()
    client.cookies = dict(user.cookies)
    client.user_id, client.email = user.user_id, user.email
    return client


def test_every_service_refuses_a_banned_user_within_a_second(server):
    user = server.sign_up()
    assert signed_in(client_of(server, user)) == (True, True)
    used = copies(server, user, 2)
    told = ban(server, user.email, "--reason", "sold what was not theirs")
    assert told["id"] == user.user_id and told["status"] == "banned", told
    assert told["reason"] == "sold what was not theirs" and told["version"] == 1, told
    expect_out(server, user)
    for client in used:  # connections that had the session verified before
        expect_not_authorized(client.get("/api/orders"))


def test_an_open_stream_ends_with_the_session(server):
    """/live of who is banned, or signs out, is closed within a second; others hear on."""
    banned, leaving, staying = (server.sign_up() for _ in range(3))

    def listen(client=None):
        raw = server.raw(timeout=BAN_S_MAX + 1)
        cookie = f"Cookie: session={client.cookies['session']}\r\n" if client else ""
        raw.send(f"GET /live HTTP/1.1\r\nHost: x\r\n{cookie}\r\n".encode())
        return raw
    streams = [listen(banned), listen(leaving), listen(staying), listen()]
    wait_for(lambda: b"boxoffice_live_clients 4\n" in server.monitor().get("/metrics").body, 10,
             "four listeners")
    ban(server, banned.email)
    expect(leaving.post("/api/users/signout", {}), 200)
    for ended in streams[:2]:
        assert ended.read_answer().status == 200  # which comes to its end
        ended.close()
    ticket = create_ticket(staying)["id"]
    for stream in streams[2:]:
        stream.read_until(ticket.encode())
        stream.close()


def test_a_token_of_another_service_is_refused_as_well(server):
    user = server.sign_up()
    foreign = server.client()
    foreign.cookies["session"] = make_cookie(TEST_KEY.encode(), user.user_id, user.email)
    expect(foreign.get("/api/orders"), 200)
    ban(server, user.user_id)
    wait_for(lambda: foreign.get("/api/orders").status == 401, BAN_S_MAX, "401")
    assert foreign.get("/api/users/currentuser").json == {"currentUser": None}


def test_a_ban_holds_across_a_restart():
    with Server() as server:
        user, other = server.sign_up(), server.sign_up()
        ban(server, user.email)
        expect_out(server, user)
        server.restart()
        user.port = other.port = server.port
        expect_out(server, user)
        expect(client_of(server, other).get("/api/orders"), 200)


def test_a_banned_user_cannot_sign_in_and_is_told_nothing(server):
    user = server.sign_up()
    ban(server, user.email)
    body = {"email": user.email, "password": TEST_PASSWORD}
    answer = wait_for(lambda: _unless_busy(server.client().post("/api/users/signin", body)), 20)
    expect_error(answer, 400, "Invalid credentials")
    again = wait_for(lambda: _unless_busy(server.client().post("/api/users/signup", body)), 20)
    expect_error(again, 400, "Email in use")


def test_unban_lets_in_again_but_old_sessions_stay_ended(server):
    user = server.sign_up()
    ban(server, user.email)
    assert unban(server, user.user_id)["version"] == 2
    assert client_of(server, user).get("/api/users/currentuser").json == {"currentUser": None}
    client = server.client()
    body = {"email": user.email, "password": TEST_PASSWORD}
    expect(wait_for(lambda: _unless_busy(client.post("/api/users/signin", body)), 20), 200)
    wait_for(lambda: client.get("/api/orders").status == 200, BAN_S_MAX, "orders to take them")
    wait_for(lambda: client.post("/api/tickets", {"title": "x", "price": 1}).status == 201,
             BAN_S_MAX, "tickets to take them")


def test_orders_of_a_banned_buyer_are_cancelled(server):
    seller, buyer, other = server.as_user(), server.sign_up(), server.as_user()
    tickets = [create_ticket(seller) for _ in range(3)]
    orders = [reserve(buyer, ticket["id"]) for ticket in tickets]
    pay(buyer, orders[0]["id"])
    wait_order(buyer, orders[0]["id"], "complete")
    kept = reserve(other, create_ticket(seller)["id"])
    ban(server, buyer.email)
    for ticket in tickets[1:]:
        wait_ticket(other, ticket["id"], None)
        reserve(other, ticket["id"])
    sold = get_ticket(other, tickets[0]["id"])
    assert sold["sold"] is True and sold["orderId"] == orders[0]["id"], "what is paid stays"
    assert get_order(other, kept["id"])["status"] == "created"


def test_tickets_of_a_banned_seller_leave_the_list_and_cannot_be_ordered(server):
    seller, buyer = server.sign_up(), server.as_user()
    ticket, held, tried = (create_ticket(seller) for _ in range(3))
    order = reserve(buyer, held["id"])
    ban(server, seller.email)

    def listed():
        page = expect(server.client().get("/api/tickets?limit=1000"), 200).json
        return ticket["id"] in [one["id"] for one in page]
    wait_for(lambda: not listed(), BAN_S_MAX, "the ticket to leave the list")
    # Until orders hears of the ban it takes orders, which then hold their ticket: one for trying.
    wait_for(lambda: buyer.post("/api/orders", {"ticketId": tried["id"]}).status == 404,
             BAN_S_MAX, "orders to hear of the ban")
    expect_not_found(buyer.post("/api/orders", {"ticketId": ticket["id"]}))
    cancel(buyer, order["id"])  # a buyer of before is not held to it
    wait_ticket(buyer, held["id"], None)
    expect_not_found(buyer.post("/api/orders", {"ticketId": held["id"]}))
    unban(server, seller.email)
    wait_for(listed, BAN_S_MAX, "the ticket to come back")
    reserve(buyer, ticket["id"])


def test_late_money_of_a_banned_buyer_goes_back():
    with Server() as server, server.listen("payment:rejected") as rejected:
        seller, buyer = server.as_user(), server.sign_up()
        ticket = create_ticket(seller)
        order = reserve(buyer, ticket["id"])
        ban(server, buyer.email)
        wait_ticket(seller, ticket["id"], None)
        payment = {"id": new_id(), "orderId": order["id"], "stripeId": "ch_late"}
        server.publish("payment:created", payment)
        told = rejected.wait_count(1)[0]["data"]
        assert told["id"] == payment["id"] and "banned" in told["reason"], told
        stays(lambda: "orderId" not in get_ticket(seller, ticket["id"]), 0.3)


def test_events_out_of_order_end_the_same(server):
    user = {"id": new_id(), "email": "someone@example.test"}
    client = server.as_user(user["id"])
    server.publish("user:updated", {**user, "version": 1, "status": "banned"})
    wait_for(lambda: client.get("/api/orders").status == 401, 5, "the ban")
    server.publish("user:updated", {**user, "version": 3, "status": "active"})
    wait_for(lambda: client.get("/api/orders").status == 200, 5, "the ban's end")
    server.publish("user:updated", {**user, "version": 2, "status": "banned"})
    stays(lambda: client.get("/api/orders").status == 200, 0.5)


def test_the_operator_sees_who_is_banned():
    with Server() as server:
        banned = [server.sign_up() for _ in range(3)]
        server.sign_up()
        for user in banned:
            ban(server, user.email)
        assert ban(server, banned[0].email)["version"] == 1, "twice is once"
        done = users(server, "list", "--status", "banned")
        rows = json.loads(done.stdout)
        assert [row["id"] for row in rows] == sorted((u.user_id for u in banned), reverse=True)
        page = json.loads(users(server, "list", "--status", "banned", "--limit", "2").stdout)
        rest = json.loads(users(server, "list", "--status", "banned", "--after", page[-1]["id"]).stdout)
        assert page + rest == rows
        unban(server, banned[1].email)
        assert len(json.loads(users(server, "list", "--status", "banned").stdout)) == 2
        entries = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        acts = [(row["action"], row["subject"]) for row in entries
                if row["action"].startswith("user.") and row["actor"].startswith("uid:")]
        assert sorted(acts) == sorted([("user.banned", user.user_id) for user in banned] +
                                      [("user.unbanned", banned[1].user_id)]), acts


def test_bad_commands_are_refused_clearly(server):
    unknown = [users(server, "ban", "nobody@example.test"), users(server, "unban", new_id())]
    for done in unknown:
        assert done.returncode == 1 and "no such user" in done.stderr, done
    assert "email address or an id" in users(server, "ban", "nonsense").stderr
    usage = [("ban",), ("frob",), (), ("list", "x"), ("show", "a@b.co", "--status", "banned"), ("unban", "a@b.co", "--reason", "x"),
             ("ban", "a@b.co", "--limit", "2")]
    with Cases() as case:
        for words in usage:
            with case(words):
                assert users(server, *words).returncode == 2
    assert users(server, "ban", "a@b.co", "--reason", "x" * 201).returncode == 1


def test_the_operators_routes_are_not_on_the_network(server):
    client = server.sign_up()
    for path in ("ban", "unban"):
        expect_not_found(client.post(f"/operator/users/{path}", {"user": client.email}))
    for path in ("/operator/users", "/operator/audit-log"):
        expect_not_found(client.get(path))
    expect_not_found(client.post("/operator/keys/rotate", {}))


def _unless_busy(answer):
    return None if answer.status == 429 else answer
