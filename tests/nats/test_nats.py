"""Proves that services beside NATS JetStream keep what they promise: as processes of their own,
through outages of the broker, after a lost stream, with strangers taking part.

That each driver of the bus delivers alike is shown by the tests in tests/events, which the suite
`nats` runs a second time beside a broker (BOXOFFICE_BUS=nats)."""

import json
import os
import queue
import socket
import subprocess
import tempfile
import threading
import time

import boxoffice
import nats_keys
import npm
from boxoffice import (Server, buy, create_ticket, get_ticket, is_unheard_of, new_id, pay, reserve, run_cli,
                       wait_order, wait_ticket)
from broker import Nats, NatsCluster, pause
from certificates import certificates
from check import Cases, expect, stays, wait_for
from clock import WallClock
from nats_client import NatsClient
from postgres import Postgres

SOURCE = os.path.join(boxoffice.ROOT, "tests", "nats")
INSTALLED = os.path.join(boxoffice.ROOT, "build", "nats")
ALL = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail")


def event(ticket_id, version=0, title="From elsewhere"):
    return {"id": ticket_id, "version": version, "title": title, "price": 20, "userId": "a-seller"}


class Deployment:
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
    return not is_unheard_of(server.as_user().post("/api/orders", {"ticketId": ticket_id}))


def dead_letters(server):
    return expect(server.monitor().get("/streaming"), 200).json["dead_letters"]


def ready(server):
    return server.client().get("/readyz").status == 200


# --- many processes ------------------------------------------------------------------------------

def test_a_purchase_goes_through_services_that_are_processes_of_their_own():
    with Nats(user="box:office-secret") as nats, Deployment(nats) as deployment:
        seller, buyer = deployment.servers["tickets"].as_user(), deployment.servers["orders"].as_user()
        ticket = create_ticket(seller)
        order = reserve(buyer, ticket["id"])
        payments = deployment.servers["payments"].as_user(buyer.user_id)
        pay(payments, order["id"])
        wait_order(buyer, order["id"], "complete")
        wait_ticket(seller, ticket["id"], order["id"])
        assert {f"boxoffice-{name}@{socket.gethostname()}" for name in deployment.servers} <= set(
            nats.client_names()), nats.client_names()
        for name, server in deployment.servers.items():
            assert "office-secret" not in server.log(), f"{name} logs the password"


def test_reservations_expire_across_processes():
    with Nats() as nats, Deployment(nats, env={"ORDER_EXPIRATION_SECONDS": "1"}) as deployment:
        seller, buyer = deployment.servers["tickets"].as_user(), deployment.servers["orders"].as_user()
        ticket = create_ticket(seller)
        order = reserve(buyer, ticket["id"])
        wait_order(buyer, order["id"], "cancelled")
        wait_ticket(seller, ticket["id"], None)


# --- how it is reached ---------------------------------------------------------------------------

def buys_something(env):
    with Server(env=env) as server:
        ticket = create_ticket(server.as_user())
        buy(server.as_user(), ticket["id"])
        return server.log()


def test_passwords_and_tokens_may_have_any_character():
    for words, user, secret in (
            (["--user", "box@office", "--pass", "a:b@c/d%"], "box%40office:a%3Ab%40c%2Fd%25@", "a:b@c"),
            (["--auth", "to:ken@%"], "to%3Aken%40%25@", "to:ken")):
        with Nats(more=words) as nats:
            log = buys_something({"NATS_URL": nats.url.replace("nats://", "nats://" + user)})
            assert secret not in log and user not in log


def test_a_user_is_known_by_its_nkey():
    """And a key that the server does not know is named as the cause."""
    user, stranger = nats_keys.Key("U"), nats_keys.Key("U")
    with Nats(more=nats_keys.config("authorization { users: [{nkey: %s}] }" % user.public)) as nats, \
            Cases() as case:
        url = nats.url.replace("nats://", f"nats://{user.public}@")
        with tempfile.NamedTemporaryFile("w", suffix=".nk") as file:
            file.write(user.seed + "\n")
            file.flush()
            with case("the seed in a file"):
                assert user.seed not in buys_something({"NATS_URL": url, "NATS_NKEY_FILE": file.name})
        with case("the seed of somebody else"):
            server = Server(env={"NATS_URL": url, "NATS_NKEY": stranger.seed})
            try:
                server.spawn()
                wait_for(lambda: away(server), 20, lambda: server.log()[-500:])
                server.stop()
                assert '"nats.ready"' not in server.log() and stranger.seed not in server.log()
            finally:
                server.discard()


def test_a_user_is_known_by_its_credentials_file():
    """A JWT of the account, and the key it is about."""
    operator = nats_keys.Operator()
    with tempfile.TemporaryDirectory(prefix="boxoffice-creds-") as folder:
        path = os.path.join(folder, "user.creds")
        with open(path, "w", encoding="ascii") as file:
            file.write(operator.credentials())
        with Nats(more=nats_keys.config(operator.config())) as nats:
            log = buys_something({"NATS_URL": nats.url, "NATS_CREDS_FILE": path})
            assert operator.user.seed not in log and operator.user_jwt not in log


def test_who_we_are_to_the_broker_is_checked_before_the_start():
    key = nats_keys.Key("U")
    with Cases() as case:
        for env, names in (
                ({"NATS_URL": "nats://h:1", "NATS_NKEY": key.seed}, "NATS_NKEY"),
                ({"NATS_URL": f"nats://{key.public}@h:1", "NATS_NKEY": key.public}, "NATS_NKEY"),
                ({"NATS_URL": f"nats://{key.public}:p@h:1", "NATS_NKEY": key.seed}, "NATS_NKEY"),
                ({"NATS_URL": f"nats://{key.public}@h:1", "NATS_NKEY": key.seed[:-1]}, "NATS_NKEY"),
                ({"NATS_URL": "nats://h:1", "NATS_CREDS": "x"}, "NATS_CREDS"),
                ({"NATS_URL": "nats://h:1", "NATS_CREDS": key.seed}, "NATS_CREDS"),
                ({"NATS_URL": "nats://u:p@h:1", "NATS_CREDS": nats_keys.Operator().credentials()},
                 "NATS_CREDS")):
            with case(f"{sorted(env)} {names}"):
                done = run_cli("serve", "--listen", "127.0.0.1:0", env=env)
                assert done.returncode == 1 and names in done.stderr, done
                assert key.seed not in done.stderr, done.stderr


def test_a_broker_with_tls_must_be_the_host_it_is_taken_for():
    with tempfile.TemporaryDirectory(prefix="boxoffice-tls-") as folder:
        ca, cert, key = certificates(folder)
        with Nats(more=["--tls", "--tlscert", cert, "--tlskey", key]) as nats, Cases() as case:
            url = nats.url.replace("nats://127.0.0.1", "tls://localhost")
            with case("its own authority"):
                buys_something({"NATS_URL": url, "NATS_CA": ca})
            for name, env in (("an authority we do not know", {"NATS_URL": url}),
                              ("another host", {"NATS_URL": url.replace("localhost", "127.0.0.1"),
                                                "NATS_CA": ca})):
                with case(name):
                    server = Server(env=env)
                    try:
                        server.spawn()
                        wait_for(lambda: away(server), 20, lambda: server.log()[-500:])
                        server.stop()
                        assert '"nats.ready"' not in server.log()
                    finally:
                        server.discard()


# --- outages -------------------------------------------------------------------------------------

def test_a_service_serves_while_the_broker_is_away_and_catches_up():
    with Nats() as nats, Server(env=nats.environment()) as server:
        seller, buyer = server.as_user(), server.as_user()
        order = reserve(buyer, create_ticket(seller)["id"])
        nats.kill()
        tickets = [create_ticket(seller)["id"] for _ in range(50)]
        wait_for(lambda: "nats.away" in server.log(), 10, "the outage to be noticed")
        assert ready(server), "the service serves without the broker"
        stays(lambda: not known_by_orders(server, tickets[0]), 0.3)
        nats.start()
        for ticket_id in tickets:
            wait_for(lambda ticket_id=ticket_id: known_by_orders(server, ticket_id), 10,
                     "the backlog")
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")


def away(server):
    """The reasons that the log gives, one a change."""
    return [json.loads(line)["reason"] for line in server.log().splitlines()
            if '"nats.away"' in line]


def connected(server):
    """What the figures say of each service."""
    text = server.monitor().get("/metrics").body.decode()
    return {line.rsplit(" ", 1)[1] for line in text.splitlines()
            if line.startswith("boxoffice_bus_connected{")}


def test_an_outage_is_one_line_and_a_figure_until_it_is_over():
    with Nats() as nats, Server(env=nats.environment()) as server:
        assert connected(server) == {"1"}
        nats.kill()
        wait_for(lambda: connected(server) == {"0"}, 20, "every service to notice")
        first = away(server)
        assert first, server.log()
        nats.start()
        wait_for(lambda: connected(server) == {"1"}, 20, "every service to be back")
        assert len(set(away(server))) == len(away(server)) <= 3, away(server)
        assert server.log().count('"nats.back"') == 1, server.log()


def test_a_broker_that_is_of_no_use_is_named_and_the_program_stops_in_time():
    with Nats(user="box:right") as guarded, Nats() as plain, Cases() as case:
        plain.stop_jetstream()
        silent = socket.create_server(("127.0.0.1", 0))
        dead = socket.create_server(("127.0.0.1", 0))
        port = dead.getsockname()[1]
        dead.close()
        for name, url, reason in (
                ("nobody there", f"nats://127.0.0.1:{port}", "connect: "),
                ("says nothing", f"nats://127.0.0.1:{silent.getsockname()[1]}", "connect: "),
                ("wrong password", guarded.url.replace("right", "wrong"), "Authentication"),
                ("no JetStream", plain.url, "JetStream is not enabled")):
            with case(name):
                server = Server(env={"NATS_URL": url})
                try:
                    server.spawn()
                    wait_for(lambda: any(reason in one for one in away(server)), 20,
                             lambda: f"the cause: {server.log()[-800:]}")
                    began = time.monotonic()
                    server.stop()
                    assert time.monotonic() - began < 10
                    assert len(away(server)) <= 2, away(server)
                    assert "wrong" not in server.log()
                finally:
                    server.discard()
        silent.close()


def test_a_clock_put_back_an_hour_keeps_nobody_from_the_broker():
    clock = WallClock()
    with Nats() as nats, Server(env={**nats.environment(), **clock.environment()}) as server:
        seller, buyer = server.as_user(), server.as_user()
        nats.kill()
        ticket = create_ticket(seller)
        wait_for(lambda: away(server), 20, "the outage to be noticed")
        clock.set(-3600)
        nats.start()
        order = reserve(buyer, ticket["id"])
        pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        wait_ticket(seller, ticket["id"], order["id"])
    clock.close()


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
        with Deployment(nats, ("tickets",)) as deployment, \
                Server(env={**nats.environment(), "DATABASE_URL": database},
                       args=("--services", "orders")) as orders, \
                postgres.session(database.rsplit("/", 1)[1]) as other:
            seller = deployment.servers["tickets"].as_user()
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
    with Nats() as nats, Deployment(nats, ("tickets", "orders")) as deployment:
        orders = deployment.servers["orders"]
        seller = deployment.servers["tickets"].as_user()
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
    with Nats() as nats, Deployment(nats, ("tickets", "orders")) as deployment:
        tickets, orders = deployment.servers["tickets"], deployment.servers["orders"]
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
    with Nats() as nats, Deployment(nats, ("tickets", "orders")) as deployment:
        tickets, orders = deployment.servers["tickets"], deployment.servers["orders"]
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


def test_a_service_is_sent_only_what_it_listens_to_where_the_server_can():
    """Expiration does not listen to tickets. A server before 2.10, which Debian has together with a
    library before 3.7, delivers those events, too."""
    words = subprocess.run(["nats-server", "--version"], capture_output=True, text=True, check=True).stdout
    can_filter = [int(part) for part in words.rsplit("v", 1)[1].split(".")[:2]] >= [2, 10]
    with Nats() as nats, Deployment(nats) as deployment, NatsClient(nats.url) as client:
        buyer = deployment.servers["orders"].as_user()
        ticket = create_ticket(deployment.servers["tickets"].as_user())
        wait_for(lambda: known_by_orders(deployment.servers["orders"], ticket["id"]), 10, "the ticket")
        assert buyer.post("/api/orders", {"ticketId": ticket["id"]}).status in (201, 400)

        def done():
            consumer = client.consumer("expiration")
            left = consumer["num_pending"] + consumer["num_ack_pending"]
            return consumer if consumer["delivered"]["consumer_seq"] and not left else None
        consumer = wait_for(done, 10, "expiration to be through")
        heard = consumer["config"].get("filter_subjects", [])
        assert ("order:created" in heard, "ticket:created" in heard) == (can_filter, False), heard
        everything = client.stream("INFO")["state"]["messages"]
        if can_filter:
            assert consumer["delivered"]["consumer_seq"] < everything, consumer


class Stranger:
    """The program in tests/nats/stranger.js."""

    def __init__(self, nats):
        npm.install(SOURCE, INSTALLED, "the program in another language", ("stranger.js",))
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
        self.process.wait(60)

    def _gather(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self):
        return self.lines.get(timeout=60)

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
                services = server.client().get("/readyz").json["services"]
                assert server.log().count("nats.stream_differs") == len(services), "once for each"


def test_bad_settings_stop_the_start():
    with Cases() as case:
        for name, value in (("NATS_URL", "localhost:4222"), ("NATS_URL", "nats://"),
                            ("NATS_URL", "nats://host"), ("NATS_URL", "nats://host:0"),
                            ("NATS_URL", "http://host:4222"), ("NATS_URL", "nats://a:%zz@host:4222"),
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
