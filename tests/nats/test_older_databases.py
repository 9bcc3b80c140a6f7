"""A database that is older than what was published of it: new events would go under numbers that the
other services have seen, and be passed over. Nothing starts on it, and the doctor says so."""

import os
import shutil
import subprocess

from boxoffice import Server, buy, create_ticket, run_cli
from broker import Nats
from check import stays, wait_for
from postgres import Postgres, programs


def dump(url):
    """SQL that makes the schema of orders as it is."""
    return subprocess.run([f"{programs()}/pg_dump", "--schema=orders", "--clean", url],
                          capture_output=True, text=True, check=True).stdout


def psql(url, sql):
    subprocess.run([f"{programs()}/psql", "--quiet", "-v", "ON_ERROR_STOP=1", url], input=sql,
                   capture_output=True, text=True, check=True)


def unrelayed(server):
    text = server.monitor().get("/metrics").body.decode()
    return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("boxoffice_outbox_unrelayed{"))


def all_published(server):
    wait_for(lambda: unrelayed(server) == 0, 20, "everything published")


def start_refused(server, env, *words):
    """The start and the doctor, with what they say."""
    started = run_cli("serve", "--listen", "127.0.0.1:0", "--data", server.data, *server.args, env=env)
    assert started.returncode == 1, started
    seen = run_cli("doctor", "--data", server.data, env=env)
    assert seen.returncode == 2, seen
    for said in (started.stderr, seen.stdout + seen.stderr):
        for word in words:
            assert word in said, (word, said)


def test_a_service_whose_whole_folder_is_an_older_copy_is_known_by_the_stream():
    with Nats() as nats, Server(env=nats.environment(), args=("--services", "tickets")) as server:
        create_ticket(server.as_user())
        all_published(server)
        server.stop()
        early = os.path.join(server.folder, "early")
        shutil.copytree(server.data, early)
        server.start()
        create_ticket(server.as_user())
        all_published(server)
        server.stop()
        late = os.path.join(server.folder, "late")
        shutil.move(server.data, late)
        shutil.copytree(early, server.data)
        start_refused(server, nats.environment(), "the database of tickets is an older copy",
                      "it ends with event 1, and the stream has had 2", "boxoffice bus refill")
        shutil.rmtree(server.data)
        shutil.copytree(late, server.data)
        server.start()
        create_ticket(server.as_user())
        all_published(server)


def test_one_that_starts_before_its_broker_notices_when_it_connects_and_publishes_nothing():
    with Nats() as nats, Server(env=nats.environment(), args=("--services", "tickets")) as server:
        server.stop()
        early = os.path.join(server.folder, "early")
        shutil.copytree(server.data, early)
        server.start()
        create_ticket(server.as_user())
        all_published(server)
        server.stop()
        shutil.rmtree(server.data)
        shutil.copytree(early, server.data)
        nats.kill()
        server.spawn()
        wait_for(lambda: server.first_line(2), 10, "where it listens")
        server.port = int(server.first_line().rsplit(":", 1)[1])
        nats.start()
        wait_for(lambda: "the database of tickets is an older copy" in server.log(), 20, server.log)
        create_ticket(server.as_user())
        stays(lambda: unrelayed(server) == 1 and server.client().get("/readyz").status == 503, 0.5)


def test_a_database_restored_older_on_postgresql_is_known_by_the_stream():
    with Postgres() as postgres, Nats() as nats:
        url = postgres.new_database()
        env = {"DATABASE_URL": url, **nats.environment()}
        with Server(env=env) as server:
            buy(server.as_user(), create_ticket(server.as_user())["id"])
            all_published(server)
            server.stop()
            early = dump(url)
            server.start()
            buy(server.as_user(), create_ticket(server.as_user())["id"])
            all_published(server)
            server.stop()
            late = dump(url)
            psql(url, early)
            start_refused(server, env, "the database of orders is an older copy",
                          "delete the stream BOXOFFICE")
            psql(url, late)
            server.start()


def test_the_position_of_a_durable_listener_beyond_its_source_is_refused_on_postgresql():
    with Postgres() as postgres, Nats() as nats:
        url = postgres.new_database()
        env = {"DATABASE_URL": url, **nats.environment()}
        with Server(env=env) as server:
            create_ticket(server.as_user())
            with server.listen("ticket:created", "--durable", "d", "--deliver-all") as listener:
                listener.wait_count(1)
            all_published(server)
            server.stop()
            psql(url, "UPDATE bus.durables SET seq = 1000")
            start_refused(server, env, "tickets is an older copy: it ends with event 1, and bus took over "
                          "1000", "restore the databases of all services")
            psql(url, "UPDATE bus.durables SET seq = 1")
            server.start()
