"""Proves who may look at the program's figures, and where: on a listener of its own, whatever a proxy
before the public one sends, and never by a page of somebody else's."""

import os
import re

from boxoffice import Server, create_ticket, new_id, run_cli
from check import Cases, expect, expect_not_found, wait_for
from client import RawConnection

FIGURES = ["/metrics", "/streaming", "/streaming/serverz", "/streaming/storez", "/streaming/clientsz",
           "/streaming/clientsz?subs=1", "/streaming/channelsz", "/streaming/channelsz?subs=1"]

# The fields of NATS Streaming's monitoring (nats-streaming-server 0.25, server/monitor.go), each with the
# type its tools decode it into. What is there beyond them they pass over.
PAGE = {"cluster_id": str, "server_id": str, "now": str, "offset": int, "limit": int, "count": int,
        "total": int}
SERVERZ = {"cluster_id": str, "server_id": str, "version": str, "go": str, "state": str, "now": str,
           "start_time": str, "uptime": str, "clients": int, "subscriptions": int, "channels": int,
           "total_msgs": int, "total_bytes": int, "in_msgs": int, "in_bytes": int, "out_msgs": int,
           "out_bytes": int, "open_fds": int, "max_fds": int}
STOREZ = {"cluster_id": str, "server_id": str, "now": str, "type": str, "limits": dict,
          "total_msgs": int, "total_bytes": int}
LIMITS = {"max_channels": int, "max_msgs": int, "max_bytes": int, "max_age": int,
          "max_subscriptions": int, "max_inactivity": int}
CHANNEL = {"name": str, "msgs": int, "bytes": int, "first_seq": int, "last_seq": int}
SUBSCRIPTION = {"client_id": str, "inbox": str, "ack_inbox": str, "durable_name": str,
                "queue_name": str, "is_durable": bool, "is_offline": bool, "max_inflight": int,
                "ack_wait": int, "last_sent": int, "pending_count": int, "is_stalled": bool}


def expect_shape(value, shape):
    for field, kind in shape.items():
        assert type(value.get(field)) is kind, f"{field}: {value}"


def expect_subscriptions(subs):
    for sub in subs:
        expect_shape(sub, SUBSCRIPTION)


def test_the_public_listener_shows_no_figures(server):
    """Whatever headers the plainest or the oddest proxy sends: from loopback, forwarded, or not."""
    sent = [{}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"},
            {"X-Forwarded-For": "?"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"},
            {"Host": "127.0.0.1:8222"}, {"X-Forwarded-Host": "127.0.0.1:8222"}]
    with Cases() as case, Server(env={"TRUSTED_PROXIES": "127.0.0.1"}) as trusting:
        for one in (server, trusting):
            for path in FIGURES:
                for headers in sent:
                    with case(f"{path} {headers}"):
                        expect_not_found(one.client().get(path, headers=headers))


def test_the_listener_of_monitoring_shows_figures_and_health_and_nothing_else(server):
    monitor = server.monitor()
    with Cases() as case:
        for path in [*FIGURES, "/healthz", "/readyz"]:
            with case(path):
                answer = monitor.get(path, headers={"X-Forwarded-For": "203.0.113.9"})
                assert answer.status == 200, answer
        for path in ("/", "/signin", "/api/tickets", "/api/openapi.json", "/nothing",
                     "/streaming/dead", "/operator/audit-log"):
            with case(path):
                answer = monitor.get(path, headers={"Accept": "text/html"})
                assert answer.status == 404, answer
        with case("changing something"):
            expect_not_found(monitor.post("/streaming/publish", {"subject": "a", "data": {}}))
            expect_not_found(monitor.post("/api/users/signin", {}))


def test_a_page_of_somewhere_else_whose_name_means_this_machine_sees_no_figures(server):
    """DNS rebinding: the browser's Host is the page's name."""
    monitor = server.monitor()
    with Cases() as case:
        for host in ("evil.example", "evil.example:8222", "localhost.evil.example", "127.0.0.1.nip.io",
                     "evil.example.", "local.example"):
            with case(host):
                answer = monitor.get("/metrics", headers={"Host": host})
                assert answer.status == 421 and answer.json["errors"][0]["code"] == "misdirected"
                assert monitor.get("/nothing", headers={"Host": host}).status == 421
        for host in ("127.0.0.1", "127.0.0.1:8222", "[::1]:8222", "localhost", "LOCALHOST:1",
                     "boxoffice:8222", "auth-depl.local", "orders.boxoffice.internal:8222",
                     "10.1.2.3:8222", "[fd00::1]"):
            with case(host):
                expect(monitor.get("/streaming", headers={"Host": host}), 200)


def test_dead_letters_are_told_without_what_they_carry(server):
    secret = f"somebody-{new_id()}@example.test"
    subject = f"test:{new_id()}"
    server.publish(subject, {"email": secret})
    letters = wait_for(lambda: [letter for letter in server.monitor().get("/streaming").json["dead_letters"]
                                if letter["subject"] == subject])
    assert letters[0]["reason"] and "payload" not in letters[0], letters
    with Cases() as case:
        for path in FIGURES:
            with case(path):
                assert secret.encode() not in server.monitor().get(path).body


def test_monitoring_listens_where_it_is_told_and_a_busy_place_is_named(server):
    with Server(env={"MONITORING_LISTEN": "127.0.0.2:0"}) as other:
        line = other.first_line(2)
        assert line.startswith("monitoring on http://127.0.0.2:"), line
        port = int(line.rsplit(":", 1)[1])
        with RawConnection("127.0.0.2", port) as raw:
            raw.send(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert raw.read_answer().status == 200
        data = os.path.join(server.folder, "busy")
        done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", data,
                       env={"MONITORING_LISTEN": f"127.0.0.2:{port}"})
        assert done.returncode == 1 and "MONITORING_LISTEN" in done.stderr, done
        assert f"127.0.0.2:{port}" in done.stderr and "in use" in done.stderr, done


def test_figures_are_to_be_had_while_the_public_is_too_many():
    with Server(env={"CONNECTIONS_PER_ADDRESS": "5"}) as server:
        crowd = [server.raw() for _ in range(5)]
        try:
            wait_for(lambda: server.client().get("/api/tickets").status == 429)
            assert server.monitor().get("/metrics").status == 200
        finally:
            for raw in crowd:
                raw.close()


def test_serverz_and_storez_are_as_nats_streaming_has_them():
    """A program of the test's own: what it counts is known."""
    with Server() as server:
        monitor = server.monitor()
        before = expect(monitor.get("/streaming/serverz"), 200).json
        with server.listen("serverz:test") as listener:
            server.publish("serverz:test", '{"x":"ä"}')
            listener.wait_count(1)
            server_now = expect(monitor.get("/streaming/serverz"), 200).json
        store = expect(monitor.get("/streaming/storez"), 200).json
    expect_shape(before, SERVERZ)
    assert re.fullmatch(r"(\d+h)?(\d+m)?\d+s", before["uptime"]), before
    length = len('{"x":"ä"}'.encode())
    for field, more in (("total_msgs", 1), ("total_bytes", length), ("in_msgs", 1), ("in_bytes", length),
                        ("out_msgs", 1), ("out_bytes", length), ("clients", 1), ("subscriptions", 1)):
        assert server_now[field] == before[field] + more, (field, before, server_now)
    assert 0 < server_now["open_fds"] <= server_now["max_fds"]
    expect_shape(store, STOREZ)
    expect_shape(store["limits"], LIMITS)
    assert store["total_msgs"] == server_now["total_msgs"], store
    assert store["total_bytes"] == server_now["total_bytes"], store


def test_channelsz_is_as_nats_streaming_has_it(server):
    subject = f"channelsz:{new_id()}"
    server.publish(subject, {"n": 1})
    server.publish(subject, {"n": 2})
    monitor = server.monitor()
    with Cases() as case:
        with case("names alone"):
            names = expect(monitor.get("/streaming/channelsz?limit=2000"), 200).json
            expect_shape(names, PAGE)
            assert "channels" not in names and names["names"] == sorted(names["names"]), names
            assert {subject, "ticket:created", "payment:created"} <= set(names["names"])
            assert names["count"] == names["total"] == len(names["names"]) and names["offset"] == 0
            assert names["limit"] == 2000
        with case("subs=1"):
            full = expect(monitor.get("/streaming/channelsz?subs=1&limit=2000"), 200).json
            expect_shape(full, PAGE)
            assert "names" not in full
            assert [channel["name"] for channel in full["channels"]] == names["names"]
            for channel in full["channels"]:
                expect_shape(channel, CHANNEL)
                expect_subscriptions(channel["subscriptions"])
        with case("one page"):
            page = expect(monitor.get("/streaming/channelsz?offset=2&limit=3"), 200).json
            assert page["names"] == names["names"][2:5], page
            assert (page["offset"], page["limit"], page["count"]) == (2, 3, 3), page
            assert page["total"] == names["total"]
        with case("the default, and what is no number"):
            for query in ("", "?limit=0", "?limit=-1", "?limit=x&offset=-3"):
                page = expect(monitor.get("/streaming/channelsz" + query), 200).json
                assert page["limit"] == 1024 and page["offset"] == 0, page
        with case("beyond the end"):
            page = expect(monitor.get("/streaming/channelsz?offset=999999999999"), 200).json
            assert page["count"] == 0 and page["names"] == [], page
        with case("one alone"):
            one = expect(monitor.get(f"/streaming/channelsz?channel={subject}"), 200).json
            expect_shape(one, CHANNEL)
            assert "subscriptions" not in one and one["msgs"] == 2 and one["bytes"] == 14, one
            one = expect(monitor.get(f"/streaming/channelsz?channel={subject}&subs=1"), 200).json
            assert one["subscriptions"] == [], one
            expect_not_found(monitor.get("/streaming/channelsz?channel=none-of-that-name"))


def figures(server, subject):
    channel = server.channel(subject)
    return {field: channel[field] for field in CHANNEL}


def test_channels_are_counted_whole_whenever_and_however_the_program_ended():
    """More events than are counted at a time, and some beyond."""
    with Server(env={"LISTINGS_PER_MINUTE": "0"}) as server:
        seller = server.as_user()
        for _ in range(300):
            create_ticket(seller)
        before = figures(server, "ticket:created")
        assert before["msgs"] == before["last_seq"] == 300 and before["first_seq"] == 1, before
        server.kill()
        server.start()
        assert figures(server, "ticket:created") == before
        server.restart()
        create_ticket(server.as_user())
        after = figures(server, "ticket:created")
        assert after["msgs"] == after["last_seq"] == 301 and after["first_seq"] == 1, after
        assert after["bytes"] * 300 == before["bytes"] * 301, (before, after)


def test_clientsz_is_as_nats_streaming_has_it(server):
    monitor = server.monitor()
    subject = f"clientsz:{new_id()}"
    with server.listen(subject, "--manual-ack", "--max-in-flight", "1", "--ack-wait", "600") as listener, \
            Cases() as case:
        me = listener.client_id
        server.publish(subject, {"n": 1})
        server.publish(subject, {"n": 2})
        listener.wait_count(1)
        with case("all of them"):
            full = expect(monitor.get("/streaming/clientsz?limit=2000"), 200).json
            expect_shape(full, PAGE)
            ids = [client["id"] for client in full["clients"]]
            assert ids == sorted(ids) and {"orders", me} <= set(ids), ids
            assert full["count"] == full["total"] == len(ids)
            for client in full["clients"]:
                expect_shape(client, {"id": str, "hb_inbox": str})
                assert "subscriptions" not in client, client
        with case("one page"):
            page = expect(monitor.get("/streaming/clientsz?offset=1&limit=2"), 200).json
            assert [client["id"] for client in page["clients"]] == ids[1:3], page
        with case("one alone"):
            one = expect(monitor.get(f"/streaming/clientsz?client={me}"), 200).json
            assert one["id"] == me and "subscriptions" not in one, one
        with case("its subscriptions, by channel"):
            one = expect(monitor.get(f"/streaming/clientsz?client={me}&subs=1"), 200).json
            assert list(one["subscriptions"]) == [subject], one
            sub = one["subscriptions"][subject][0]
            expect_subscriptions([sub])
            assert sub["pending_count"] == 1 and sub["is_stalled"] and sub["unsent_count"] == 1, sub
        with case("those of a service"):
            one = expect(monitor.get("/streaming/clientsz?client=orders&subs=1"), 200).json
            assert {"ticket:created", "ticket:updated"} <= set(one["subscriptions"]), one
            for subs in one["subscriptions"].values():
                expect_subscriptions(subs)
        with case("none of that id"):
            expect_not_found(monitor.get("/streaming/clientsz?client=nobody"))
