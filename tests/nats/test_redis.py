"""Proves that expiration with its due times in Redis rings each reservation once and in time,
whatever becomes of Redis: wiped, killed, not there yet."""

import os
import re
import tempfile
import time

from boxoffice import Server, buy, create_ticket, reserve, run_cli, wait_order, wait_ticket
from broker import Nats, Redis
from certificates import certificates
from check import Cases, wait_for
from postgres import Postgres

HOLD_S = 2


def deployment(redis):
    return Server(env={**redis.environment(), "ORDER_EXPIRATION_SECONDS": str(HOLD_S)})


def reserve_one(server):
    seller, buyer = server.as_user(), server.as_user()
    ticket = create_ticket(seller)
    return buyer, ticket, reserve(buyer, ticket["id"])


def wait_expired(server, buyer, ticket, order):
    wait_order(buyer, order["id"], "cancelled", HOLD_S + 5)
    wait_ticket(server.client(), ticket["id"], None)


def rung(server):
    """How many times expiration has rung."""
    return server.channel("expiration:complete")["msgs"]


def connected(server):
    """What the figures say of Redis."""
    text = server.monitor().get("/metrics").body.decode()
    return int(re.search(r'^boxoffice_redis_connected{service="expiration"} (\d)$', text, re.MULTILINE)[1])


def test_reservations_expire_by_redis_once():
    with Redis(password="front-of-house") as redis, deployment(redis) as server:
        made = [reserve_one(server) for _ in range(20)]
        for buyer, ticket, order in made:
            wait_expired(server, buyer, ticket, order)
        assert rung(server) == len(made)
        assert "front-of-house" not in server.log()


def secured(cert, key):
    """A Redis that speaks TLS alone."""
    redis = Redis(password="front-of-house")
    plain = redis.arguments
    redis.arguments = lambda folder: [*plain(folder), "--tls-port", str(redis.port), "--port", "0",
                                      "--tls-cert-file", cert, "--tls-key-file", key,
                                      "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"]
    redis.url = redis.url.replace("redis://", "rediss://").replace("127.0.0.1", "localhost")
    return redis


def can_tls():
    done = run_cli("serve", "--check", "--listen", "127.0.0.1:0",
                   env={"REDIS_URL": "rediss://localhost:1"})
    if done.returncode == 0:
        return True
    assert done.returncode == 1 and "REDIS_URL: rediss:// needs hiredis 1.0" in done.stderr, done
    assert "stunnel" in done.stderr, done
    return False


def test_redis_over_tls_must_be_the_host_it_is_taken_for_or_is_refused_with_the_reason():
    """Refused where the library the program is built with has no TLS, as Debian 12's has none."""
    if not can_tls():
        return
    with tempfile.TemporaryDirectory(prefix="boxoffice-tls-") as folder:
        ca, cert, key = certificates(folder)
        with secured(cert, key) as redis, Cases() as case:
            with case("its own authority"), \
                    Server(env={"REDIS_URL": redis.url, "REDIS_CA": ca,
                                "ORDER_EXPIRATION_SECONDS": str(HOLD_S)}) as server:
                made = reserve_one(server)
                wait_expired(server, *made)
                assert rung(server) == 1 and "redis.failed" not in server.log(), server.log()
            for name, env in (("an authority we do not know", {"REDIS_URL": redis.url}),
                              ("another host", {"REDIS_CA": ca, "REDIS_URL":
                                                redis.url.replace("localhost", "127.0.0.1")})):
                with case(name), Server(env={**env, "ORDER_EXPIRATION_SECONDS": str(HOLD_S)}) as server:
                    made = reserve_one(server)
                    wait_expired(server, *made)  # by the table
                    assert "redis.failed" in server.log() and "certificate" in server.log(), server.log()


def test_redis_as_a_user_of_its_own_and_over_a_socket():
    with Redis() as redis:
        path = os.path.join(redis.folder, "redis.sock")
        redis.kill()
        plain = redis.arguments
        redis.arguments = lambda folder: [*plain(folder), "--unixsocket", path]
        redis.start()
        redis.command("ACL", "SETUSER", "box:office", "on", ">a@b/c%", "~*", "+@all")
        wait_for(lambda: os.path.exists(path), 10, "the socket")
        user = "box%3Aoffice:a%40b%2Fc%25@"
        for url in (redis.url.replace("redis://", "redis://" + user), f"unix:{user}{path}",
                    f"unix:{path}"):
            with Server(env={"REDIS_URL": url, "ORDER_EXPIRATION_SECONDS": str(HOLD_S)}) as server:
                made = reserve_one(server)
                wait_for(lambda: redis.command("ZCARD", "expiration:due") == "1", 5, url)
                wait_expired(server, *made)
                assert rung(server) == 1 and "a@b/c" not in server.log()


def test_redis_knows_the_due_times_and_is_empty_when_all_rang():
    with Redis() as redis, deployment(redis) as server:
        buyer, ticket, order = reserve_one(server)
        wait_for(lambda: redis.command("ZCARD", "expiration:due") == "1", 5, "the due time")
        wait_expired(server, buyer, ticket, order)
        wait_for(lambda: redis.command("DBSIZE") == "0", 5, "an empty Redis")


def test_a_wiped_redis_is_filled_again():
    with Redis() as redis, deployment(redis) as server:
        made = reserve_one(server)
        wait_for(lambda: redis.command("ZCARD", "expiration:due") == "1", 5, "the due time")
        redis.command("FLUSHALL")
        wait_expired(server, *made)
        assert rung(server) == 1


def test_without_redis_the_table_decides():
    with Redis() as redis, deployment(redis) as server:
        first = reserve_one(server)
        wait_expired(server, *first)
        assert connected(server) == 1
        redis.kill()
        buyer, ticket, order = reserve_one(server)
        made = time.monotonic()
        wait_expired(server, buyer, ticket, order)
        assert connected(server) == 0 and server.log().count('"redis.failed"') == 1, server.log()
        print(f"# rung {time.monotonic() - made - HOLD_S:.2f} s after its time without Redis")
        redis.start()
        wait_for(lambda: redis.command("PING") == "PONG", 5, "Redis")
        again = reserve_one(server)
        wait_expired(server, *again)
        assert rung(server) == 3
        wait_for(lambda: connected(server) == 1, 10, "Redis to be used again")
        assert '"redis.back"' in server.log()


def test_two_replicas_of_everything_ring_each_reservation_once():
    with Postgres() as postgres, Nats() as nats, Redis() as redis:
        env = {**nats.environment(), **redis.environment(), "DATABASE_URL": postgres.new_database(),
               "ORDER_EXPIRATION_SECONDS": str(HOLD_S)}
        with Server(env=env) as one, Server(env=env) as two:
            made = []
            for i in range(20):
                selling, buying = (one, two) if i % 2 else (two, one)
                buyer, ticket = buying.as_user(), create_ticket(selling.as_user())
                made.append((buyer, ticket, reserve(buyer, ticket["id"])))
            for buyer, ticket, order in made:
                wait_expired(one, buyer, ticket, order)
            assert rung(two) == len(made)
            one.kill()
            ticket = create_ticket(two.as_user())
            buy(two.as_user(), ticket["id"])
            one.start()


def test_bad_urls_stop_the_start():
    with Cases() as case:
        for value in ("localhost:6379", "redis://", "redis://host", "redis://host:6379/x",
                      "http://host:6379"):
            with case(value):
                done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/nowhere",
                               env={"REDIS_URL": value})
                assert done.returncode == 1 and "REDIS_URL" in done.stderr, done
                assert done.stderr.count("\n") == 1, done.stderr
