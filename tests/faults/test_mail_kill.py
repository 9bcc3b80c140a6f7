"""Proves that no mail is sent twice, and none is lost unsaid, however often the program is killed while it
sends them to a server that refuses some and hangs up on others."""

import collections
import json
import os
import random
import sqlite3
import time

from boxoffice import Server, run_cli
from check import expect, wait_for
from smtp_double import SmtpDouble

ROUNDS = int(os.environ.get("MAIL_KILL_ROUNDS", "12"))
MANY = int(os.environ.get("MAILS", "600"))
SENDING_MAX = 4  # at once
PEOPLE = 8
FATES = {3: "refuse", 7: "later", 11: "cut", 13: "cut-early"}


def mails(server):
    rows, after = [], ()
    while True:
        ran = run_cli("mail", "list", "--limit", "200", *after, "--data", server.data)
        assert ran.returncode == 0, ran
        page = json.loads(ran.stdout)
        rows += page
        if len(page) < 200:
            return rows
        after = ("--after", page[-1]["id"])


def test_each_mail_arrives_once_or_is_reported_over_kills():
    chance = random.Random(18)

    def behave(recipient, number):
        return next((fate for step, fate in FATES.items() if number % step == 0), "take")

    with SmtpDouble(behave) as double:
        server = Server(env={"SMTP_URL": double.url(), "MAIL_FROM": "tickets@example.org", "MAILS_PER_MINUTE": "0",
                             "PUBLIC_URL": "https://tickets.example"})
        with server:
            people = [server.sign_up() for _ in range(PEOPLE)]
            asked = len(people)  # their addresses
            for _ in range(ROUNDS):
                for person in chance.sample(people, 3):
                    expect(server.client().post("/api/users/forgot", {"email": person.email}), 200)
                    asked += 1
                before = len(double.asked)
                wait_for(lambda before=before: len(double.asked) > before, 10, "a mail on its way")
                server.kill()
                server.start()
            wait_for(lambda: all(row["status"] not in ("waiting", "sending") or row["tries"]
                                 for row in mails(server)), 20, "every mail to be tried")
            wait_for(lambda: not [row for row in mails(server) if row["status"] == "sending"], 20, "answers")
            rows = mails(server)
            causes = [(row["kind"], row["cause"]) for row in rows]
            assert len(set(causes)) == len(causes) and 0 < len(rows) <= asked, (len(rows), asked)
            ids = [taken.message["Message-ID"].split("@")[0].strip("<") for taken in double.taken]
            assert len(set(ids)) == len(ids), "a mail was taken twice"
            for row in rows:
                taken = row["id"] in ids
                assert taken or row["status"] != "sent", row
                assert not taken or row["status"] in ("sent", "uncertain"), row
            found = {status: sum(row["status"] == status for row in rows)
                     for status in ("sent", "refused", "waiting", "uncertain")}
            print(f"# {asked} asked, {len(rows)} mails, {ROUNDS} kills: {found}")
            assert found["sent"], found


def fill(data, count):
    """So many mails that wait, as a change of password makes them, each to a person of their own."""
    now_ms = int(time.time() * 1000)
    with sqlite3.connect(os.path.join(data, "mail.db")) as db:
        db.executemany("INSERT INTO people (user_id, version, email) VALUES (?, 0, ?)",
                       ((f"{number:024x}", f"person{number}@example.org") for number in range(1, count + 1)))
        db.executemany(
            "INSERT INTO mails (id, kind, cause_id, about_id, user_id, title, amount_cents, made_at_ms, status, tries,"
            " due_at_ms, sent_to, reply) VALUES (?, 'password', ?, '', ?, '', 0, ?, 'waiting', 0, ?, '', '')",
            ((f"{now_ms // 1000:08x}{number:016x}", f"{number:024x}", f"{number:024x}", now_ms, now_ms)
             for number in range(1, count + 1)))
    db.close()


def stuck(data):
    """How many are neither where they belong nor reported."""
    with sqlite3.connect(f"file:{data}/mail.db?mode=ro", uri=True) as db:
        (left,), = db.execute("SELECT COUNT(*) FROM mails WHERE status IN ('waiting', 'sending')")
    db.close()
    return left


def test_many_mails_each_arrive_once_or_are_reported_over_kills():
    chance = random.Random(19)
    with SmtpDouble(lambda recipient, number: "take" if number % 10 else "refuse") as double:
        server = Server(env={"SMTP_URL": double.url(), "MAIL_FROM": "tickets@example.org", "MAILS_PER_MINUTE": "0",
                             "PUBLIC_URL": "https://tickets.example"})
        with server:
            server.stop()
            fill(server.data, MANY)
            started, kills = time.monotonic(), 0
            server.start()
            while stuck(server.data):
                goal = len(double.asked) + chance.randrange(1, max(2, MANY // 20))
                wait_for(lambda goal=goal: len(double.asked) >= goal or not stuck(server.data), 600, "mails on their way")
                server.kill()
                kills += 1
                server.start()
            seconds = time.monotonic() - started
            with sqlite3.connect(f"file:{server.data}/mail.db?mode=ro", uri=True) as db:
                rows = db.execute("SELECT id, status, sent_to FROM mails").fetchall()
            db.close()
            taken = collections.Counter(taken.recipient for taken in double.taken)
            assert len(rows) == MANY and max(taken.values()) == 1, taken.most_common(3)
            found = collections.Counter(status for _, status, _ in rows)
            for number, status, address in rows:
                assert not taken[address] or status in ("sent", "uncertain"), (number, status)
                assert taken[address] or status in ("refused", "uncertain"), (number, status)
            print(f"# {MANY:,} mails, {kills} kills, {seconds:.0f} s: {dict(found)}")
            assert found["uncertain"] <= SENDING_MAX * kills and found["refused"] > MANY // 20, found
