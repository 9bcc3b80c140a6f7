"""Proves the whole on many machines: PostgreSQL, three NATS servers, Redis, two replicas of each
service, nginx before them (tools/distributed.py). What breaks is broken under purchases that come
through the ingress; afterwards everything that was acknowledged is there, once, and the books agree.

All tests share one deployment; each leaves it whole."""

import concurrent.futures
import http.client
import os
import signal
import subprocess
import sys
import threading
import time

import boxoffice
from boxoffice import create_ticket, get_ticket, pay, reserve, wait_order, wait_ticket
from broker import pause
from check import Skip, expect, free_ports, processes_of, wait_for
from client import Client
from deployment import SETTINGS, Distributed, Market, check_books, count, deployment, wait_quiet
from partition import PartedCluster
from session import unwrap_cookie

LONG = os.environ.get("DISTRIBUTED") == "long"  # ./dev test distributed-long
CROWD = 1000
SERVICES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web")


def note(text):
    print(f"# {text}")


# --- a purchase ----------------------------------------------------------------------------------

def form(client, path, **fields):
    """A form sent as a browser without JavaScript sends it; where the answer leads."""
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    answer = client.post(path, raw=text.encode(), headers={
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://{client.host}:{client.port}", "Sec-Fetch-Site": "same-origin"})
    assert answer.status == 303, answer
    return answer.headers["Location"]


class Live(threading.Thread):
    """What /live tells, as lines."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(client.host, client.port, timeout=60)
        self.connection.request("GET", "/live")
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        self.lines = []
        self.start()

    def run(self):
        try:
            for line in self.answer:
                self.lines.append(line.decode())
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def told(self, words):
        return any(words in line for line in self.lines)


def test_a_purchase_with_the_pages_through_the_ingress_and_its_live_events():
    here = deployment()
    seller, buyer = here.client(), here.client()
    assert b"Tickets for sale" in seller.get("/").body
    live = Live(here.client())
    for person in (seller, buyer):
        form(person, "/auth/signup", email=boxoffice.new_email().replace("@", "%40"),
             password=boxoffice.TEST_PASSWORD)
        assert b"Sign out" in person.get("/").body
    where = form(seller, "/tickets/new", title="Front+row", price="49.90")
    ticket = where.removeprefix("/tickets/").partition("?")[0]
    wait_for(lambda: live.told(ticket), 10, "the new ticket in /live")
    order = reserve(buyer, ticket)
    wait_for(lambda: buyer.get(f"/orders/{order['id']}").status == 200, 10, "the order's page")
    pay(buyer, order["id"])
    wait_order(buyer, order["id"], "complete")
    sold = wait_ticket(seller, ticket, order["id"])
    assert sold["price"] == 49.9
    wait_for(lambda: b"Front row" in buyer.get("/orders").body, 10, "the list of orders")


def test_visitors_are_told_apart_behind_the_ingress():
    here = deployment()
    for source in ("127.0.0.2", "127.0.0.3"):
        visitor = here.client(source)
        form(visitor, "/auth/signup", email=boxoffice.new_email().replace("@", "%40"),
             password=boxoffice.TEST_PASSWORD)
    rows = here.database.rows("SELECT DISTINCT address FROM auth.audit WHERE address LIKE '127.0.0.%'")
    assert {("127.0.0.2",), ("127.0.0.3",)} <= set(rows), rows


def test_of_a_thousand_buyers_at_two_replicas_one_gets_the_ticket():
    here = deployment()
    ticket = create_ticket(here.as_user())["id"]
    wait_for(lambda: count(here, f"SELECT COUNT(*) FROM orders.ticket_copies WHERE id = '{ticket}'"),
             10, "orders to know the ticket")

    def buy(_):
        return here.as_user().post("/api/orders", {"ticketId": ticket}).status

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        statuses = list(pool.map(buy, range(CROWD)))
    assert statuses.count(201) == 1 and statuses.count(400) == CROWD - 1, \
        {status: statuses.count(status) for status in set(statuses)}
    assert count(here, f"SELECT COUNT(*) FROM orders.orders WHERE ticket_id = '{ticket}'") == 1


def test_a_ticket_changes_hands_many_times_and_nothing_waits():
    """Events of many orders of one ticket, split between two replicas of tickets in any order."""
    here = deployment()
    ticket = create_ticket(here.as_user())["id"]
    buyer = here.as_user()
    for _ in range(30):
        order = reserve(buyer, ticket)
        expect(buyer.delete(f"/api/orders/{order['id']}"), 204)
    last = boxoffice.buy(here.as_user(), ticket)
    wait_ticket(buyer, ticket, last["id"])
    wait_quiet(here, 20)
    assert get_ticket(buyer, ticket)["orderId"] == last["id"]
    check_books(here)


# --- sessions ------------------------------------------------------------------------------------

def somebody(here):
    """A client with a session, and its email."""
    client, email = here.client(), boxoffice.new_email()
    expect(client.post("/api/users/signup",
                       {"email": email, "password": boxoffice.TEST_PASSWORD}), 201)
    return client, email


def doors_of(here, client):
    """(name, client, path) of every replica that takes the client's session; path None: payments."""
    paths = {"auth": "/api/users/sessions", "tickets": "/api/tickets/mine", "orders": "/api/orders"}
    doors = []
    for service, path in paths.items():
        for replica in here.of(service):
            door = replica.client()
            door.cookies = dict(client.cookies)
            answer = door.get(path)
            assert answer.status in (200, 404), (replica.name, answer)
            if answer.status == 200:
                doors.append((replica.name, door, path))
    for replica in here.of("payments"):
        door = replica.client()
        door.cookies = dict(client.cookies)
        doors.append((replica.name, door, None))
    return doors


def refused_after(doors):
    """Waits until every door refuses; returns how long the slowest took."""
    started, slowest = time.monotonic(), 0
    for name, door, path in doors:
        def refused(door=door, path=path):
            answer = door.get(path) if path else door.post(
                "/api/payments", {"token": "tok_visa", "orderId": boxoffice.new_id()})
            return answer.status == 401
        wait_for(refused, 5, f"{name} to refuse")
        slowest = max(slowest, time.monotonic() - started)
    return slowest


def test_a_ban_is_seen_by_every_replica_within_a_second():
    here = deployment()
    client, email = somebody(here)
    doors = doors_of(here, client)
    done = boxoffice.run_cli("users", "ban", email, "--data", here.of("auth")[0].data)
    assert done.returncode == 0, done
    note(f"a ban was seen by {len(doors)} replicas within {refused_after(doors):.2f} s")


def test_a_sign_out_is_seen_by_every_replica_within_a_second():
    here = deployment()
    client, _ = somebody(here)
    doors = doors_of(here, client)
    expect(client.post("/api/users/signout", {}), 200)
    note(f"a sign-out was seen by {len(doors)} replicas within {refused_after(doors):.2f} s")


def test_a_session_is_renewed_at_whichever_replica():
    here = deployment()
    client = here.client()
    expect(client.post("/api/users/signup", {"email": boxoffice.new_email(),
                                             "password": boxoffice.TEST_PASSWORD}), 201)
    first = unwrap_cookie(client.cookies["session"])[1]
    ends = time.monotonic() + 6  # a session unused for 4 seconds ends
    renewed = 0
    before = client.cookies["session"]
    while time.monotonic() < ends:
        client.close()  # nginx takes the next replica
        assert client.get("/api/users/currentuser").json["currentUser"] is not None
        renewed += client.cookies["session"] != before
        before = client.cookies["session"]
        pause(0.2)
    assert renewed >= 1 and unwrap_cookie(before)[1]["exp"] > first["exp"]
    assert client.get("/api/orders").status == 200


def test_every_replica_says_that_it_is_not_behind():
    """A replica's figure follows also when another one took what was left."""
    here = deployment()

    def lags():
        return [one.client().get("/readyz").json["lag"] for one in here.replicas]
    wait_quiet(here)
    wait_for(lambda: not any(lags()), 15, lags)


# --- what breaks ---------------------------------------------------------------------------------

def test_a_killed_replica_of_each_service_loses_nothing():
    here = deployment()
    with Market() as market:
        for service in SERVICES if LONG else ("orders", "payments"):
            replica = here.of(service)[0]
            started = time.monotonic()
            replica.kill()
            served = market.goes_on()
            replica.start()
            note(f"{service}: kill -9 of one replica: purchases went on after {served:.2f} s, it was "
                 f"back after {time.monotonic() - started:.2f} s")


def test_the_leader_of_nats_may_die():
    here = deployment()
    with Market() as market:
        leader = here.nats.leader()
        leader.kill()
        note(f"NATS leader: kill -9: a whole purchase after {market.goes_on():.2f} s")
        leader.start()
        market.goes_on()


def test_postgresql_may_be_killed_and_started():
    here = deployment()
    with Market() as market:
        here.database.kill()
        here.database.start()
        started = time.monotonic()
        served = market.goes_on()
        wait_for(lambda: all(one.client().get("/readyz").status == 200 for one in here.replicas), 30,
                 "all replicas to be ready")
        note(f"PostgreSQL: kill -9 and start: a whole purchase {served:.2f} s after it answered, all "
             f"replicas ready after {time.monotonic() - started:.2f} s")


def test_redis_may_be_wiped():
    here = deployment()
    with Market() as market:
        here.redis.command("FLUSHALL")
        here.redis.kill()
        market.goes_on()
        here.redis.start()
        note(f"Redis: kill -9, empty start: a whole purchase after {market.goes_on():.2f} s")
    timers = count(here, "SELECT COUNT(*) FROM expiration.timers")
    assert timers > 0


def test_a_partition_between_nats_servers_loses_nothing():
    if not LONG:
        raise Skip("takes a minute: ./dev test distributed-long")
    if os.getuid() != 0:
        raise Skip("needs root, for network namespaces")
    with Distributed(env=SETTINGS, nats=PartedCluster()) as here, Market(at=here) as market:
        leader = here.nats.leader()
        here.nats.cut(leader)
        note(f"leader cut off from the other NATS servers, not from its clients: a whole purchase after "
             f"{market.goes_on(timeout=90):.1f} s")
        here.nats.mend(leader)
        note(f"mended: a whole purchase after {market.goes_on(timeout=90):.1f} s")


# --- rolling restart -----------------------------------------------------------------------------

def roll(here, env=None):
    """All replicas, one after the other; env: settings they start with from now on."""
    slowest = 0
    for number in (0, 1):
        for service in SERVICES:
            replica = here.of(service)[number]
            replica.env.update(env or {})
            started = time.monotonic()
            replica.restart()
            slowest = max(slowest, time.monotonic() - started)
    return slowest


def test_a_rolling_restart_of_everything_fails_no_request():
    here = deployment()
    with Market(buyers=12, may_fail=False) as market:
        started = time.monotonic()
        slowest = roll(here)
        note(f"rolling restart of {len(here.replicas)} processes in {time.monotonic() - started:.1f} s, "
             f"{slowest:.1f} s the slowest, {len(market.paid)} purchases meanwhile, none failed")


def test_keys_are_rotated_by_rolling_restarts_without_a_401():
    if not LONG:
        raise Skip("three rolling restarts: ./dev test distributed-long")
    here = deployment()
    old, new = here.key, "the second key of these tests 9876543210"
    with Market(may_fail=False) as market:
        for key in (f"{old},{new}", f"{new},{old}"):
            roll(here, {"JWT_KEY": key})
            market.goes_on()
    person = here.client()
    expect(person.post("/api/users/signup", {"email": boxoffice.new_email(),
                                             "password": boxoffice.TEST_PASSWORD}), 201)
    roll(here, {"JWT_KEY": old})


def test_the_command_shows_it_and_leaves_nothing():
    if not LONG:
        raise Skip("a second whole set: ./dev test distributed-long")
    words = [sys.executable, os.path.join(boxoffice.ROOT, "tools", "distributed.py"), "--listen",
             f"127.0.0.1:{free_ports(1)[0]}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as shown:
        line = shown.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        port = int(line.rsplit(":", 1)[1])
        assert b"Tickets for sale" in Client("127.0.0.1", port).get("/").body
        inner, = processes_of(parent=shown.pid)
        shown.send_signal(signal.SIGINT)
        assert shown.wait(60) == 0
        assert processes_of(session=inner) == [], processes_of(session=inner)


def test_sigterm_ends_a_replica_cleanly():
    replica = deployment().of("expiration")[1]
    replica.stop(signal.SIGTERM)
    replica.start()
