"""Proves that no mail is sent twice, and none is lost unsaid, however often the program is killed while it
sends them to a server that refuses some and hangs up on others."""

import os
import random

from boxoffice import Server, new_email, run_cli
from check import expect, wait_for
from smtp_double import SmtpDouble
import json

ROUNDS = int(os.environ.get("MAIL_KILL_ROUNDS", "12"))
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
