"""Proves what the operator's side of the bus promises: groups, takeovers, replays, limits, who may
look, and the commands beside serve.

Speaks to the control socket itself where the command line would be too slow or too careful.
"""

import contextlib
import glob
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import tempfile

from boxoffice import Server, clean_environment, command, new_id, run_cli
from check import TIME, Cases, Skip, expect, expect_not_found, freeze, stays, wait_for
from client import Client

PARALLEL = 6

SUBJECTS = ["user:created", "user:updated", "reset:requested", "address:requested", "address:changed", "device:added", "factor:changed",
            "password:changed", "session:ended", "session:extended",
            "ticket:created", "ticket:updated", "ticket:closed",
            "listing:created", "listing:updated", "offers:updated", "order:created",
            "order:updated", "order:cancelled", "order:completed", "expiration:complete",
            "payment:pending", "payment:created", "payment:failed", "payment:rejected",
            "payment:refunded", "payment:refund_failed",
            "venue:created", "venue:updated", "show:created", "show:updated", "entry:created", "entry:updated",
            "entry:admitted", "transfer:created", "transfer:updated"]


class Control(http.client.HTTPConnection):
    """HTTP over a server's control socket."""

    def __init__(self, server):
        super().__init__("boxoffice")
        self.path = os.path.join(server.data, "control.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        """(status, JSON) of one request."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        self.request(method, path, text and text.encode(), headers)
        answer = self.getresponse()
        return answer.status, json.loads(answer.read())

    def publish(self, subject, data):
        status, answer = self.ask("POST", "/streaming/publish", {"subject": subject, "data": data})
        assert status == 201, answer
        return answer

    def publish_raw(self, subject, text):
        return self.ask("POST", "/streaming/publish", f'{{"subject":"{subject}","data":{text}}}')


class Stream:
    """A listener without the command line: reads only when told."""

    def __init__(self, server, query):
        self.control = Control(server)
        self.control.request("GET", "/streaming/listen?" + query)
        self.answer = self.control.getresponse()
        self.id = json.loads(self.answer.readline())["subscription"] \
            if self.answer.status == 200 else None

    def next(self):
        return json.loads(self.answer.readline())

    def close(self):
        self.answer.close()
        self.control.close()


def sequences(listener):
    return [message["sequence"] for message in list(listener.messages)]


def subject_of(test):
    """A subject that no other test uses; the catalogue does not have it."""
    return f"test:{test}:{new_id()[:8]}"


# --- groups

def test_unacknowledged_messages_of_a_member_that_left_go_to_others(server):
    subject = subject_of("left")
    control = Control(server)
    options = ("--queue-group", "workers", "--manual-ack", "--ack-wait", "600")
    with server.listen(subject, *options) as stays_on:
        with server.listen(subject, *options) as leaves:
            sent = [control.publish(subject, {"n": n})["sequence"] for n in range(10)]
            wait_for(lambda: len(leaves.messages) + len(stays_on.messages) == 10)
            lost = sequences(leaves)
            assert lost and sequences(stays_on), "one member got everything"
            for message in list(stays_on.messages):
                stays_on.acknowledge(message)
        wait_for(lambda: len(stays_on.messages) == 10, 10, "what the other had")
        again = [message for message in stays_on.messages if message["redelivered"]]
        assert sorted(message["sequence"] for message in again) == sorted(lost)
        assert sorted(sequences(stays_on)) == sorted(sent)
        for message in again:
            stays_on.acknowledge(message)
        stays_on.wait_acknowledged()


def test_a_member_that_is_late_loses_its_message_to_another(server):
    subject = subject_of("late")
    query = f"subject={subject}&queue_group=g&manual_ack=1&ack_wait=1"
    one = Stream(server, query + "&max_in_flight=1")
    sequence = Control(server).publish(subject, {})["sequence"]
    assert one.next()["sequence"] == sequence
    two = Stream(server, query)
    third = Control(server).publish(subject, {})["sequence"]  # the first member is at its limit
    assert two.next()["sequence"] == third
    got = [two.next()]
    assert got[0]["sequence"] in (sequence, third) and got[0]["redelivered"] is True
    one.close()
    two.close()


def test_a_durable_queue_group_resumes_with_what_was_not_acknowledged():
    with Server() as server:
        subject = subject_of("resume")
        options = ("--durable", "d", "--queue-group", "g", "--manual-ack", "--ack-wait", "600")
        control = Control(server)
        with server.listen(subject, *options) as listener:
            for n in range(6):
                control.publish(subject, {"n": n})
            messages = listener.wait_count(6)
            for message in messages[1::2]:
                listener.acknowledge(message)
            wait_for(lambda: listener.subscription()["pending_count"] == 3)
        offline = wait_for(lambda: [sub for sub in server.subscriptions(subject)
                                    if sub["is_offline"]], 10, "the server to see it leave")[0]
        assert offline["durable_name"] == "d" and offline["pending_count"] == 3, offline
        server.kill()
        server.start()
        Control(server).publish(subject, {"n": 6})
        with server.listen(subject, *options) as listener:
            wait_for(lambda: len(listener.messages) == 4)
            assert [data["n"] for data in listener.data()] == [0, 2, 4, 6]
            assert [message["redelivered"] for message in listener.messages] == [True] * 3 + [False]


def test_a_durable_name_has_one_listener_the_newest(server):
    subject = subject_of("takeover")
    with server.listen(subject, "--durable", "d") as old:
        Control(server).publish(subject, {"n": 1})
        old.wait_count(1)
        old.wait_acknowledged()
        with server.listen(subject, "--durable", "d") as new:
            assert old.process.wait(60) == 0, "the older one ends in good order"
            assert "another listener took over the durable name" in said(old)
            Control(server).publish(subject, {"n": 2})
            wait_for(lambda: [data["n"] for data in new.data()] == [2])
        assert [data["n"] for data in old.data()] == [1]


def said(listener):
    """What the listener wrote to stderr."""
    with open(listener.log_path, encoding="utf-8") as file:
        return file.read()


def test_a_durable_name_that_is_given_up_is_forgotten_and_its_listener_told(server):
    subject, name = subject_of("giveup"), new_id()
    Control(server).publish(subject, {"n": 1})
    with server.listen(subject, "--durable", name) as listener:
        Control(server).publish(subject, {"n": 2})
        listener.wait_count(1)
        listener.wait_acknowledged()
        shown = run_cli("events", "durables", "--data", server.data)
        assert shown.returncode == 0, shown.stderr
        mine = [one for one in json.loads(shown.stdout) if one["name"] == name]
        assert len(mine) == 1 and mine[0]["subject"] == subject, mine
        assert mine[0]["listeners"] == 1 and mine[0]["pending_count"] == 0, mine
        done = run_cli("events", "unsubscribe", name, "--data", server.data)
        assert done.returncode == 0 and json.loads(done.stdout) == {"forgotten": 1}, done
        assert listener.process.wait(60) == 0
        assert "the durable name was given up" in said(listener)
        assert [data["n"] for data in listener.data()] == [2]
    assert run_cli("events", "unsubscribe", name, "--data", server.data).returncode == 1
    with server.listen(subject, "--durable", name, "--deliver-all") as anew:
        anew.wait_count(2)


def test_durable_names_have_an_end_and_one_given_up_makes_room():
    with Server() as server:
        server.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(server.data, "bus.db"))) as db, db:
            db.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                       "i < 4096) INSERT INTO durables (subject, source, name, queue_group, seq, "
                       "used_at_ms) SELECT 's', 'bus', 'd' || i, '', 0, 0 FROM n")
        server.start()
        refused = Stream(server, "subject=s&durable=one-more").answer
        assert refused.status == 503 and b"events unsubscribe" in refused.read()
        done = run_cli("events", "unsubscribe", "d17", "--subject", "s", "--data", server.data)
        assert done.returncode == 0, done.stderr
        assert Stream(server, "subject=s&durable=one-more").answer.status == 200


def test_a_durable_listener_waits_for_the_server_to_come_back():
    with Server() as server:
        subject = subject_of("back")
        assert run_cli("events", "listen", subject, "--reconnect", "--data",
                       server.data).returncode == 2, "without a name events would be missed"
        with server.listen(subject, "--durable", "d", "--reconnect") as listener:
            server.publish(subject, {"n": 1})
            listener.wait_count(1)
            for n, end in ((2, server.stop), (3, server.kill)):
                # what a server does not know to be acknowledged comes once more
                wait_for(lambda: [sub["pending_count"] for sub in server.subscriptions(subject)] == [0])
                end()
                server.start()
                server.publish(subject, {"n": n})
                listener.wait_count(n)
            assert [data["n"] for data in listener.data()] == [1, 2, 3]
            assert listener.process.poll() is None


def test_a_listener_whose_acknowledgement_meets_no_server_waits_for_it_too():
    with Server() as server:
        subject = subject_of("ack-back")
        with server.listen(subject, "--durable", "d", "--reconnect", "--manual-ack") as listener:
            server.publish(subject, {"n": 1})
            first = listener.wait_count(1)[0]
            freeze(server.process.pid)  # it takes connections and answers none
            listener.acknowledge(first)
            server.kill()
            server.start()
            again = listener.wait_count(2)[1]
            assert again["sequence"] == first["sequence"], again
            listener.acknowledge(again)
            wait_for(lambda: [sub["pending_count"] for sub in server.subscriptions(subject)] == [0])
            assert listener.process.poll() is None


def test_an_empty_name_is_refused(server):
    for option in ("--durable", "--queue-group"):
        done = run_cli("events", "listen", "s", option, "", "--data", server.data)
        assert done.returncode == 2 and option in done.stderr, done
    for query in ("subject=s&durable=", "subject=s&queue_group="):
        assert Stream(server, query).answer.status == 400, query


def test_durables_of_other_names_and_groups_are_others(server):
    subject = subject_of("names")
    first = Control(server).publish(subject, {})["sequence"]
    for options in (["--durable", "a"], ["--durable", "b"], ["--durable", "a", "--queue-group", "g"]):
        with server.listen(subject, *options, "--deliver-all") as listener:
            wait_for(lambda: sequences(listener) == [first], 10, options)


def test_what_a_killed_listener_did_not_print_is_not_lost():
    """A durable listener without --manual-ack acknowledges what it has printed, not what it was
    sent: kills at any moment lose nothing."""
    with Server() as server:
        subject = subject_of("killed")
        control = Control(server)
        words = command("events", "listen", subject, "--durable", "d", "--deliver-all", "--data",
                        server.data)
        printed = os.path.join(server.folder, "printed")
        got, sent = set(), set()

        def whole_lines():
            with open(printed, encoding="utf-8") as file:
                return {json.loads(line)["sequence"] for line in file if line.endswith("\n")}
        for turn in range(15):
            with open(printed, "wb") as out:
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out,
                                           env=clean_environment())
            sent |= {control.publish(subject, {"padding": "x" * 500})["sequence"]
                     for _ in range(40)}
            if turn % 3 == 0:  # a slow machine would kill them all before they listen
                wait_for(whole_lines, 10, "it prints")
            process.kill()
            process.wait()
            got |= whole_lines()
        with server.listen(subject, "--durable", "d", "--deliver-all") as listener:
            wait_for(lambda: got | set(sequences(listener)) == sent, 10,
                     lambda: f"lost {sorted(sent - got - set(sequences(listener)))}")


# --- replays

def test_a_long_log_is_replayed_whole_and_in_order(server):
    subject = subject_of("long")
    control = Control(server)
    padding = "x" * 4000
    sent = [control.publish(subject, {"n": n, "padding": padding})["sequence"] for n in range(700)]
    with server.listen(subject, "--deliver-all") as listener:
        wait_for(lambda: len(listener.messages) >= 700, 30)
        assert sequences(listener) == sent
        assert all(not message["redelivered"] for message in listener.messages)
        mine = listener.subscription()
        assert mine["pending_count"] == 0 and mine["unsent_count"] == 0, mine


def test_a_listener_that_does_not_read_holds_up_nobody(server):
    subject = subject_of("stuck")
    stuck = Stream(server, f"subject={subject}")
    control = Control(server)
    padding = "x" * 60000  # few of them: within its ten seconds for a reader the server waits for this one
    with server.listen(subject) as listener:
        for n in range(20):
            control.publish(subject, {"n": n, "padding": padding})
        wait_for(lambda: len(listener.messages) == 20)
        behind = [sub for sub in server.subscriptions(subject) if sub["client_id"] == stuck.id]
        if not behind:
            raise Skip("this machine took longer than the server waits for a reader")
        assert behind[0]["unsent_count"] > 0, "the server wrote it all into its memory"
    assert [stuck.next()["data"]["n"] for _ in range(20)] == list(range(20)), "it goes on"
    stuck.close()


def test_a_subject_among_many_is_found(server):
    """More foreign events than one look at the log covers lie between two of its events."""
    rare, common = subject_of("rare"), subject_of("common")
    control = Control(server)
    first = control.publish(rare, {})["sequence"]
    for _ in range(3):
        control.publish(common, {})
    second = control.publish(rare, {})["sequence"]
    with server.listen(rare, "--deliver-all") as listener:
        wait_for(lambda: sequences(listener) == [first, second])
    with server.listen(rare, "--start-at-seq", str(first + 1)) as listener:
        wait_for(lambda: sequences(listener) == [second])


# --- publishing

def test_any_json_can_be_published_and_comes_out_on_one_line(server):
    subject = subject_of("json")
    control = Control(server)
    texts = ["[1, 2]", '"text"', "5", "null", "true", '{"a": {"b": [1, {"c": " , } "}]}}', "{}",
             '{\n  "spread": "over",\n\t"lines": 1 }', '"\\u00e9 \\" \\\\ \u2603"', "-1.5e3"]
    stream = Stream(server, f"subject={subject}")
    with Cases() as case:
        for text in texts:
            with case(text):
                status, answer = control.publish_raw(subject, text)
                assert status == 201 and answer["subject"] == subject, answer
                message = stream.next()
                assert message["data"] == json.loads(text), message
                assert message["sequence"] == answer["sequence"]
                assert TIME.match(message["time"]) and message["subject"] == subject
    stream.close()


def test_of_a_repeated_member_the_last_counts(server):
    subject = subject_of("repeat")
    stream = Stream(server, f"subject={subject}")
    body = f'{{"data":1,"subject":"{subject}","x":{{"data":2}},"data":[3]}}'
    assert Control(server).ask("POST", "/streaming/publish", body)[0] == 201
    assert stream.next()["data"] == [3]
    stream.close()


def test_bad_publications_are_refused(server):
    control = Control(server)
    with Cases() as case:
        for body, status in [({}, 400), ({"subject": "a"}, 400), ({"data": {}}, 400),
                             ({"subject": "", "data": {}}, 400), ({"subject": 5, "data": {}}, 400),
                             ({"subject": "a b", "data": {}}, 400), ({"subject": "a.*", "data": {}}, 400),
                             ({"subject": "x" * 101, "data": {}}, 400), ([], 400),
                             ({"subject": "a", "data": "x" * 66000}, 413)]:
            with case(str(body)[:60]):
                answer = Control(server).ask("POST", "/streaming/publish", body)
                assert answer[0] == status and answer[1]["errors"][0]["message"], answer
        with case("not JSON"):
            assert control.ask("POST", "/streaming/publish", "{")[0] == 400


def test_a_publisher_is_told_what_the_catalogue_says(server):
    control = Control(server)
    good = {"id": new_id(), "version": 5, "email": "a@example.test", "status": "active"}
    assert "warning" not in control.publish("user:updated", good)
    assert "version" in control.publish("user:updated", {**good, "version": -1})["warning"]
    assert "unknown" in control.publish(subject_of("unknown"), {})["warning"]
    done = server.try_publish("user:updated", {**good, "version": "x"})
    assert done.returncode == 0 and "version" in done.stderr, done


def test_an_unknown_subject_is_a_dead_letter_and_can_be_heard(server):
    subject = subject_of("dead")
    with server.listen(subject) as listener:
        sequence = Control(server).publish(subject, {"n": 1})["sequence"]
        listener.wait_count(1)
    letters = expect(server.monitor().get("/streaming"), 200).json["dead_letters"]
    letter = next(letter for letter in letters if letter["subject"] == subject)
    assert letter["sequence"] == sequence and letter["consumer"] == letter["source"] == "bus", letter
    assert letter["reason"] == "unknown subject" and "payload" not in letter, letter
    assert TIME.match(letter["time"])


def test_events_of_services_that_run_elsewhere_are_delivered():
    with Server(args=["--services", "orders"]) as server:
        ticket_id = new_id()
        server.publish("ticket:created", {"id": ticket_id, "version": 0, "title": "Far", "price": 5,
                                          "userId": "someone"})
        body = {"ticketId": ticket_id}
        buyer = server.as_user()
        order = wait_for(lambda: buyer.post("/api/orders", body).status == 201, 10, "the order")
        assert order


# --- limits and doors

def test_operator_routes_are_not_there_on_the_port(server):
    client = server.client()
    with Cases() as case:
        with case("publish"):
            expect_not_found(client.post("/streaming/publish", {"subject": "a", "data": {}}))
        with case("ack"):
            expect_not_found(client.post("/streaming/ack", {"subscription": "x", "sequence": 1}))
        with case("listen"):
            expect_not_found(client.get("/streaming/listen?subject=a"))


def test_bad_listen_options_are_refused(server):
    with Cases() as case:
        for query in ["", "subject=", "subject=a%20b", "subject=a&ack_wait=0", "subject=a&ack_wait=x",
                      "subject=a&ack_wait=99999999999999999999", "subject=a&max_in_flight=0",
                      "subject=a&max_in_flight=10001", "subject=a&start_at_seq=-1",
                      "subject=a&durable=a%0ab", "subject=a&queue_group=" + "x" * 101]:
            with case(query):
                status, answer = Control(server).ask("GET", "/streaming/listen?" + query)
                assert status == 400 and answer["errors"][0]["message"], answer


def test_acknowledging_what_is_not_there(server):
    control = Control(server)
    ack = "/streaming/ack"
    assert control.ask("POST", ack, {"subscription": "nobody", "sequence": 1})[0] == 404
    stream = Stream(server, f"subject={subject_of('ack')}&manual_ack=1")
    assert control.ask("POST", ack, {"subscription": stream.id, "sequence": 7}) == \
        (200, {"acknowledged": 0})
    for bad in ("7", 1.5, None, [1, "2"]):
        assert control.ask("POST", ack, {"subscription": stream.id, "sequence": bad})[0] == 400
    stream.close()


def test_there_is_an_end_to_listeners():
    with Server() as server:
        streams = [Stream(server, "subject=a") for _ in range(256)]
        assert Stream(server, "subject=a").answer.status == 503
        streams.pop().close()
        wait_for(lambda: Stream(server, "subject=a").answer.status == 200, 10, "a free place")
        Control(server).publish("a", {"n": 1})
        assert all(stream.next()["data"] == {"n": 1} for stream in streams)


# --- the commands

def test_the_catalogue_can_be_printed():
    whole = run_cli("events", "schema")
    assert whole.returncode == 0 and sorted(json.loads(whole.stdout)) == sorted(SUBJECTS), whole
    one = run_cli("events", "schema", "ticket:created")
    assert json.loads(one.stdout) == json.loads(whole.stdout)["ticket:created"]
    assert run_cli("events", "schema", "nonsense").returncode == 2
    document = run_cli("events", "asyncapi")
    assert json.loads(document.stdout)["asyncapi"].startswith("3."), document


def test_the_documents_are_served(server):
    assert expect(server.client().get("/api/openapi.json"), 200).json["openapi"].startswith("3.")
    served = expect(server.client().get("/api/asyncapi.json"), 200).json
    assert served == json.loads(run_cli("events", "asyncapi").stdout)


def test_without_a_server_the_commands_say_so():
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        for words in (["publish", "a", "{}"], ["listen", "a"]):
            done = run_cli("events", *words, "--data", folder)
            assert done.returncode == 1 and done.stdout == "", done
            assert "no server is running" in done.stderr and folder in done.stderr, done
            assert os.listdir(folder) == []


def test_help_of_a_command_goes_to_stdout():
    for words in (["serve"], ["events"], ["events", "publish"], ["events", "listen"]):
        done = run_cli(*words, "--help")
        assert done.returncode == 0 and "usage" in done.stdout and not done.stderr, done


def test_options_may_be_joined_or_apart(server):
    for words in (["--data", server.data], [f"--data={server.data}"]):
        done = run_cli("events", "publish", "a", "{}", *words)
        assert done.returncode == 0 and json.loads(done.stdout)["subject"] == "a", done
        done = run_cli("events", "publish", *words, "a", "{}")
        assert done.returncode == 0, done


def test_a_bad_service_name_is_named_with_the_known_ones():
    done = run_cli("serve", "--services", "auth,nonsense")
    assert done.returncode == 2 and "nonsense" in done.stderr, done
    for name in ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail"):
        assert name in done.stderr, done.stderr


def test_a_listener_ends_well():
    with Server() as server:
        one = server.listen("a")
        one.process.terminate()
        assert one.process.wait(60) == 0
        two = server.listen("a")
        server.stop()
        assert two.process.wait(60) == 0, "the server stopped in good order"
        server.start()
        three = server.listen("a")
        server.kill()
        assert three.process.wait(60) == 1, "the server died"
        server.start()


def test_a_listener_ends_when_nobody_reads_it(server):
    subject = subject_of("unread")
    process = subprocess.Popen(command("events", "listen", subject, "--data", server.data),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=clean_environment())
    wait_for(lambda: server.subscriptions(subject), 10, "the subscription")
    process.stdout.close()
    assert process.wait(60) == 0
    wait_for(lambda: not server.subscriptions(subject), 10, "its end")


def test_lines_that_are_no_sequence_acknowledge_nothing(server):
    subject = subject_of("lines")
    with server.listen(subject, "--manual-ack", "--ack-wait", "600") as listener:
        Control(server).publish(subject, {})
        message = listener.wait_count(1)[0]
        listener.process.stdin.write("x\n\n-1\n99999\n")
        listener.process.stdin.flush()
        stays(lambda: listener.subscription().get("pending_count") == 1, 0.2)
        listener.acknowledge(message)
        listener.wait_acknowledged()


def test_a_data_folder_may_lie_deep():
    with tempfile.TemporaryDirectory(prefix="boxoffice-test-") as folder:
        data = os.path.join(folder, *["a-rather-long-name-of-a-folder"] * 6)
        with Server(data=data) as server:
            server.publish("a", {})


def test_the_log_level_is_checked():
    done = run_cli("serve", "--listen", "127.0.0.1:0", env={"LOG_LEVEL": "loud"})
    assert done.returncode == 1 and re.search("LOG_LEVEL.*debug", done.stderr), done


def test_readiness_says_what_it_is_made_of(server):
    answer = expect(server.client().get("/readyz"), 200).json
    assert answer["ready"] is True and answer["lag"] >= 0, answer
    assert {service["name"] for service in answer["services"]} == \
        {"bus", "auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail", "web"}
    assert all(service["database"] == "open" and service["subscribed"]
               for service in answer["services"]), answer


def test_monitoring_counts(server):
    subject = subject_of("count")
    control = Control(server)
    before = expect(server.monitor().get("/streaming"), 200).json
    with server.listen(subject) as listener:
        for _ in range(3):
            control.publish(subject, {})
        listener.wait_count(3)
        after = expect(server.monitor().get("/streaming"), 200).json
        clients = expect(server.monitor().get("/streaming/clientsz?subs=1"), 200).json["clients"]
        one = expect(server.monitor().get(f"/streaming/channelsz?channel={subject}&subs=1"), 200).json
        me = listener.client_id
    assert after["server_id"] == before["server_id"] and after["version"], after
    assert after["uptime_seconds"] >= before["uptime_seconds"]
    assert TIME.match(after["started"]) and after["total_msgs"] >= before["total_msgs"] + 3
    assert after["clients"] >= 1 and after["channels"] >= len(SUBJECTS)
    assert {"connections_open", "requests_total"} <= set(after["http"])
    assert one["msgs"] == 3 and one["name"] == subject, one
    assert [sub["client_id"] for sub in one["subscriptions"]] == [me]
    mine = next(client for client in clients if client["id"] == me)
    assert mine["subscriptions"][subject][0]["channel"] == subject, mine
    assert {"tickets", "orders", "payments", "expiration"} <= {client["id"] for client in clients}
    expect_not_found(server.monitor().get("/streaming/channelsz?channel=none-of-that-name"))


def test_a_server_with_a_listener_is_idle():
    """A waiting listener costs nothing: neither side polls."""
    with Server() as server, server.listen("a"), \
            server.listen("b", "--durable", "d", "--manual-ack"):
        def waits():
            """How often a thread of the server has gone to sleep."""
            lines = (line for path in glob.glob(f"/proc/{server.process.pid}/task/*/status")
                     for line in open(path, encoding="ascii"))
            return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary"))
        wait_for(lambda: woken(waits) <= IDLE_WAKES_MAX, 30, "nothing wakes it any more")


# In two seconds: a sanitizer's own thread looks up ten times in one, and beside a broker each service's
# connection asks five times whether there is something.
IDLE_WAKES_MAX = 400 if os.environ.get("BOXOFFICE_BUS") == "nats" else 60


def woken(waits):
    before = waits()
    stays(lambda: True, 2)
    return waits() - before
