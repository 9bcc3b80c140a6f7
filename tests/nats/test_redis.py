"""Proves that expiration with its due times in Redis rings each reservation once and in time,
whatever becomes of Redis: wiped, killed, not there yet."""

import time

from boxoffice import Server, buy, create_ticket, reserve, run_cli, wait_order, wait_ticket
from broker import Nats, Redis
from check import Cases, wait_for
from postgres import Postgres

HOLD_S = 2


def house(redis):
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


def test_reservations_expire_by_redis_once():
    with Redis(password="front-of-house") as redis, house(redis) as server:
        made = [reserve_one(server) for _ in range(20)]
        for buyer, ticket, order in made:
            wait_expired(server, buyer, ticket, order)
        assert rung(server) == len(made)
        assert "front-of-house" not in server.log()


def test_redis_knows_the_due_times_and_is_empty_when_all_rang():
    with Redis() as redis, house(redis) as server:
        buyer, ticket, order = reserve_one(server)
        wait_for(lambda: redis.command("ZCARD", "expiration:due") == "1", 5, "the due time")
        wait_expired(server, buyer, ticket, order)
        wait_for(lambda: redis.command("DBSIZE") == "0", 5, "an empty Redis")


def test_a_wiped_redis_is_filled_again():
    with Redis() as redis, house(redis) as server:
        made = reserve_one(server)
        wait_for(lambda: redis.command("ZCARD", "expiration:due") == "1", 5, "the due time")
        redis.command("FLUSHALL")
        wait_expired(server, *made)
        assert rung(server) == 1


def test_without_redis_the_table_decides():
    with Redis() as redis, house(redis) as server:
        first = reserve_one(server)
        wait_expired(server, *first)
        redis.kill()
        buyer, ticket, order = reserve_one(server)
        made = time.monotonic()
        wait_expired(server, buyer, ticket, order)
        print(f"# rung {time.monotonic() - made - HOLD_S:.2f} s after its time without Redis")
        redis.start()
        wait_for(lambda: redis.command("PING") == "PONG", 5, "Redis")
        again = reserve_one(server)
        wait_expired(server, *again)
        assert rung(server) == 3


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
                      "redis://user:pass@host:6379"):
            with case(value):
                done = run_cli("serve", "--listen", "127.0.0.1:0", "--data", "/nowhere",
                               env={"REDIS_URL": value})
                assert done.returncode == 1 and "REDIS_URL" in done.stderr, done
                assert done.stderr.count("\n") == 1, done.stderr
