"""Proves that the program works behind a proxy as people set one up, and says so when it is told of none."""

import json

from boxoffice import Server, run_cli
from check import Cases, expect, wait_for

FOREIGN = {"Content-Type": "application/x-www-form-urlencoded"}
TRUSTING = {"TRUSTED_PROXIES": "127.0.0.1"}


def lines_of(server, event):
    return [json.loads(line) for line in server.log().splitlines() if f'"event":"{event}"' in line]


def form(server, host, origin, **more):
    """A form of a browser on plain http, which says Origin and no Sec-Fetch-Site."""
    headers = {"Host": host, "Origin": origin, **FOREIGN, **more}
    return server.client().request("POST", "/api/users/signout", raw=b"x=1", headers=headers).status


def test_forms_are_the_sites_own_behind_every_usual_proxy():
    own = [("market.example", "http://market.example", {}),
           ("market.example:80", "http://market.example", {}),
           ("market.example", "http://market.example:80", {}),
           ("MARKET.example:80", "http://market.example", {}),
           ("market.example:443", "https://market.example", {}),
           ("market.example:8443", "https://market.example:8443", {}),
           ("127.0.0.1:8080", "http://market.example", {"X-Forwarded-Host": "market.example"}),
           ("127.0.0.1:8080", "http://market.example", {"X-Forwarded-Host": "market.example:80"}),
           ("127.0.0.1:8080", "http://market.example:81", {"X-Forwarded-Host": "market.example:81"}),
           ("127.0.0.1:8080", "http://market.example", {"X-Forwarded-Host": "market.example, inner"}),
           ("127.0.0.1:8080", "http://market.example", {"X-Forwarded-Host": "outer, market.example"})]
    others = [("market.example", "http://evil.example", {}),
              ("market.example:81", "http://market.example", {}),
              ("market.example:80", "https://market.example", {}),
              ("market.example", "http://market.example:443", {}),
              ("127.0.0.1:8080", "http://market.example", {}),
              ("127.0.0.1:8080", "http://evil.example", {"X-Forwarded-Host": "market.example"}),
              ("127.0.0.1:8080", "null", {"X-Forwarded-Host": "null"}),
              ("127.0.0.1:8080", "http://", {"X-Forwarded-Host": ","})]
    with Cases() as case, Server(env=TRUSTING) as server:
        for rows, status in ((own, 200), (others, 403)):
            for host, origin, more in rows:
                with case(f"{origin} at {host} {more}"):
                    assert form(server, host, origin, **more) == status


def test_a_proxy_that_nobody_named_says_no_host():
    with Server() as server:
        assert form(server, "127.0.0.1:8080", "http://market.example",
                    **{"X-Forwarded-Host": "market.example"}) == 403


def test_a_form_that_is_refused_is_logged_with_what_was_held_against_what():
    with Server(env=TRUSTING) as server:
        for _ in range(3):
            assert form(server, "inner:8080", "http://market.example",
                        **{"X-Forwarded-Host": "other.example"}) == 403
        (line,) = wait_for(lambda: lines_of(server, "form.refused"))
        assert line["origin"] == "http://market.example" and line["host"] == "inner:8080", line
        assert line["forwardedHost"] == "other.example" and line["level"] == "warn", line


def test_a_proxy_that_is_forgotten_is_noticed():
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    with Server() as server:
        client = server.client()
        for _ in range(40):
            client.get("/api/tickets?limit=1", headers=forwarded)
        (line,) = wait_for(lambda: lines_of(server, "proxy.untrusted"))
        assert line["peer"] == "127.0.0.1" and "TRUSTED_PROXIES" in line["do"], line
        assert b"boxoffice_http_forwarded_untrusted_total 40\n" in server.monitor().get("/metrics").body
        doctor = run_cli("doctor", "--data", server.data)
        assert "warn proxies" in doctor.stdout and "TRUSTED_PROXIES" in doctor.stdout, doctor
    with Server(env=TRUSTING) as server:
        client = server.client()
        for _ in range(40):
            client.get("/api/tickets?limit=1", headers=forwarded)
        assert b"boxoffice_http_forwarded_untrusted_total 0\n" in server.monitor().get("/metrics").body
        assert "ok   proxies" in run_cli("doctor", "--data", server.data).stdout
        assert not lines_of(server, "proxy.untrusted")


def test_one_client_in_jest_is_not_taken_for_a_proxy():
    with Server() as server:
        client = server.client()
        for number in range(80):
            client.get("/api/tickets?limit=1",
                       headers={"X-Forwarded-For": "203.0.113.9"} if number % 3 == 0 else {})
        assert not lines_of(server, "proxy.untrusted")
        assert "ok   proxies" in run_cli("doctor", "--data", server.data).stdout


def test_an_address_that_cannot_be_read_is_the_proxys_own():
    """Nobody chooses a visitor, or a fresh set of limits, by what no proxy vouched for."""
    env = {**TRUSTING, "SIGNIN_FAILURES_PER_MINUTE": "3"}
    unreadable = ["203.0.113.1, ?", "203.0.113.2, unknown", "203.0.113.3,", "203.0.113.4, 1.2.3",
                  "203.0.113.5, _hidden", "203.0.113.6, [::1", "127.0.0.1, x", "x"]
    with Server(env=env) as server:
        statuses = []
        for number, value in enumerate(unreadable):
            answer = server.client().post("/api/users/signin",
                                          {"email": f"a{number}@example.test", "password": "wrong-one-1"},
                                          headers={"X-Forwarded-For": value})
            statuses.append(answer.status)
        assert statuses.count(429) >= 3, statuses


def test_who_asks_before_sending_a_body_is_told_that_there_is_no_such_route():
    start = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: {}\r\n\r\n"
    with Cases() as case, Server() as server:
        for path, expectation, status in (("/api/nothing", "100-continue", 404),
                                          ("/nothing", "100-continue", 404),
                                          ("/api/tickets/%zz", "100-continue", 404),
                                          ("/api/nothing", "miracles", 417),
                                          ("/api/tickets", "100-continue", 100)):
            with case(f"{path} {expectation}"):
                with server.raw() as raw:
                    raw.send(start.format(path, expectation).encode())
                    assert raw.read_answer().status == status
                    if status != 100:
                        assert raw.is_closed_by_peer()


def test_reading_forwarded_requests_is_everybodys():
    with Server(env=TRUSTING) as server:
        expect(server.client().get("/api/tickets", headers={"X-Forwarded-Host": "evil.example"}), 200)
