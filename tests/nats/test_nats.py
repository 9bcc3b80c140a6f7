"""Proves that services beside NATS JetStream keep what they promise: as processes of their own,
through outages of the broker, after a lost stream, with strangers taking part.

That each driver of the bus delivers alike is shown by the tests in tests/events, which the suite
`nats` runs a second time beside a broker (BOXOFFICE_BUS=nats)."""

import json
import os
import queue
import socket
import subprocess
import threading
import time

import boxoffice
import npm
from boxoffice import (Server, buy, create_ticket, get_ticket, new_id, pay, reserve, run_cli,
                       wait_order, wait_ticket)
from broker import Nats, NatsCluster, pause
from check import Cases, expect, stays, wait_for
from nats_client import NatsClient
from postgres import Postgres

SOURCE = os.path.join(boxoffice.ROOT, "tests", "nats")
INSTALLED = os.path.join(boxoffice.ROOT, "build", "nats")
ALL = ("auth", "tickets", "orders", "expiration", "payments")


def event(ticket_id, version=0, title="From elsewhere"):
    return {"id": ticket_id, "version": version, "title": title, "price": 20, "userId": "a-seller"}


class House:
    """Each service a process with a data folder of its own, on one broker."""

    def __init__(self, nats, services=ALL, env=None):
        self.env = {**nats.environment(), **(env or {})}
        self.servers = {}
        self.services = services

    def __enter__(self):
        for name in self.services:
            self.servers[name] = Server(env=self.env, args=("--services", name)).start()
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.discard()


def known_by_orders(server, ticket_id):
    """Orders has the ticket: ordering it is not answered 404."""
    return server.as_user().post("/api/orders", {"ticketId": ticket_id}).status != 404


def dead_letters(server):
    return expect(server.client().get("/streaming"), 200).json["dead_letters"]


def ready(server):
    return server.client().get("/readyz").status == 200


# --- many processes ------------------------------------------------------------------------------

def test_a_purchase_goes_through_services_that_are_processes_of_their_own():
    with Nats(user="box:office-secret") as nats, House(nats) as house:
        seller, buyer = house.servers["tickets"].as_user(), house.servers["orders"].as_user()
        ticket = create_ticket(seller)
        order = reserve(buyer, ticket["id"])
        payments = house.servers["payments"].as_user(buyer.user_id)
        pay(payments, order["id"])
        wait_order(buyer, order["id"], "complete")
        wait_ticket(seller, ticket["id"], order["id"])
        assert {f"boxoffice-{name}@{socket.gethostname()}" for name in house.servers} <= set(
            nats.client_names()), nats.client_names()
        for name, server in house.servers.items():
            assert "office-secret" not in server.log(), f"{name} logs the password"


def test_reservations_expire_across_processes():
    with Nats() as nats, House(nats, env={"ORDER_EXPIRATION_SECONDS": "1"}) as house:
        seller, buyer = house.servers["tickets"].as_user(), house.servers["orders"].as_user()
        ticket = create_ticket(seller)
        order = reserve(buyer, ticket["id"])
        wait_order(buyer, order["id"], "cancelled")
        wait_ticket(seller, ticket["id"], None)


# --- outages -------------------------------------------------------------------------------------

def test_a_service_serves_while_the_broker_is_away_and_catches_up():
    with Nats() as nats, Server(env=nats.environment()) as server:
        seller, buyer = server.as_user(), server.as_user()
        order = reserve(buyer, create_ticket(seller)["id"])
        nats.kill()
        tickets = [create_ticket(seller)["id"] for _ in range(50)]
        wait_for(lambda: "nats.disconnected" in server.log(), 10, "the outage to be noticed")
        assert ready(server), "the service serves without the broker"
        stays(lambda: not known_by_orders(server, tickets[0]), 0.3)
        nats.start()
        for ticket_id in tickets:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(server, ticket_id), 10,
                     "the backlog")
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")


def test_a_broker_that_comes_late_is_waited_for():
    nats = Nats()
    server = Server(env=nats.environment())
    try:
        server.spawn()
        server.port = int(wait_for(server.first_line, 10, "its address").rsplit(":", 1)[1])
        expect(server.client().get("/readyz"), 503)
        ticket = create_ticket(server.as_user())
        nats.start()
        wait_for(lambda: ready(server), 10, "readiness")
        buy(server.as_user(), ticket["id"])
        server.stop()
    finally:
        server.discard()
        nats.stop()


def test_an_event_that_another_replica_was_given_too_is_applied_by_one_of_them():
    """psql is the other replica: it has the first ticket's event in a transaction that is open."""
    with Postgres() as postgres, Nats() as nats:
        database = postgres.new_database()
        with House(nats, ("tickets",)) as house, \
                Server(env={**nats.environment(), "DATABASE_URL": database},
                       args=("--services", "orders")) as orders, \
                postgres.session(database.rsplit("/", 1)[1]) as other:
            seller = house.servers["tickets"].as_user()
            other.stdin.write("BEGIN; INSERT INTO orders.bus_inbox (source, seq, taken_at_ms) "
                              "VALUES ('tickets', 1, 1); SELECT 'held';\n")
            other.stdin.flush()
            assert other.stdout.readline() == "held\n"
            first = create_ticket(seller)["id"]
            wait_for(lambda: "transaction.contended" in orders.log(), 10, "the two to meet")
            other.stdin.write("COMMIT;\n")
            other.stdin.close()
            wait_for(lambda: known_by_orders(orders, create_ticket(seller)["id"]), 10,
                     "later events")
            assert not known_by_orders(orders, first), "applied although another replica has it"
            assert "transaction.failed" not in orders.log(), orders.log()


def test_a_service_that_stops_hands_back_what_it_had_not_applied():
    """While its table is locked it cannot apply anything, and has fetched as much as it may."""
    with Postgres() as postgres, Nats() as nats:
        database = postgres.new_database()
        orders = Server(env={**nats.environment(), "DATABASE_URL": database},
                        args=("--services", "orders")).start()
        with postgres.session(database.rsplit("/", 1)[1]) as other, NatsClient(nats.url) as client:
            other.stdin.write("BEGIN; LOCK TABLE orders.ticket_copies; SELECT 'locked';\n")
            other.stdin.flush()
            assert other.stdout.readline() == "locked\n"
            for _ in range(700):
                client.publish("ticket:created", event(new_id()))
            wait_for(lambda: "transaction.contended" in orders.log(), 10, "events in hand")
            orders.stop()
            orders.discard()
            other.stdin.close()
            came = []

            def fetch():
                came.extend(client.fetch("orders"))
                return len(came)
            # The broker itself delivers again 4 s after the last word that an event is in hand. A few
            # were tried more than once, and wait for as long.
            wait_for(lambda: fetch() >= 690, 2.5, lambda: f"700 events; {len(came)} came")


def test_a_killed_service_has_the_effect_of_each_event_once():
    """Killed again and again while a backlog comes in, each time in another moment."""
    with Nats() as nats, House(nats, ("tickets", "orders")) as house:
        orders = house.servers["orders"]
        seller = house.servers["tickets"].as_user()
        tickets = []
        for round_ in range(6):
            tickets += [create_ticket(seller)["id"] for _ in range(100)]
            pause(0.02 * round_)  # the moment of death
            orders.kill()
            orders.start()
        for ticket_id in tickets:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(orders, ticket_id), 15, ticket_id)
        # Each reservation above went through, and each is known to tickets exactly once.
        for ticket_id in tickets:
            wait_for(lambda ticket_id=ticket_id: get_ticket(seller, ticket_id)["version"] == 1, 15,
                     "one effect")
        assert dead_letters(orders) == []


def test_a_killed_relay_publishes_everything_and_nothing_twice():
    with Nats() as nats, House(nats, ("tickets", "orders")) as house:
        tickets, orders = house.servers["tickets"], house.servers["orders"]
        made = []
        for round_ in range(6):
            seller = tickets.as_user()
            made += [create_ticket(seller)["id"] for _ in range(100)]
            pause(0.02 * round_)  # between publishing and marking, now and then
            tickets.kill()
            tickets.start()
        for ticket_id in made:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(orders, ticket_id), 15, ticket_id)
        seller = tickets.as_user()
        for ticket_id in made:  # all the reservations, so the stream is quiet afterwards
            wait_for(lambda ticket_id=ticket_id: get_ticket(seller, ticket_id)["version"] == 1, 15,
                     "its reservation")
        with NatsClient(nats.url) as client:
            count = 3 * len(made)  # ticket:created, order:created, ticket:updated
            wait_for(lambda: client.stream("INFO")["state"]["messages"] >= count, 10, "the stream")
            assert client.stream("INFO")["state"]["messages"] == count


def test_a_lost_stream_is_made_anew_and_filled_from_the_outboxes():
    with Nats() as nats, House(nats, ("tickets", "orders")) as house:
        tickets, orders = house.servers["tickets"], house.servers["orders"]
        seller = tickets.as_user()
        first = create_ticket(seller)["id"]
        wait_for(lambda: known_by_orders(orders, first), 10, "the first ticket")
        orders.stop()
        lost = [create_ticket(seller)["id"] for _ in range(20)]
        with NatsClient(nats.url) as client:
            wait_for(lambda: client.stream("INFO")["state"]["messages"] >= 22, 10, "the relay")
            assert client.stream("DELETE")["success"]
        orders.start()
        after = create_ticket(seller)["id"]
        wait_for(lambda: known_by_orders(orders, after), 15, "a ticket after the loss")
        assert not known_by_orders(orders, lost[0])
        done = run_cli("bus", "refill", "--data", tickets.data)
        assert done.returncode == 0 and "tickets: handed" in done.stdout, done
        for ticket_id in lost:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(orders, ticket_id), 15, "refill")
        wait_for(lambda: get_ticket(seller, lost[-1])["version"] == 1, 10, "reservation")
        assert get_ticket(seller, first)["version"] == 1, "the first one's events had one effect"
        assert dead_letters(orders) == []


def test_the_leader_of_a_cluster_may_die():
    with NatsCluster() as cluster, Server(env=cluster.environment()) as server:
        seller, buyer = server.as_user(), server.as_user()
        buy(buyer, create_ticket(seller)["id"])
        leader = wait_for(cluster.leader, 10, "a leader of the stream")
        leader.kill()
        started = time.monotonic()
        ticket = create_ticket(seller)
        wait_for(lambda: known_by_orders(server, ticket["id"]), 30, "events without the old leader")
        print(f"# events again {time.monotonic() - started:.1f} s after the leader's death")
        buy(buyer, create_ticket(seller)["id"])
        with NatsClient(server.env["NATS_URL"].replace(f"127.0.0.1:{leader.port},", "")) as client:
            config = client.stream("INFO")["config"]
            assert config["num_replicas"] == 3, config


# --- strangers -----------------------------------------------------------------------------------

def test_poison_and_repeats_hold_up_nothing():
    """1 % of what a stranger publishes is poison, 10 % comes twice."""
    with Nats() as nats, NatsClient(nats.url) as client, \
            Server(env=nats.environment(), args=("--services", "orders")) as server:
        good = [new_id() for _ in range(1000)]
        for i, ticket_id in enumerate(good):
            client.publish("ticket:created", event(ticket_id))
            if i % 10 == 0:
                client.publish("ticket:created", event(ticket_id))
            if i % 100 == 0:
                client.publish("ticket:created", {"id": new_id(), "version": -1})
            if i % 500 == 0:
                client.publish("ticket:created", b"\xff no JSON at all")
        for ticket_id in good:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(server, ticket_id), 15, ticket_id)
        wait_for(lambda: len(dead_letters(server)) == 12, 10, lambda: dead_letters(server))
        dead = dead_letters(server)
        assert all(letter["source"].startswith("BOXOFFICE@") for letter in dead), dead[0]
        wait_for(lambda: client.consumer("orders")["num_ack_pending"] == 0, 10, "acknowledgements")


class Stranger:
    """The program in tests/nats/stranger.js."""

    def __init__(self, nats):
        npm.install(SOURCE, INSTALLED, ("package.json", "package-lock.json", "stranger.js"),
                    "the program in another language")
        self.process = subprocess.Popen(["node", "stranger.js", nats.url], cwd=INSTALLED, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self._gather, daemon=True).start()

    def __enter__(self):
        try:
            assert self.next() == {"ready": True}
            return self
        except BaseException:
            self.process.kill()
            raise

    def __exit__(self, kind, error, trace):
        if kind:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait(10)

    def _gather(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self):
        return self.lines.get(timeout=20)

    def publish(self, subject, data):
        self.process.stdin.write(json.dumps({"subject": subject, "data": data}) + "\n")
        self.process.stdin.flush()


def test_a_program_in_another_language_takes_part():
    with Nats() as nats, Server(env=nats.environment()) as server, Stranger(nats) as stranger:
        seller, buyer = server.as_user(), server.as_user()
        ticket = create_ticket(seller, "For strangers", 33.3)
        heard = stranger.next()
        assert heard["subject"] == "ticket:created"
        assert heard["data"] == {"id": ticket["id"], "version": 0, "title": "For strangers",
                                 "price": 33.3, "userId": seller.user_id}, heard
        order = reserve(buyer, ticket["id"])
        foreign = {"id": new_id(), "orderId": order["id"], "stripeId": "ch_of_a_stranger"}
        stranger.publish("payment:created", foreign)
        assert stranger.next()["published"] == "payment:created"
        wait_order(buyer, order["id"], "complete")
        wait_ticket(seller, ticket["id"], order["id"])


# --- settings ------------------------------------------------------------------------------------

def test_what_is_there_with_other_settings_is_reported_and_left():
    with Nats() as nats:
        with NatsClient(nats.url) as client:
            made = client.request("$JS.API.STREAM.CREATE.BOXOFFICE", {
                "name": "BOXOFFICE", "subjects": ["ticket:created"], "storage": "memory",
                "retention": "limits", "num_replicas": 1, "discard": "old"})
            assert "error" not in made, made
            with Server(env=nats.environment()) as server:
                wait_for(lambda: "nats.stream_differs" in server.log(), 10, "the report")
                config = client.stream("INFO")["config"]
                assert config["subjects"] == ["ticket:created"] and config["storage"] == "memory"
                assert server.log().count("nats.stream_differs") == 7, "once for each service"


def test_bad_settings_stop_the_start():
    with Cases() as case:
        for name, value in (("NATS_URL", "localhost:4222"), ("NATS_URL", "nats://"),
                            ("NATS_URL", "nats://host"), ("NATS_URL", "nats://host:0"),
                            ("NATS_URL", "nats://user@host:4222"), ("NATS_URL", "tls://host:4222"),
                            ("NATS_URL", "nats://a:1,b"), ("NATS_REPLICAS", "2")):
            with case(f"{name}={value}"):
                done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/nowhere",
                               env={name: value})
                assert done.returncode == 1 and name in done.stderr, done
                assert done.stderr.count("\n") == 1, done.stderr


def test_refill_says_what_it_cannot_do():
    with Server() as server:
        if server.broker is None:
            done = run_cli("bus", "refill", "--data", server.data)
            assert done.returncode == 1 and "embedded" in done.stderr, done
    done = run_cli("bus", "refill", "--from", "1")
    assert done.returncode == 2 and "--service" in done.stderr, done
