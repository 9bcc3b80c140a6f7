"""Proves that /metrics is what Prometheus reads, that its figures are true, and that dashboard,
alerts and runbooks speak of figures that exist."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from boxoffice import (Server, buy, cancel, create_ticket, new_id, reserve, run_cli, try_pay,
                       wait_ticket)
from check import Cases, Skip, expect, expect_not_found, wait_for

SERVER = {}
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OBSERVABILITY = os.path.join(ROOT, "deploy", "observability")
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (-?[0-9.e+-]+|\+Inf)$')
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


def promtool(*words, text=None):
    if not shutil.which("promtool"):
        raise Skip("promtool (package prometheus) is not installed")
    return subprocess.run(["promtool", *words], input=text, capture_output=True, text=True,
                          check=False, timeout=60)


def read(server):
    answer = server.monitor().get("/metrics")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.body.decode()


class Figures:
    """One reading of /metrics."""

    def __init__(self, server):
        self.samples = []
        self.families = set()  # also those of which there is nothing to say, as of Redis without Redis
        for line in read(server).splitlines():
            if line.startswith("#"):
                self.families.add(line.split()[2])
                continue
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            self.samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    def sum(self, name, **labels):
        return sum(value for found, have, value in self.samples
                   if found == name and labels.items() <= have.items())

    def names(self):
        found = {name for name, _, _ in self.samples}
        grouped = {re.sub("_(bucket|sum|count)$", "", name) for name in found}
        return found | (self.families - grouped)


def grown(server, before, name, **labels):
    return Figures(server).sum(name, **labels) - before.sum(name, **labels)


# --- the text ------------------------------------------------------------------------------------

def test_promtool_finds_nothing_wrong(server):
    buy(server.as_user(), create_ticket(server.as_user())["id"])
    done = promtool("check", "metrics", text=read(server))
    assert done.returncode == 0 and not done.stderr.strip(), (done.stdout, done.stderr)


def test_no_sample_comes_twice(server):
    lines = [line.rsplit(" ", 1)[0] for line in read(server).splitlines() if line[0] != "#"]
    assert len(set(lines)) == len(lines)


# --- the figures ---------------------------------------------------------------------------------

def test_requests_are_counted_by_route_and_class():
    with Server() as server:
        client = server.client()
        for _ in range(3):
            expect(client.get(f"/api/tickets/{new_id()}"), 404)
        expect(client.get("/api/nowhere"), 404)
        expect(client.post("/api/tickets", {}), 401)
        with server.raw() as raw:
            raw.send(b"nonsense\r\n\r\n")
            raw.read_to_end()
        figures = Figures(server)
        count = "boxoffice_http_requests_total"
        times = "boxoffice_http_request_duration_seconds"
        route = {"service": "tickets", "method": "GET", "route": "/api/tickets/:id"}
        assert figures.sum(count, status="4xx", **route) == 3
        assert figures.sum(times + "_count", **route) == 3
        assert figures.sum(times + "_bucket", le="+Inf", **route) == 3
        assert 0 < figures.sum(times + "_sum", **route) < 3 * 10
        assert figures.sum(count, status="4xx", route="/api/tickets", method="POST") == 1
        assert figures.sum(count, status="4xx", route="") == 2
        assert figures.sum("boxoffice_http_bad_requests_total") == 1


def test_a_writer_counts_its_work(server):
    before = Figures(server)
    ticket = create_ticket(server.as_user())
    buyer = server.as_user()
    order = reserve(buyer, ticket["id"])
    wait_ticket(server.client(), ticket["id"], order["id"])
    for service in ("tickets", "orders"):
        for kind in ("request", "event"):
            wait_for(lambda: grown(server, before, "boxoffice_writer_items_total",
                                   service=service, kind=kind) >= 1, 10, f"{service} {kind}")
        for name in ("boxoffice_writer_commit_seconds_count", "boxoffice_writer_batch_items_count"):
            assert grown(server, before, name, service=service) >= 1
        assert Figures(server).sum("boxoffice_writer_healthy", service=service) == 1
    assert grown(server, before, "boxoffice_outbox_last_sequence", service="orders") >= 1
    wait_for(lambda: Figures(server).sum("boxoffice_subscription_lag_events") == 0, 10, "no lag")
    cancel(buyer, order["id"])


def test_dead_and_waiting_events_are_shown(server):
    before = Figures(server)
    ticket = {"id": new_id(), "title": "x", "price": 1, "userId": "u"}
    server.publish("ticket:updated", {**ticket, "version": 7})
    server.publish("ticket:created", {"id": "no"})
    for name, labels in (("boxoffice_events_waiting", {"service": "orders"}),
                         ("boxoffice_events_dead", {"service": "orders"}),
                         ("boxoffice_events_total", {"service": "orders", "verdict": "dead"}),
                         ("boxoffice_events_total", {"service": "orders", "verdict": "early"})):
        wait_for(lambda: grown(server, before, name, **labels) >= 1, 10, f"{name} {labels}")


def test_the_gateway_and_sessions_are_counted(server):
    before = Figures(server)
    seller, buyer = server.as_user(), server.sign_up()
    for token, outcome in (("tok_visa", "done"), ("tok_chargeDeclined", "declined")):
        order = reserve(buyer, create_ticket(seller)["id"])
        assert try_pay(buyer, order["id"], token).status in (201, 402)
        assert grown(server, before, "boxoffice_gateway_calls_total", outcome=outcome) == 1
    assert grown(server, before, "boxoffice_sessions_total", result="issued") == 1
    stranger = server.client()
    stranger.cookies["session"] = "bm9uc2Vuc2U="
    expect(stranger.get("/api/users/currentuser"), 200)
    assert grown(server, before, "boxoffice_sessions_total", result="refused") == 1
    wrong = {"email": buyer.email, "password": "not this one"}
    expect(stranger.post("/api/users/signin", wrong), 400)
    assert grown(server, before, "boxoffice_sign_ins_refused_total") == 1


def test_a_live_page_is_counted_while_it_is_open(server):
    def live():
        return Figures(server).sum("boxoffice_live_clients")
    raw = server.raw()
    raw.send(b"GET /live HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
    wait_for(lambda: live() == 1, 10, "one live page")
    raw.close()
    wait_for(lambda: live() == 0, 10, "none")


def test_the_process_tells_of_itself(server):
    figures = Figures(server)
    assert figures.sum("process_resident_memory_bytes") > 1e6
    assert 5 < figures.sum("process_open_fds") < figures.sum("process_max_fds")
    assert 0 <= time.time() - figures.sum("process_start_time_seconds") < 600
    assert figures.sum("process_cpu_seconds_total") > 0
    version = run_cli("--version").stdout.split()[1]
    assert figures.sum("boxoffice_build_info", version=version) == 1


def test_ready_and_not_ready_are_a_figure(server):
    """Without its broker a service has never been ready."""
    assert Figures(server).sum("boxoffice_ready") == 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = Server(env={"NATS_URL": f"nats://127.0.0.1:{silent.getsockname()[1]}"})
        try:
            other.spawn()
            wait_for(lambda: other.first_line(2), 10, "where monitoring is")
            assert other.monitor().get("/readyz").status == 503
            assert ("boxoffice_ready", {}, 0.0) in Figures(other).samples
            other.stop()
        finally:
            other.discard()


def test_the_disk_of_the_databases_is_shown(server):
    disk = os.statvfs(server.data)
    figures = Figures(server)
    assert figures.sum("boxoffice_data_disk_size_bytes") == disk.f_blocks * disk.f_frsize
    free = figures.sum("boxoffice_data_disk_free_bytes")
    assert 0 < free <= disk.f_bfree * disk.f_frsize * 1.5, (free, disk)


# --- what is made of them ------------------------------------------------------------------------

def used_names(text):
    return set(re.findall(r"\b(?:boxoffice|process)_[a-z_]+", text))


def expressions(panel):
    for inner in panel.get("panels", []):
        yield from expressions(inner)
    for target in panel.get("targets", []):
        yield target["expr"]


def test_the_dashboard_shows_figures_that_exist(server):
    buy(server.as_user(), create_ticket(server.as_user())["id"])
    names = Figures(server).names()
    with open(os.path.join(OBSERVABILITY, "dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    used = [expression for panel in dashboard["panels"] for expression in expressions(panel)]
    assert len(used) > 20
    shown = set().union(*map(used_names, used))
    assert shown <= names, shown - names
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    base = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    missing = base - {re.sub("_(bucket|sum|count)$", "", name) for name in shown}
    assert not missing, f"not on the dashboard: {missing}"


def test_the_dashboards_expressions_are_promql():
    """promtool reads them as it reads rules; Grafana's variables stand for something."""
    with open(os.path.join(OBSERVABILITY, "dashboard.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    rules = [{"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")
              .replace("$instance", ".*")}
             for number, expression in enumerate(e for panel in panels for e in expressions(panel))]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        done = promtool("check", "rules", file.name)
    assert done.returncode == 0, (done.stdout, done.stderr)


def alerts():
    with open(os.path.join(OBSERVABILITY, "alerts.yaml"), encoding="utf-8") as file:
        return file.read()


def test_the_alerts_are_rules_about_figures_that_exist(server):
    buy(server.as_user(), create_ticket(server.as_user())["id"])
    done = promtool("check", "rules", os.path.join(OBSERVABILITY, "alerts.yaml"))
    assert done.returncode == 0, (done.stdout, done.stderr)
    expressions_only = re.sub(r"(?m)^\s+(summary|runbook):.*$", "", alerts())
    used = used_names(expressions_only)
    assert len(used) > 10 and used <= Figures(server).names(), used - Figures(server).names()


def test_each_alert_fires():
    done = promtool("test", "rules", os.path.join(HERE, "alerts_test.yaml"))
    assert done.returncode == 0, (done.stdout, done.stderr)
    with open(os.path.join(HERE, "alerts_test.yaml"), encoding="utf-8") as file:
        tested = set(re.findall(r'alertname="(\w+)"', file.read()))
    assert tested == set(re.findall(r"alert: (\w+)", alerts()))


def test_each_alert_has_its_runbook():
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        headings = {line.strip("# \n").lower() for line in file if line.startswith("#")}
    with Cases() as case:
        for name, link in zip(re.findall(r"alert: (\w+)", alerts()),
                              re.findall(r"runbook: (\S+)", alerts()), strict=True):
            with case(name):
                assert link == f"docs/operations.md#{name.lower()}"
                assert name.lower() in headings
