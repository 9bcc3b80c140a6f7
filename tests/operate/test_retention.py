"""Events go when their time is over and everybody who reads them has had them; not before, and never
half. What is left goes on."""

import contextlib
import json
import os
import shutil
import sqlite3

from boxoffice import (TEST_PASSWORD, Server, buy, create_ticket, get_order, get_ticket, new_id, pay, reserve, run_cli,
                       try_pay, wait_order, wait_ticket)
from check import Cases, expect, wait_for
from books import check_books, check_cut, rows, wait_quiet

PUBLISHERS = ("auth", "tickets", "orders", "payments")
DAY_MS = 24 * 3600 * 1000
MANY = 10000
KILLS = 5


def write(data, service, sql, values=()):
    """In the database of a server that is stopped."""
    with contextlib.closing(sqlite3.connect(os.path.join(data, f"{service}.db"))) as db, db:
        db.execute(sql, values)


def age(data, days=40, services=PUBLISHERS):
    """As if all events there are had been published so much earlier."""
    for service in services:
        write(data, service, "UPDATE outbox SET created_at_ms = created_at_ms - ?", (days * DAY_MS,))


def first(data, service):
    return rows(data, service, "SELECT MIN(seq) FROM outbox")[0][0]


def last(data, service):
    return rows(data, service, "SELECT MAX(seq) FROM outbox")[0][0]


def whole(data, service):
    """From the first that is kept on none is missing, and the figures are those of what is kept
    and counted."""
    kept = rows(data, service, "SELECT MIN(seq), MAX(seq), COUNT(*) FROM outbox")[0]
    assert kept[2] == kept[1] - kept[0] + 1, (service, kept)
    wrong = rows(data, service, """SELECT c.subject FROM bus_channels c WHERE messages <>
        (SELECT COUNT(*) FROM outbox o WHERE o.subject = c.subject AND
            o.seq <= (SELECT MAX(last_seq) FROM bus_channels)) OR first_seq < ? AND messages > 0
        OR removed_seq >= ?""", (kept[0], kept[0]))
    assert not wrong, (service, wrong)


def market():
    """A market with purchases, stopped; its events are old."""
    server = Server().start()
    for _ in range(3):
        buy(server.sign_up(), create_ticket(server.as_user())["id"])
    wait_quiet(server)
    server.stop()
    age(server.data)
    return server


def wait_removed(server, services=PUBLISHERS):
    for service in services:
        wait_for(lambda: first(server.data, service) == last(server.data, service), 20,
                 f"the events of {service} to go")


def test_old_events_go_the_newest_stays_and_the_market_goes_on():
    server = market()
    with contextlib.closing(Closing(server)):
        before = {service: last(server.data, service) for service in PUBLISHERS}
        known = rows(server.data, "orders", "SELECT id FROM orders ORDER BY id LIMIT 1")[0][0]
        server.start()
        wait_removed(server)
        for service in PUBLISHERS:
            whole(server.data, service)
            assert last(server.data, service) >= before[service], service
        text = server.monitor().get("/metrics").body.decode()
        removed = [line for line in text.splitlines()
                   if line.startswith('boxoffice_rows_removed_total{service="orders"}')]
        assert int(removed[0].split()[1]) >= before["orders"] - 1, removed
        channel = expect(server.monitor().get("/streaming/channelsz?channel=order:created"), 200).json
        assert channel["msgs"] == 0 and channel["first_seq"] > channel["last_seq"] > 0, channel
        order = buy(server.sign_up(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        check_books(server)
        assert last(server.data, "orders") > before["orders"]
        # What became of an order whose events are gone cannot be told, and that is said.
        told = run_cli("trace", known, "--data", server.data)
        assert told.returncode == 1 and "no longer kept" in told.stderr, told
        told = run_cli("trace", order["id"], "--data", server.data)
        assert told.returncode == 0 and "order:completed" in told.stdout, told
        server.stop()
        done = run_cli("doctor", "--data", server.data)
        assert "ok   together" in done.stdout, done


def test_nothing_goes_before_its_time_or_with_a_retention_of_0_days():
    with Cases() as case:
        for label, days, env in (("young", 29, {}), ("for ever", 400, {"RETENTION_DAYS": "0"})):
            with case(label):
                server = market()
                with contextlib.closing(Closing(server)):
                    age(server.data, days - 40)
                    server.env.update(env)
                    server.start()
                    # It is looked for at the start, before any request.
                    buy(server.as_user(), create_ticket(server.as_user())["id"])
                    wait_quiet(server)
                    for service in PUBLISHERS:
                        assert first(server.data, service) == 1, service


def test_a_killed_program_leaves_no_half_of_it():
    server = market()
    with contextlib.closing(Closing(server)):
        write(server.data, "auth",
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
              "INSERT INTO outbox (subject, payload, created_at_ms) SELECT 'user:created', "
              "printf('{\"id\":\"%024x\",\"version\":0,\"email\":\"a@example.com\","
              "\"status\":\"active\"}', i), 0 FROM n", (MANY,))
        server.start()
        server.sign_up()  # its event counts those before it, too
        wait_quiet(server, 120)  # what was not taken over yet is looked at again in an hour
        server.restart()
        kills = 0
        while kills < KILLS and first(server.data, "auth") < last(server.data, "auth"):
            begun = first(server.data, "auth")
            wait_for(lambda: first(server.data, "auth") > begun, 20, "events to go")
            server.kill()
            whole(server.data, "auth")
            check_cut(server.data)
            server.start()
            kills += 1
        assert kills, "nothing was left to be removed"
        wait_removed(server, ("auth",))
        whole(server.data, "auth")
        buy(server.sign_up(), create_ticket(server.as_user())["id"])
        wait_quiet(server)
        check_books(server)


def test_a_durable_listener_that_is_away_finds_all_it_has_not_had():
    server = market()
    with contextlib.closing(Closing(server)):
        server.env["RETENTION_DAYS"] = "0"
        server.start()
        with server.listen("order:created", "--durable", "slow", "--deliver-all", "--manual-ack",
                           "--max-in-flight", "1") as listener:
            listener.wait_count(1)  # in flight, never acknowledged
        # It has had all there is of a subject of which there may be no more for years.
        with server.listen("order:completed", "--durable", "caught-up", "--deliver-all") as listener:
            listener.wait_count(3)
            listener.wait_acknowledged()
        created = [row[0] for row in rows(server.data, "orders", "SELECT seq FROM outbox "
                                          "WHERE subject = 'order:created' ORDER BY seq")]
        server.stop()
        del server.env["RETENTION_DAYS"]
        server.start()
        wait_for(lambda: first(server.data, "tickets") > 1, 20, "events of tickets to go")
        wait_for(lambda: first(server.data, "orders") == created[0], 20, "those before it to go")
        with server.listen("order:created", "--durable", "slow") as listener:
            assert [event["sequence"] for event in listener.wait_count(3)] == created
            listener.wait_acknowledged()
        server.restart()
        wait_removed(server)
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        with server.listen("order:completed", "--durable", "caught-up") as listener:
            listener.wait_count(1)


def listen(server, *options):
    return run_cli("events", "listen", "order:created", *options, "--data", server.data)


def test_whoever_wants_what_is_gone_is_refused_and_told_what_to_do():
    server = market()
    with contextlib.closing(Closing(server)):
        server.start()
        wait_removed(server)
        gone = rows(server.data, "orders", "SELECT removed_seq FROM bus_channels "
                    "WHERE subject = 'order:created'")[0][0]
        refused = listen(server, "--start-at-seq", "1")
        assert refused.returncode == 1 and f"up to {gone} are no longer kept" in refused.stderr, refused
        assert f"start at {gone + 1} or later" in refused.stderr, refused
        buy(server.as_user(), create_ticket(server.as_user())["id"])
        with server.listen("order:created", "--durable", "old", "--deliver-all") as listener:
            listener.wait_count(1)
            listener.wait_acknowledged()
        server.stop()
        write(server.data, "bus", "UPDATE durables SET seq = 0")  # an older copy, say
        server.start()
        refused = listen(server, "--durable", "old")
        assert refused.returncode == 1 and "events unsubscribe old" in refused.stderr, refused
        done = run_cli("events", "unsubscribe", "old", "--data", server.data)
        assert done.returncode == 0, done
        with server.listen("order:created", "--durable", "old", "--deliver-all") as listener:
            listener.wait_count(1)


def test_events_wait_for_a_service_that_has_never_run_here():
    with Server(args=["--services", "auth,tickets"]) as server:
        ticket = create_ticket(server.as_user())
        create_ticket(server.as_user())
        server.stop()
        age(server.data, services=("tickets",))
        server.start()
        create_ticket(server.as_user())
        assert first(server.data, "tickets") == 1
        told = run_cli("doctor", "--data", server.data).stdout
        assert "events of tickets are older than RETENTION_DAYS" in told, told
        server.stop()
        server.args = []
        server.start()
        buy(server.as_user(), ticket["id"])
        server.restart()
        wait_for(lambda: first(server.data, "tickets") > 1, 20, "what orders has had to go")


def test_a_database_that_lacks_what_is_gone_is_refused():
    server = market()
    with contextlib.closing(Closing(server)):
        server.start()
        wait_removed(server)
        server.stop()
        good = os.path.join(server.folder, "good")
        shutil.copytree(server.data, good)
        write(server.data, "orders", "UPDATE bus_positions SET seq = 1 WHERE source = 'tickets'")
        refused = run_cli("serve", "--listen", "127.0.0.1:0", "--data", server.data)
        assert refused.returncode == 1 and "no longer kept" in refused.stderr, refused
        assert "orders.db" in refused.stderr and "restore DIR --force" in refused.stderr, refused
        shutil.rmtree(server.data)
        shutil.copytree(good, server.data)
        server.start()


def staff_of(server):
    user, client = server.sign_up(), server.client()
    assert run_cli("users", "grant", user.email, "catalogue", "--data", server.data).returncode == 0
    expect(client.post("/api/users/signin", {"email": user.email, "password": TEST_PASSWORD}), 200)
    return client


def test_who_begins_to_listen_later_begins_where_it_may_with_what_is_kept():
    """As a version of mail that did not listen to the catalogue yet has left it."""
    with Server() as server:
        staff = staff_of(server)
        venue = expect(staff.post("/api/venues", {"name": "Hall", "city": "Bonn", "country": "DE",
                                                  "timeZone": "Europe/Berlin"}), 201).json
        show = expect(staff.post("/api/shows", {"venueId": venue["id"], "title": "Mono Lake", "category": "music",
                                                "startsAt": "2099-07-01T19:30"}), 201).json
        wait_quiet(server)
        server.stop()
        age(server.data, services=("catalogue",))
        server.start()
        wait_removed(server, ("catalogue",))
        server.stop()
        for table in ("shows", "bus_positions WHERE source = 'catalogue'"):
            write(server.data, "mail", f"DELETE FROM {table}")
        server.start()
        expect(staff_of(server).post(f"/api/shows/{show['id']}/postpone", {"reason": "illness"}), 200)
        wait_for(lambda: rows(server.data, "mail", "SELECT status FROM shows") == [("postponed",)], 20, "the show")
        server.stop()
        write(server.data, "entries", "DELETE FROM bus_positions WHERE source = 'catalogue'")
        refused = run_cli("serve", "--listen", "127.0.0.1:0", "--data", server.data)
        assert refused.returncode == 1 and "entries.db" in refused.stderr, refused
        write(server.data, "entries", "INSERT INTO bus_positions (source, seq) VALUES ('catalogue', ?)",
              (last(server.data, "catalogue"),))
        server.start()


def test_a_backup_of_a_market_whose_events_went_goes_on():
    server = market()
    with contextlib.closing(Closing(server)):
        server.start()
        wait_removed(server)
        copy, data = (os.path.join(server.folder, name) for name in ("backup", "restored"))
        done = run_cli("backup", copy, "--data", server.data)
        assert done.returncode == 0, done
        done = run_cli("restore", copy, "--data", data)
        assert done.returncode == 0, done
        with Server(data=data) as other:
            buyer = other.sign_up()
            ticket = create_ticket(other.as_user())["id"]
            order = reserve(buyer, ticket)
            wait_ticket(buyer, ticket, order["id"])
            assert get_order(buyer, order["id"])["status"] == "created"
            buy(other.sign_up(), create_ticket(other.as_user())["id"])
            wait_quiet(other)
            check_books(other)


def make_older(data, ids, days=40):
    """As if those tickets and orders had been made so much earlier, wherever they are spoken of."""
    for name in sorted(os.listdir(data)):
        if not name.endswith(".db"):
            continue
        with contextlib.closing(sqlite3.connect(os.path.join(data, name))) as db, db:
            tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' "
                                                   "AND name NOT LIKE 'sqlite%' AND name <> 'audit'")]
            columns = [(table, column[1]) for table in tables
                       for column in db.execute(f"PRAGMA table_info({table})") if column[2] == "TEXT"]
            for table, column in columns:
                for id, old in ids.items():
                    db.execute(f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?) "
                               f"WHERE INSTR({column}, ?)", (id, old, id))


def older(id, days=40):
    return f"{int(id[:8], 16) - days * 24 * 3600:08x}{id[8:]}"


KEPT = (("expiration", "timers", "order_id"), ("tickets", "order_versions", "order_id"),
        ("orders", "ticket_copies", "id"), ("payments", "order_copies", "id"))


def kept(data):
    """What each service still holds of the others' tickets and orders."""
    return {table: {row[0] for row in rows(data, service, f"SELECT {key} FROM {table}")}
            for service, table, key in KEPT}


def publish(server, subject, payload):
    done = run_cli("events", "publish", subject, payload, "--data", server.data)
    assert done.returncode == 0, done


class OldMarket:
    """Purchases and what else becomes of tickets, 40 days ago: names → ids."""

    def __init__(self, server):
        self.server, self.ids = server, {}
        buyer, seller = server.as_user(), server.as_user()
        for name in ("sold", "cancelled", "declined", "on sale", "down", "open"):
            self.ids[name] = create_ticket(seller, name)["id"]
        self.payment = None
        self.ids["sold order"] = reserve(buyer, self.ids["sold"])["id"]
        self.payment = pay(buyer, self.ids["sold order"])["id"]
        wait_order(buyer, self.ids["sold order"], "complete")
        for name in ("cancelled", "declined"):
            order = self.ids[f"{name} order"] = reserve(buyer, self.ids[name])["id"]
            if name == "declined":
                expect(try_pay(buyer, order, "tok_chargeDeclined"), 402)
            expect(buyer.delete(f"/api/orders/{order}"), 204)
        self.ids["open order"] = reserve(buyer, self.ids["open"])["id"]
        wait_quiet(server)
        expect(seller.delete(f"/api/tickets/{self.ids['down']}"), 204)
        wait_quiet(server)
        server.stop()
        make_older(server.data, {id: older(id) for id in self.ids.values()})
        self.ids = {name: older(id) for name, id in self.ids.items()}
        server.start()
        self.buyer = server.as_user(buyer.user_id)

    def names(self, ids):
        return {name for name, id in self.ids.items() if id in ids}

    def wait_forgotten(self):
        wait_for(lambda: self.ids["sold"] not in kept(self.server.data)["ticket_copies"] and
                 self.ids["cancelled order"] not in kept(self.server.data)["order_copies"] and
                 self.ids["sold order"] not in kept(self.server.data)["order_versions"] and
                 self.ids["sold order"] not in kept(self.server.data)["timers"], 20,
                 "what is over to be forgotten")


def test_what_services_know_of_others_goes_when_it_is_over_and_old():
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        held = {table: old.names(ids) for table, ids in kept(server.data).items()}
        assert held == {
            "timers": {"open order"}, "order_versions": {"open order"},
            "ticket_copies": {"cancelled", "declined", "on sale", "down", "open"},
            "order_copies": {"sold order", "declined order", "open order"}}, held
        # What was not over goes on; what is over is shown as ever.
        pay(old.buyer, old.ids["open order"])
        wait_order(old.buyer, old.ids["open order"], "complete")
        assert get_order(old.buyer, old.ids["sold order"])["status"] == "complete"
        assert get_ticket(old.buyer, old.ids["sold"]).get("sold")
        refused = old.buyer.post("/api/orders", {"ticketId": old.ids["sold"]})
        assert refused.status == 400 and b"Ticket is already reserved" in refused.body, refused
        refused = old.buyer.post("/api/orders", {"ticketId": old.ids["down"]})
        assert refused.status == 410, refused
        buy(old.buyer, old.ids["on sale"])
        wait_quiet(server)
        done = run_cli("payments", "audit", "--data", server.data)
        assert done.returncode == 0, done
        check_books_but_forgotten(server)


def test_money_that_goes_back_after_a_year_frees_its_ticket():
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        done = run_cli("payments", "refund", old.payment, "--data", server.data)
        assert done.returncode == 0, done
        wait_order(old.buyer, old.ids["sold order"], "cancelled")
        ticket = wait_ticket(old.buyer, old.ids["sold"], None)
        assert not ticket.get("sold"), ticket
        buy(server.as_user(), old.ids["sold"])
        wait_quiet(server)
        check_books_but_forgotten(server)


def test_money_that_comes_after_a_year_sells_its_ticket():
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        order = old.ids["cancelled order"]
        publish(server, "payment:created",
                json.dumps({"id": older("f" * 24), "orderId": order, "stripeId": "ch_late"}))
        wait_order(old.buyer, order, "complete")
        ticket = wait_ticket(old.buyer, old.ids["cancelled"], order)
        wait_quiet(server)
        assert get_ticket(old.buyer, old.ids["cancelled"]).get("sold"), ticket
        check_books_but_forgotten(server)


def test_an_old_event_that_comes_again_does_nothing():
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        payloads = [(subject, payload) for source in ("orders", "tickets") for subject, payload in rows(
            server.data, source, "SELECT subject, payload FROM outbox WHERE subject LIKE 'order:%' "
            "OR subject LIKE 'ticket:%' ORDER BY seq")]
        before = rows(server.data, "tickets", "SELECT id, version, order_id, sold FROM tickets ORDER BY id")
        for subject, payload in payloads:
            publish(server, subject, payload)
        wait_quiet(server)
        after = rows(server.data, "tickets", "SELECT id, version, order_id, sold FROM tickets ORDER BY id")
        assert after == before, (before, after)
        refused = old.buyer.post("/api/payments", {"token": "tok_visa",
                                                       "orderId": old.ids["cancelled order"]})
        assert refused.status == 404, refused
        check_books_but_forgotten(server)


def publish_of_order(server, subject, id, version, **rest):
    publish(server, subject, json.dumps({"id": id, "version": version, **rest}))


def test_of_an_order_that_may_be_forgotten_no_event_waits_for_one_that_was_taken_for_seen():
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        order = old.ids["cancelled order"]
        common = {"ticket": {"id": old.ids["cancelled"]}}
        update = {"expiresAt": "2026-01-01T00:00:00.000Z", "status": "cancelled", **common}
        publish_of_order(server, "order:updated", order, 13, **update)
        wait_quiet(server)
        # What tickets and what expiration takes up again, after it took 13 for seen.
        publish_of_order(server, "order:cancelled", order, 12, **common)
        publish_of_order(server, "order:updated", order, 11, **{**update, "status": "created"})
        publish_of_order(server, "order:updated", order, 15, **update)
        wait_quiet(server)
        check_books_but_forgotten(server)


def test_what_overtook_an_end_is_known_until_that_came():
    """A completion that came before the cancellation that it undid: the ticket stays sold."""
    server = Server().start()
    with contextlib.closing(Closing(server)):
        old = OldMarket(server)
        old.wait_forgotten()
        order, ticket, mark = old.ids["open order"], old.ids["open"], older(new_id())
        common = {"ticket": {"id": ticket}}
        publish_of_order(server, "order:completed", order, 2, userId="somebody",
                         ticket={"id": ticket, "price": 20, "title": "open"})
        publish_of_order(server, "order:cancelled", mark, 0, ticket={"id": old.ids["on sale"]})
        wait_for(lambda: get_ticket(old.buyer, ticket).get("sold"), 20, "the ticket to be sold")
        server.restart()  # what is over is looked for at the start
        wait_for(lambda: mark not in kept(server.data)["order_versions"], 20, "what is over to be forgotten")
        publish_of_order(server, "order:cancelled", order, 1, **common)
        wait_quiet(server)
        assert get_ticket(server.client(), ticket).get("sold"), get_ticket(server.client(), ticket)


def check_books_but_forgotten(server):
    """No event is dead, each ticket has the order that has it, and each copy there is is so."""
    state = expect(server.monitor().get("/streaming"), 200).json
    assert state["dead_letter_count"] == 0, state["dead_letters"]
    live = dict(rows(server.data, "orders", "SELECT ticket_id, id FROM orders WHERE status <> 'cancelled'"))
    held = dict(rows(server.data, "tickets", "SELECT id, order_id FROM tickets WHERE order_id IS NOT NULL"))
    assert live == held, (live, held)
    copies = set(rows(server.data, "orders", "SELECT id, version, price_cents FROM ticket_copies"))
    tickets = set(rows(server.data, "tickets", "SELECT id, version, price_cents FROM tickets"))
    assert copies <= tickets, copies - tickets


class Closing:
    """Ends a server that may be stopped already."""

    def __init__(self, server):
        self.server = server

    def close(self):
        self.server.discard()
