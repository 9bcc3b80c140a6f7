"""Services on PostgreSQL, each alone, so that none needs a broker: starting, losing the database and
finding it again, replicas that share it, and what one service can see of another."""

import concurrent.futures
import json
import os
import re
import threading
import time

import boxoffice
from authenticator import Authenticator
from boxoffice import TEST_PASSWORD, Server, new_id
from broker import Nats, Redis
from check import wait_for
from postgres import Postgres
from processor import Processor

SERVICES = ("bus", "auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web")


def on(url, *services, **more):
    return Server(env={"DATABASE_URL": url, "NATS_URL": None, **more},
                  args=["--services", ",".join(services)])


def name_of(url):
    return url.rsplit("/", 1)[1]


def add_ticket(postgres, url):
    """A ticket orders has heard of, without anybody to tell it."""
    ticket = new_id()
    postgres.psql("INSERT INTO orders.ticket_copies (id, version, title, price_cents) "
                  f"VALUES ('{ticket}', 0, 'A ticket', 2000)", name_of(url))
    return ticket


def number(postgres, url, sql):
    return int(postgres.psql(sql, name_of(url)))


def readiness(server):
    return server.client().get("/readyz").status


# --- starting -----------------------------------------------------------------------------------

def test_several_services_without_a_broker_are_refused_and_told_why():
    done = boxoffice.run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/tmp/boxoffice-none",
                             env={"DATABASE_URL": "postgresql://a:hunter2@127.0.0.1:1/none"})
    assert done.returncode == 1 and "NATS_URL" in done.stderr, done.stderr
    assert "hunter2" not in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_bad_address_is_refused_without_showing_the_password():
    for bad in ("postgresql://a:hunter2%zz@127.0.0.1:1/none", "mysql://a:hunter2@127.0.0.1/none"):
        done = boxoffice.run_cli("serve", "--services", "auth", "--listen", "127.0.0.1:0", "--data",
                                 "/tmp/boxoffice-none", env={"DATABASE_URL": bad})
        assert done.returncode == 1 and "postgresql://USER" in done.stderr, done.stderr
        assert "hunter2" not in done.stderr, done.stderr


def test_a_server_that_starts_before_its_database_waits_for_it():
    with Postgres() as postgres:
        url = postgres.new_database()
        postgres.stop()
        server = on(url, "auth")
        try:
            server.spawn()
            line = wait_for(server.first_line, 10, "the first line")
            server.port = int(line.rsplit(":", 1)[1])
            assert server.client().get("/healthz").status == 200
            assert readiness(server) == 503
            assert server.client().post("/api/users/signup", {
                "email": "a@b.test", "password": boxoffice.TEST_PASSWORD}).status == 503
            postgres.start()
            wait_for(lambda: readiness(server) == 200, 15, "ready")
            server.sign_up()
            assert "database.away" in server.log() and "database.back" in server.log()
            server.stop()
        finally:
            server.discard()


def refused_on(url, *words):
    done = boxoffice.run_cli("serve", "--services", "orders", "--listen", "127.0.0.1:0", "--data",
                             "/tmp/boxoffice-none", env={"DATABASE_URL": url, "NATS_URL": None})
    assert done.returncode == 1, done
    said = done.stderr.splitlines()[-1]  # what the server said is in the log before it
    assert "DATABASE_URL" in said and all(word in said for word in words), done.stderr
    assert "hunter2" not in done.stderr, done.stderr


def test_a_database_or_a_schema_that_is_not_there_is_named_with_the_remedy():
    """Waiting mends neither: unlike a server that is away, it does not start."""
    with Postgres() as postgres:
        url = postgres.new_database()
        refused_on(url.rsplit("/", 1)[0] + "/no_such_database", "no_such_database")
        refused_on(url.replace("app@", "nobody_here:hunter2@"), "nobody_here")
        postgres.psql("CREATE ROLE poor LOGIN")
        refused_on(url.replace("app@", "poor:hunter2@"), "schema bus", "roles.sql")
        name = name_of(url)
        postgres.psql("CREATE SCHEMA bus; CREATE SCHEMA orders AUTHORIZATION poor", name)
        refused_on(url.replace("app@", "poor:hunter2@"), "schema bus", "roles.sql")


def test_a_schema_of_a_later_version_is_not_touched():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "orders") as server:
            server.stop()
            postgres.psql("INSERT INTO orders.schema_migrations VALUES ('orders/9999_later', 1, 1)",
                          name_of(url))
            refused_on(url, "later version", "orders/9999_later")
            postgres.psql("DELETE FROM orders.schema_migrations WHERE name = 'orders/9999_later'",
                          name_of(url))
            server.start()


# --- losing it ----------------------------------------------------------------------------------

def buy_all_the_time(server, tickets, bought, stop):
    """Reserves ticket after ticket; notes each that was acknowledged."""
    buyer = server.as_user()
    while tickets and not stop.is_set():
        ticket = tickets.pop()
        try:
            answer = buyer.post("/api/orders", {"ticketId": ticket})
        except OSError:
            continue
        assert answer.status in (201, 503), (answer.status, answer.body)
        if answer.status == 201:
            bought.append((ticket, answer.json["id"]))


def test_what_was_acknowledged_survives_whatever_happens_to_the_database():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "orders") as server:
            tickets = [new_id() for _ in range(30000)]
            values = ",".join(f"('{each}', 0, 'T', 100)" for each in tickets)
            postgres.psql("INSERT INTO orders.ticket_copies (id, version, title, price_cents) "
                          f"VALUES {values}", name_of(url))
            bought, stop = [], threading.Event()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                buyers = [pool.submit(buy_all_the_time, server, tickets, bought, stop)
                          for _ in range(8)]

                def goes_on():
                    before = len(bought)
                    wait_for(lambda: len(bought) > before + 50 or not tickets, 20, "more orders")

                goes_on()
                for _ in range(3):
                    postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                  "WHERE application_name = 'boxoffice'")
                    goes_on()
                postgres.stop()
                postgres.start()
                goes_on()
                postgres.kill()
                postgres.start()
                goes_on()
                stop.set()
                for buyer in buyers:
                    buyer.result()
            wait_for(lambda: readiness(server) == 200, 10, "ready")
            kept = set(postgres.psql("SELECT ticket_id, id FROM orders.orders",
                                     name_of(url)).split("\n"))
            lost = [each for each in bought if "|".join(each) not in kept]
            assert not lost, f"{len(lost)} of {len(bought)} acknowledged orders are gone"
            assert number(postgres, url, "SELECT COUNT(*) FROM orders.orders o FULL JOIN "
                          "orders.outbox e ON e.payload::json->>'id' = o.id "
                          "WHERE o.id IS NULL OR e.seq IS NULL") == 0


def test_a_database_restarted_while_nobody_asks_costs_no_request():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "orders") as server:
            first, second = add_ticket(postgres, url), add_ticket(postgres, url)
            buyer = server.as_user()
            assert buyer.post("/api/orders", {"ticketId": first}).status == 201
            assert buyer.get("/api/orders").status == 200
            postgres.stop()
            postgres.start()
            wait_for(lambda: readiness(server) == 200, 10, "ready")
            assert buyer.post("/api/orders", {"ticketId": second}).status == 201
            assert len(buyer.get("/api/orders").json) == 2


# --- replicas -----------------------------------------------------------------------------------

def test_of_a_thousand_buyers_at_two_replicas_one_gets_the_ticket():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "orders") as one, on(url, "orders") as two:
            ticket = add_ticket(postgres, url)

            def buy(i):
                buyer = (one, two)[i % 2].as_user()
                return buyer.post("/api/orders", {"ticketId": ticket}).status

            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                statuses = list(pool.map(buy, range(1000)))
            assert statuses.count(201) == 1 and statuses.count(400) == 999, set(statuses)
            assert number(postgres, url, "SELECT COUNT(*) FROM orders.orders") == 1
            assert number(postgres, url, "SELECT COUNT(*) FROM orders.outbox") == 1


def test_two_replicas_that_reserve_and_cancel_the_same_tickets_agree():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "orders") as one, on(url, "orders") as two:
            tickets = [add_ticket(postgres, url) for _ in range(6)]

            def fight(i):
                here, there = ((one, two), (two, one))[i % 2]
                buyer = here.as_user()
                elsewhere = there.as_user(buyer.user_id, buyer.email)
                wins = 0
                for turn in range(25):
                    answer = buyer.post("/api/orders",
                                        {"ticketId": tickets[(i + turn) % len(tickets)]})
                    assert answer.status in (201, 400), (answer.status, answer.body)
                    if answer.status != 201:
                        continue
                    wins += 1
                    order = answer.json["id"]
                    gone = elsewhere.request("DELETE", f"/api/orders/{order}")
                    assert gone.status == 204, (gone.status, gone.body)
                return wins

            with concurrent.futures.ThreadPoolExecutor(12) as pool:
                wins = sum(pool.map(fight, range(12)))
            assert wins >= 25
            orders = number(postgres, url, "SELECT COUNT(*) FROM orders.orders "
                            "WHERE status = 'cancelled' AND version = 1")
            events = postgres.psql("SELECT subject, COUNT(*) FROM orders.outbox "
                                   "GROUP BY subject ORDER BY subject", name_of(url))
            assert orders == wins
            assert events == f"order:cancelled|{wins}\norder:created|{wins}", events


def add_entry(postgres, url, holder):
    """An entry of the user's, without anybody to tell of its order."""
    show, listing, ticket, entry = (new_id() for _ in range(4))
    postgres.psql(f"""INSERT INTO entries.show_copies (id, version, title, status, venue_id, starts_at_ms, starts_local,
                      doors_at_ms, doors_local) VALUES ('{show}', 0, 'Mono Lake', 'scheduled', '{new_id()}',
                      4000000000000, '2096-10-02T09:06+02:00', 0, '');
                      INSERT INTO entries.listing_copies VALUES ('{listing}', 0, '{show}', '', '', '', 'issued');
                      INSERT INTO entries.ticket_copies VALUES ('{ticket}', '{listing}', '12');
                      INSERT INTO entries.entries (id, version, serial, status, holder_id, ticket_id, order_id, show_id,
                      now_show_id, created_at_ms) VALUES ('{entry}', 0, '{entry[-8:].upper()}', 'valid', '{holder}',
                      '{ticket}', '{new_id()}', '{show}', '{show}', 0)""", name_of(url))
    return entry


def test_of_two_replicas_that_send_take_and_take_back_a_ticket_one_wins():
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "entries") as one, on(url, "entries") as two:
            giver, taker = new_id(), new_id()
            entry = add_entry(postgres, url, giver)
            givers, takers = ([server.as_user(user) for server in (one, two)] for user in (giver, taker))
            body = {"email": takers[0].email}
            for _ in range(10):
                version = givers[0].get(f"/api/entries/{entry}").json["version"]
                with concurrent.futures.ThreadPoolExecutor(4) as pool:
                    sent = list(pool.map(lambda g: g.post(f"/api/entries/{entry}/transfers", body), givers))
                    assert sorted(answer.status for answer in sent) == [201, 409], sent
                    transfer, = (answer.json["id"] for answer in sent if answer.status == 201)
                    path = f"/api/transfers/{transfer}"
                    answers = list(pool.map(lambda ask: ask(), [
                        lambda: takers[0].post(path + "/accept").status, lambda: givers[0].delete(path).status,
                        lambda: takers[1].post(path + "/accept").status, lambda: givers[1].delete(path).status]))
                found = givers[1].get(path).json
                taken = found["status"] == "taken"
                assert found["version"] == 1 and answers == ([200, 409, 200, 409] if taken else [409, 200, 409, 200])
                holder = (takers if taken else givers)[1].get(f"/api/entries/{entry}").json
                assert holder["version"] == version + taken, (version, holder)
                if taken:
                    givers, takers, body = takers, givers, {"email": givers[0].email}
            assert [row["id"] for row in givers[0].get("/api/entries").json] == [entry]
            assert len(givers[0].get("/api/transfers?direction=given").json) + \
                len(takers[0].get("/api/transfers?direction=given").json) == 10
            assert number(postgres, url, "SELECT COUNT(*) FROM entries.outbox WHERE subject LIKE 'transfer:%'") == 20
            # What is due ends, by one of them.
            assert givers[0].post(f"/api/entries/{entry}/transfers", body).status == 201
            postgres.psql("UPDATE entries.transfers SET ends_at_ms = 1 WHERE status = 'waiting'", name_of(url))
            wait_for(lambda: number(postgres, url, "SELECT COUNT(*) FROM entries.transfers WHERE status = 'ended'") == 1,
                     20, "it to end by itself")


def test_a_session_that_is_ended_at_one_replica_is_over_at_the_other():
    """Both look at what others wrote twice a second; and one code signs in at one of them."""
    with Postgres() as postgres:
        url = postgres.new_database()
        with on(url, "auth") as one, on(url, "auth") as two:
            person = one.sign_up()
            secret = person.post("/api/users/factor", {"password": TEST_PASSWORD}).json["secret"]
            codes = person.post("/api/users/factor/confirm", {"code": Authenticator(secret).code()}).json["recoveryCodes"]

            def signed_in(server, code):
                client = server.client()
                asked = client.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD})
                token = asked.json["errors"][0]["token"]
                return client if client.post("/api/users/signin/factor", {"token": token, "code": code}).status == 200 \
                    else None

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                clients = list(pool.map(lambda i: signed_in((one, two)[i % 2], codes[0]), range(8)))
            [lost] = [client for client in clients if client]
            moved = (one, two)[lost.port == one.port].client()  # the same session, at the other one
            moved.cookies = dict(lost.cookies)
            assert moved.get("/api/users/me").status == 200
            [session] = [each["id"] for each in lost.get("/api/users/sessions").json if each["current"]]
            assert person.delete(f"/api/users/sessions/{session}").status == 204
            for client in (lost, moved):
                wait_for(lambda client=client: client.get("/api/users/me").status == 401, 2, "the session's end")
            assert person.get("/api/users/me").status == 200


def test_ten_replicas_that_start_at_once_migrate_once():
    with Postgres() as postgres:
        url = postgres.new_database()
        servers = [on(url, "auth") for _ in range(10)]
        try:
            for server in servers:
                server.spawn()
            for server in servers:
                line = wait_for(server.first_line, 30, "the first line")
                server.port = int(line.rsplit(":", 1)[1])
                wait_for(lambda: readiness(server) == 200, 30, server.log)
            assert number(postgres, url, "SELECT COUNT(*) - COUNT(DISTINCT name) "
                          "FROM auth.schema_migrations") == 0
        finally:
            for server in servers:
                server.discard()


# --- by hand, and figures -----------------------------------------------------------------------

def doctor(*words, env):
    """(exit status, {check: what it found}) of boxoffice doctor."""
    done = boxoffice.run_cli("doctor", *words, env=env)
    found = {}
    for line in done.stdout.splitlines():
        found.setdefault(line[5:17].strip(), []).append(f"{line[:4].strip()} {line[18:]}")
    assert done.stderr == "" and "hunter2" not in done.stdout, done
    return done.returncode, {what: "; ".join(lines) for what, lines in found.items()}


def test_the_doctor_asks_the_servers_of_others():
    with Postgres() as postgres, Nats() as nats, Redis() as redis:
        env = {"DATABASE_URL": postgres.new_database(), **nats.environment(),
               **redis.environment()}
        with Server(env=env) as server:
            _, found = doctor("--data", server.data, env=env)
            services = server.client().get("/readyz").json["services"]
            assert found["databases"] == f"ok {len(services)}, PostgreSQL answers", found
            assert found["schema"].startswith("ok every database"), found
            assert found["server"] == "ok it serves and is ready", found
            assert found["nats"].startswith("ok it answers") and found["redis"] == "ok it answers"
            redis.kill()
            nats.kill()
            postgres.stop()
            status, found = doctor("--data", server.data, env=env)
            assert status == 2 and found["databases"].startswith("fail bus: "), found
            assert found["nats"].startswith("fail no server") and "schema" not in found, found
            assert found["redis"].startswith("warn no answer from REDIS_URL"), found
            for other in (postgres, redis, nats):
                other.start()
            wait_for(lambda: readiness(server) == 200, 20, server.log)


def test_the_life_of_an_order_is_read_from_the_database():
    with Postgres() as postgres, Nats() as nats:
        env = {"DATABASE_URL": postgres.new_database(), **nats.environment()}
        with Server(env=env) as server:
            order = boxoffice.buy(server.as_user(), boxoffice.create_ticket(server.as_user())["id"])
            wait_for(lambda: "order:completed" in boxoffice.run_cli(
                "trace", order["id"], env=env).stdout, 10, "the last event")
            life = boxoffice.run_cli("trace", order["id"], env=env).stdout
            for event in ("order:created", "ticket:updated", "payment:created"):
                assert event in life, life


def test_who_gives_money_back_is_answered_once_the_processor_has():
    """However often the writer looks meanwhile whether others have done something."""
    with Postgres() as postgres, Nats() as nats, Processor() as processor:
        env = {"DATABASE_URL": postgres.new_database(), **nats.environment(), **processor.environment()}
        with Server(env=env) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
            buyer = server.as_user()
            order = boxoffice.reserve(buyer, boxoffice.create_ticket(server.as_user())["id"])
            paid = boxoffice.pay(buyer, order["id"])
            boxoffice.wait_order(buyer, order["id"], "complete")
            processor.may_refund.clear()
            refund = pool.submit(boxoffice.run_cli, "payments", "refund", paid["id"], "--data", server.data)
            wait_for(processor.refunding.is_set, 20, "the processor to be asked")
            time.sleep(3)  # the writer looks every second; the processor answers when it did
            assert not refund.done(), refund.result()
            processor.may_refund.set()
            done = refund.result()
            assert done.returncode == 0 and json.loads(done.stdout)["status"] == "refunded", done


def test_events_kept_and_not_yet_relayed_are_counted():
    def figure(server, name, service):
        text = server.monitor().get("/metrics").body.decode()
        found = re.search(rf'^boxoffice_{name}{{service="{service}"}} (\d+)$', text, re.MULTILINE)
        return int(found[1]) if found else None
    with Postgres() as postgres, Nats() as nats:
        with Server(env={"DATABASE_URL": postgres.new_database(), **nats.environment()}) as server:
            server.publish("expiration:complete", {"orderId": new_id()})
            server.publish("ticket:updated", {"id": new_id(), "version": 3, "title": "Far",
                                              "price": 5, "userId": new_id()})
            wait_for(lambda: figure(server, "events_dead", "orders") == 1, 10, "the dead")
            wait_for(lambda: figure(server, "events_waiting", "orders") == 1, 10, "the waiting")
            wait_for(lambda: figure(server, "outbox_unrelayed", "tickets") == 0, 10, "the relay")
            nats.kill()
            boxoffice.create_ticket(server.as_user())
            wait_for(lambda: figure(server, "outbox_unrelayed", "tickets") == 1, 10, "the outbox")
            nats.start()
            wait_for(lambda: figure(server, "outbox_unrelayed", "tickets") == 0, 20, "the relay")


def test_old_events_go_once_the_broker_has_them():
    forty_days = "UPDATE {0}.outbox SET created_at_ms = created_at_ms - 40 * 86400000::bigint"
    publishers = ("tickets", "orders", "payments")
    with Postgres() as postgres, Nats() as nats:
        url = postgres.new_database()
        with Server(env={"DATABASE_URL": url, **nats.environment()}) as server:
            def buy():
                buyer = server.as_user()
                order = boxoffice.buy(buyer, boxoffice.create_ticket(server.as_user())["id"])
                boxoffice.wait_order(buyer, order["id"], "complete")
                return order["id"]

            def count(service, table="outbox"):
                return number(postgres, url, f"SELECT COUNT(*) FROM {service}.{table}")
            old = buy()
            for service in publishers:
                wait_for(lambda: not count(service, "outbox_unrelayed"), 20, "the relay")
                postgres.psql(forty_days.format(service), name_of(url))
            last = number(postgres, url, "SELECT MAX(seq) FROM orders.outbox")
            server.restart()  # counts what is old; looks again at the next start
            wait_for(lambda: number(postgres, url, "SELECT COALESCE(MAX(last_seq), 0) FROM "
                                    "orders.bus_channels") == last, 90, "events to be counted")
            server.restart()
            for service in publishers:
                wait_for(lambda: count(service) == 1, 20, f"the events of {service} to go")
            told = boxoffice.run_cli("trace", old, env={"DATABASE_URL": url, **nats.environment()})
            assert "no longer kept" in told.stderr and "statement.failed" not in told.stderr, told
            buy()
            assert number(postgres, url, "SELECT MAX(seq) FROM orders.outbox") > last
            assert "statement.failed" not in server.log(), server.log()[-2000:]


# --- roles --------------------------------------------------------------------------------------

def test_monitoring_counts_events_and_their_bytes():
    """Each statement goes through a connection that only reads."""
    with Postgres() as postgres, Nats() as nats:
        env = {"DATABASE_URL": postgres.new_database(), **nats.environment()}
        with Server(env=env) as server:
            boxoffice.create_ticket(server.as_user())
            wait_for(lambda: server.channel("ticket:created")["msgs"], 10, "monitoring to read the outbox")
            listed = server.channel("ticket:created")
            store = server.monitor().get("/streaming/storez").json
            assert listed["msgs"] == 1 and listed["bytes"] > 80, listed
            assert store["total_msgs"] >= 1 and store["total_bytes"] >= listed["bytes"], store
            assert "statement.failed" not in server.log(), server.log()[-2000:]


def test_with_its_own_role_a_service_cannot_read_anothers():
    script = os.path.join(boxoffice.ROOT, "deploy", "postgres", "roles.sql")
    with open(script, encoding="utf-8") as file:
        sql = file.read()
    with Postgres() as postgres:
        name = name_of(postgres.new_database())
        for _ in range(2):  # the second time it changes nothing
            postgres.psql(sql, name, variables=["password=hunter2"])
        own = {f"DATABASE_URL_{each.upper()}": postgres.url(name, f"boxoffice_{each}", "hunter2")
               for each in ("auth", "orders")}
        bus = postgres.url(name, "boxoffice_bus", "hunter2")
        with on(bus, "auth", **own) as auth, on(bus, "orders", **own):
            auth.sign_up()
            owners = postgres.psql("SELECT DISTINCT schemaname, tableowner FROM pg_tables "
                                   "WHERE schemaname IN ('auth', 'orders') ORDER BY 1", name)
            assert owners == "auth|boxoffice_auth\norders|boxoffice_orders", owners
            assert postgres.psql("SELECT COUNT(*) FROM auth.users", name,
                                 user="boxoffice_auth") == "1"
            for other in SERVICES:
                if other == "auth":
                    continue
                assert postgres.psql("SELECT COUNT(*) FROM auth.users", name, check=False,
                                     user=f"boxoffice_{other}") is None, other
            assert "hunter2" not in auth.log()
            assert json.loads(auth.client().get("/readyz").body)["ready"]
