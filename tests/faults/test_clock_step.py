"""Proves that a wall clock set back or forward by an hour holds up nothing: what waits for a pause
waits as long as it would have, and what is due by the time of day is looked for anew."""

import json

from boxoffice import (LIMITS, Server, create_ticket, get_order, new_email, reserve, run_cli,
                       sanitizer, wait_order, wait_ticket)
from check import Skip, expect, wait_for
from clock import WallClock

HOUR_S = 3600


class Stepped:
    """A server of its own whose wall clock the test sets."""

    def __init__(self, **env):
        if sanitizer():
            raise Skip("a sanitizer has to be loaded before anything else")
        self.clock = WallClock()
        self.server = Server(env={**self.clock.environment(), **env})

    def __enter__(self):
        return self.clock, self.server.__enter__()

    def __exit__(self, *error):
        self.server.__exit__(*error)
        self.clock.close()


def test_what_was_not_acknowledged_comes_again_after_the_clock_was_put_back():
    with Stepped() as (clock, server):
        with server.listen("test:step", "--manual-ack", "--ack-wait", "1") as listener:
            server.publish("test:step", {"n": 1})
            listener.wait_count(1)
            clock.set(-HOUR_S)
            assert [again["redelivered"] for again in listener.wait_count(3)] == [False, True, True]


def test_a_reservation_made_after_the_clock_was_put_back_ends_in_time():
    with Stepped(ORDER_EXPIRATION_SECONDS="2") as (clock, server):
        buyer, seller = server.sign_up(), server.sign_up()
        kept = reserve(buyer, create_ticket(seller)["id"])
        wait_ticket(seller, kept["ticket"]["id"], kept["id"])
        clock.set(-HOUR_S)
        order = reserve(buyer, create_ticket(seller)["id"])
        wait_order(buyer, order["id"], "cancelled")
        wait_ticket(seller, order["ticket"]["id"], None)
        # The other's time is what its buyer was told.
        assert get_order(buyer, kept["id"])["status"] == "created"
        clock.set(0)
        wait_ticket(seller, kept["ticket"]["id"], None)


def test_a_link_to_a_new_password_opens_nothing_after_an_hour():
    with Stepped() as (clock, server):
        person = server.sign_up()
        for seconds, status in ((HOUR_S + 1, 400), (HOUR_S - 60, 200)):
            clock.set(0)
            ran = run_cli("users", "reset-link", person.email, "--data", server.data)
            token = json.loads(ran.stdout)["url"].split("token=")[1]
            clock.set(seconds)
            answer = server.client().post("/api/users/reset", {"token": token, "password": "vestibule-Walrus-9"})
            assert answer.status == status, (seconds, answer)


def test_a_reservation_is_over_when_the_clock_is_put_past_its_end():
    with Stepped() as (clock, server):
        buyer, seller = server.sign_up(), server.sign_up()
        order = reserve(buyer, create_ticket(seller)["id"])
        wait_ticket(seller, order["ticket"]["id"], order["id"])
        clock.set(HOUR_S)
        wait_ticket(server.client(), order["ticket"]["id"], None, timeout=5)


def test_whoever_is_refused_is_so_for_as_long_whatever_the_clock_says():
    with Stepped(**{**LIMITS, "SIGNUPS_PER_HOUR": "0"}) as (clock, server):
        email = new_email()
        server.sign_up(email)

        def guess(password="another-Word-1"):
            return server.client().post("/api/users/signin", {"email": email, "password": password})
        wait_for(lambda: guess().status == 429, 20, "the limit")
        clock.set(HOUR_S)
        assert guess().status == 429
        clock.set(-HOUR_S)
        answer = guess()
        assert answer.status == 429 and 0 < int(answer.headers["retry-after"]) <= 900, answer.headers


def test_how_long_the_program_has_run_is_not_changed_by_setting_the_clock():
    with Stepped() as (clock, server):
        for seconds in (-HOUR_S, HOUR_S):
            clock.set(seconds)
            told = expect(server.monitor().get("/streaming"), 200).json
            assert 0 <= told["uptime_seconds"] < HOUR_S // 2, (seconds, told)
            told = expect(server.monitor().get("/streaming/serverz"), 200).json
            assert "h" not in told["uptime"] and "-" not in told["uptime"], (seconds, told)
