"""Proves that a purchase is one trace: traceparent in, across events and slow work, and out."""

import contextlib
import http.server
import json
import os
import secrets
import sqlite3
import threading
import time
import urllib.parse

from boxoffice import (Server, cancel, create_ticket, new_id, pay, reserve, run_cli, wait_order,
                       wait_ticket)
from check import expect, wait_for

SERVER = {}

SERVICES = ("auth", "tickets", "orders", "expiration", "payments", "catalogue", "entries", "mail")


class Collector:
    """What spans are sent to: an OTLP/HTTP endpoint that keeps them. patience: seconds before it
    answers."""

    def __init__(self, status=200, patience=None):
        self.bodies = []
        self.paths = set()
        self.release = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.add((self.path, self.headers["Content-Type"]))
                collector.bodies.append(body)
                if patience:
                    collector.release.wait(patience)
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()

    def spans(self, trace=None):
        """(service, span) of everything that came, or of one trace."""
        found = []
        for body in list(self.bodies):
            for resource in json.loads(body)["resourceSpans"]:
                names = {attribute["key"]: attribute["value"]
                         for attribute in resource["resource"]["attributes"]}
                for scope in resource["scopeSpans"]:
                    found += [(names["service.name"]["stringValue"], span)
                              for span in scope["spans"] if trace in (None, span["traceId"])]
        return found

    def names(self, trace):
        return sorted(f"{service}: {span['name']}" for service, span in self.spans(trace))


def metric(server, line):
    """The value of one line of /metrics."""
    for text in server.monitor().get("/metrics").body.decode().splitlines():
        if text.startswith(line + " "):
            return float(text.rsplit(" ", 1)[1])
    return None


# --- what the outboxes keep

def new_traceparent():
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_id(traceparent):
    return traceparent.split("-")[1]


def published(server, trace):
    """(service, subject, traceparent) of the events of a trace."""
    found = []
    for service in SERVICES:
        with sqlite3.connect(f"file:{os.path.join(server.data, service)}.db?mode=ro",
                             uri=True) as db:
            found += [(service, *row) for row in
                      db.execute("SELECT subject, trace FROM outbox WHERE trace LIKE ?",
                                 (f"00-{trace}-%",))]
        db.close()
    return found


def subjects(server, trace):
    return sorted(subject for _, subject, _ in published(server, trace))


class Traced:
    """A client's requests with one traceparent."""

    def __init__(self, client):
        self.client = client
        self.traceparent = new_traceparent()

    def post(self, path, body):
        return self.client.post(path, body, headers={"traceparent": self.traceparent})

    def get(self, path):
        return self.client.get(path)


def test_what_follows_from_an_order_is_in_its_trace(server):
    ticket = create_ticket(server.as_user())
    buyer = Traced(server.as_user())
    order = reserve(buyer, ticket["id"])
    trace = trace_id(buyer.traceparent)
    wait_ticket(server.client(), ticket["id"], order["id"])
    assert subjects(server, trace) == ["order:created", "ticket:updated"]
    pay(buyer, order["id"])
    wait_order(buyer.client, order["id"], "complete")
    whole = sorted(["order:created", "ticket:updated", "payment:pending", "order:updated",
                    "payment:created", "order:completed", "ticket:updated"])
    wait_for(lambda: subjects(server, trace) == whole, 10, lambda: subjects(server, trace))
    spans = [traceparent.split("-")[2] for _, _, traceparent in published(server, trace)]
    assert len(set(spans)) == len(spans), spans
    assert buyer.traceparent.split("-")[2] not in spans


def test_without_one_each_request_begins_a_trace(server):
    first, second = (create_ticket(server.as_user()) for _ in range(2))
    traces = []
    with sqlite3.connect(f"file:{os.path.join(server.data, 'tickets.db')}?mode=ro", uri=True) as db:
        for ticket in (first, second):
            traces += db.execute("SELECT trace FROM outbox WHERE payload LIKE ?",
                                 (f"%{ticket['id']}%",)).fetchone()
    db.close()
    assert trace_id(traces[0]) != trace_id(traces[1])


# --- what a collector gets

PURCHASE = sorted([
    "orders: POST /api/orders", "orders: write /api/orders",
    "tickets: apply order:created", "payments: apply order:created",
    "auth: apply order:created", "expiration: apply order:created", "orders: apply ticket:updated",
    "payments: POST /api/payments", "payments: write /api/payments",
    "payments: call gateway charge", "payments: resolve gateway charge",
    "orders: apply payment:pending", "tickets: apply order:updated",
    "payments: apply order:updated", "expiration: apply order:updated",
    "payments: write /api/payments", "orders: apply payment:created",
    "tickets: apply order:completed", "payments: apply order:completed",
    "expiration: apply order:completed", "orders: apply ticket:updated",
    "mail: apply order:created", "mail: apply order:completed", "entries: apply order:completed",
])


def expect_tree(spans, root):
    """Every span has a parent that is there, or the root; none ends before it began."""
    ids = {span["spanId"] for _, span in spans}
    assert len(ids) == len(spans), "span ids repeat"
    for service, span in spans:
        assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"]), span
        assert span["parentSpanId"] == root or span["parentSpanId"] in ids, (service, span)


def without_web(names):
    return [name for name in names if not name.startswith("web:")]


def recording(collector, **environment):
    return Server({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **environment})


def listed(server, collector):
    """A ticket that orders knows."""
    ticket = create_ticket(server.as_user())
    wait_for(lambda: any(service == "orders" and span["name"] == "apply ticket:created"
                         for service, span in collector.spans()), 10, "orders to know the ticket")
    return ticket


def wait_span(collector, trace, *names):
    wait_for(lambda: set(names) <= set(collector.names(trace)), 10,
             lambda: f"{names} among {collector.names(trace)}")


def wait_purchase(collector, trace):
    wait_for(lambda: without_web(collector.names(trace)) == PURCHASE, 10,
             lambda: f"{PURCHASE}, have {without_web(collector.names(trace))}")


def test_one_purchase_is_one_trace_through_the_services():
    with Collector() as collector, recording(collector) as server:
        ticket = listed(server, collector)
        buyer = Traced(server.as_user())
        trace = trace_id(buyer.traceparent)
        order = reserve(buyer, ticket["id"])
        wait_span(collector, trace, "payments: apply order:created")
        pay(buyer, order["id"])
        wait_purchase(collector, trace)
        wait_span(collector, trace, "web: apply ticket:updated")
        spans = collector.spans(trace)
        # Venues and shows have no part in a purchase.
        assert {service for service, _ in spans} == {*SERVICES, "web"} - {"catalogue"}
        expect_tree(spans, buyer.traceparent.split("-")[2])
        assert collector.paths == {("/v1/traces", "application/json")}


def test_a_payment_joins_the_trace_of_its_order():
    with Collector() as collector, recording(collector) as server:
        ticket = listed(server, collector)
        buyer = Traced(server.as_user())
        trace = trace_id(buyer.traceparent)
        order = reserve(buyer, ticket["id"])
        wait_span(collector, trace, "payments: apply order:created")
        pay(buyer.client, order["id"])  # says nothing of a trace
        wait_purchase(collector, trace)
        expect_tree(collector.spans(trace), buyer.traceparent.split("-")[2])


def submit(client, path, **fields):
    headers = {"Content-Type": "application/x-www-form-urlencoded",
               "Sec-Fetch-Site": "same-origin"}
    answer = client.request("POST", path, raw=urllib.parse.urlencode(fields).encode(),
                            headers=headers)
    assert answer.status == 303, answer
    return answer.headers["Location"]


def test_a_purchase_in_the_browser_is_one_trace():
    with Collector() as collector, recording(collector) as server:
        ticket = listed(server, collector)
        buyer = server.as_user()
        order = submit(buyer, f"/tickets/{ticket['id']}/reserve").split("?")[0].split("/")[-1]
        root = wait_for(lambda: [span for service, span in collector.spans()
                                 if service == "web" and "/reserve" in span["name"]], 10,
                        "the visit")[0]
        trace = root["traceId"]
        assert "parentSpanId" not in root
        wait_span(collector, trace, "payments: apply order:created")
        submit(buyer, f"/orders/{order}/pay", token="tok_visa")
        wait_span(collector, trace, "web: POST /tickets/:id/reserve", "web: POST /orders/:id/pay",
                  "orders: POST /api/orders", "payments: POST /api/payments",
                  "payments: call gateway charge", "tickets: apply order:completed",
                  "expiration: apply order:completed", "orders: apply payment:created",
                  "payments: apply order:completed")
        spans = [(service, span) for service, span in collector.spans(trace)
                 if span["spanId"] != root["spanId"]]
        ids = {span["spanId"] for _, span in spans} | {root["spanId"]}
        assert all(span["parentSpanId"] in ids for _, span in spans), spans


# --- boxoffice trace -----------------------------------------------------------------------------

def life_of(server, order, code=0):
    """(subject, service) of the lines that `boxoffice trace` prints, and the traces."""
    done = run_cli("trace", order, "--data", server.data)
    assert done.returncode == code, done
    lines = [line.split() for line in done.stdout.splitlines()[1:]]
    texts = [[word for word in line if ":" in word and not word[0].isdigit()] for line in lines]
    services = [next(word for word in line if word in SERVICES) for line in lines]
    traces = {line[-1] for line in lines if len(line[-1]) == 32}
    return [(subject, service) for (subject,), service in zip(texts, services)], traces


def test_the_life_of_an_order_can_be_read_while_serving_and_after():
    with Server() as server:
        ticket = create_ticket(server.as_user())
        buyer = Traced(server.as_user())
        order = reserve(buyer, ticket["id"])
        wait_ticket(server.client(), ticket["id"], order["id"])
        pay(buyer, order["id"])
        wait_order(buyer.client, order["id"], "complete")
        whole = {("order:created", "orders"), ("ticket:updated", "tickets"),
                 ("payment:pending", "payments"), ("order:updated", "orders"),
                 ("payment:created", "payments"), ("order:completed", "orders")}
        wait_for(lambda: len(life_of(server, order["id"])[0]) == 7, 10,
                 lambda: life_of(server, order["id"]))
        lines, traces = life_of(server, order["id"])
        assert lines[0] == ("order:created", "orders") and set(lines) == whole, lines
        assert traces == {trace_id(buyer.traceparent)}
        server.stop()
        assert life_of(server, order["id"]) == (lines, traces)
        server.start()


def test_the_ticket_that_became_free_is_part_of_the_life(server):
    ticket = create_ticket(server.as_user())
    buyer = server.as_user()
    order = reserve(buyer, ticket["id"])
    wait_ticket(server.client(), ticket["id"], order["id"])
    cancel(buyer, order["id"])
    wait_ticket(server.client(), ticket["id"], None)
    lines, _ = life_of(server, order["id"])
    assert sorted(lines) == [("order:cancelled", "orders"), ("order:created", "orders"),
                             ("ticket:updated", "tickets"), ("ticket:updated", "tickets")], lines


def test_a_rush_has_no_traces_and_yet_a_life():
    with Server({"TRACES_PER_SECOND": "0"}) as server:
        ticket = create_ticket(server.as_user())
        buyer = server.as_user()
        order = reserve(buyer, ticket["id"])
        wait_ticket(server.client(), ticket["id"], order["id"])
        cancel(buyer, order["id"])
        wait_ticket(server.client(), ticket["id"], None)
        lines, traces = life_of(server, order["id"])
        assert len(lines) == 4 and lines[-1] == ("ticket:updated", "tickets"), lines
        assert not traces


def test_an_order_nobody_knows_has_no_life(server):
    done = run_cli("trace", new_id(), "--data", server.data)
    assert done.returncode == 1 and "no event names the order" in done.stderr, done
    for words in (("trace",), ("trace", "17"), ("trace", new_id(), "more")):
        done = run_cli(*words)
        assert done.returncode == 2 and "24 hex digits" in done.stderr, done
    done = run_cli("trace", new_id(), "--data", "/nonexistent")
    assert done.returncode == 1 and "no databases" in done.stderr, done


# --- when the collector is no help ---------------------------------------------------------------

def test_a_slow_collector_costs_spans_and_nothing_else():
    with Collector(patience=60) as collector, \
            recording(collector, TRACES_PER_SECOND="100000") as server:
        client = server.client()

        def dropped():
            for _ in range(500):
                expect(client.get("/api/users/currentuser"), 200)
            return metric(server, 'boxoffice_spans_total{result="dropped"}')
        wait_for(dropped, 20, "spans to be dropped")
        wait_for(lambda: metric(server, 'boxoffice_spans_total{result="failed"}'), 10, "failures")


def test_a_collector_that_is_not_there_is_counted():
    with Server({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as server:
        expect(server.client().get("/api/tickets"), 200)
        wait_for(lambda: metric(server, 'boxoffice_spans_total{result="failed"}'), 10, "failures")
        assert metric(server, 'boxoffice_spans_total{result="exported"}') == 0


def test_the_last_spans_are_sent_at_the_end():
    with Collector() as collector, recording(collector) as server:
        traceparent = new_traceparent()
        answer = server.client().get("/api/tickets", headers={"traceparent": traceparent})
        expect(answer, 200)
        server.stop()
        (service, span), = collector.spans(trace_id(traceparent))
        values = {a["key"]: a["value"] for a in span["attributes"]}
        assert (service, span["kind"]) == ("tickets", 2)
        assert span["parentSpanId"] == traceparent.split("-")[2]
        assert values["http.route"] == {"stringValue": "/api/tickets"}
        assert values["http.response.status_code"] == {"intValue": "200"}
        assert values["boxoffice.request_id"] == {"stringValue": answer.headers["X-Request-Id"]}
        server.start()


# --- what is recorded ----------------------------------------------------------------------------

def test_a_client_that_says_not_to_record_is_not_recorded():
    with Collector() as collector, recording(collector) as server:
        quiet = new_traceparent()[:-2] + "00"
        loud = new_traceparent()
        for traceparent in (quiet, loud):
            expect(server.client().get("/api/tickets", headers={"traceparent": traceparent}), 200)
        wait_for(lambda: collector.spans(trace_id(loud)), 10, "the other")
        assert not collector.spans(trace_id(quiet))


def test_a_rate_bounds_what_is_recorded():
    """Also what clients ask for: nobody makes the program record more than it was told to."""
    with Collector() as collector, recording(collector, TRACES_PER_SECOND="0") as server:
        for _ in range(5):
            expect(server.client().get("/api/tickets"), 200)
            expect(server.client().get("/api/tickets", headers={"traceparent": new_traceparent()}), 200)
    assert not collector.spans()
    with Collector() as collector, recording(collector, TRACES_PER_SECOND="1") as server:
        client, started = server.client(), time.monotonic()
        for _ in range(300):
            expect(client.get("/api/tickets", headers={"traceparent": new_traceparent()}), 200)
        seconds = time.monotonic() - started
    traces = {span["traceId"] for _, span in collector.spans()}
    loops = max(1, (os.cpu_count() or 1) // 2)
    assert 1 <= len(traces) <= loops * (seconds + 3), (len(traces), seconds)


def test_bad_settings_stop_the_start():
    for name, value in (("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
                        ("TRACES_PER_SECOND", "many"), ("TRACES_PER_SECOND", "100001")):
        done = run_cli("serve", "--listen", "127.0.0.1:0", env={name: value})
        assert done.returncode != 0 and name in done.stderr, (name, done)
