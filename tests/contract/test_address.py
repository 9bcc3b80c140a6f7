"""Proves that an account's address is confirmed by a link that was mailed to it: once, within an hour, by
whoever has the mailbox; nothing that would open it is kept or logged."""

import glob
import hashlib
import hmac
import json
import re
import threading

from boxoffice import LIMITS, TEST_KEY, Server, mailed_token, new_id, run_cli
from check import Cases, expect, expect_error, wait_for
from smtp_double import SmtpDouble

USED = "This link was used or is too old"


def account(client):
    return expect(client.get("/api/users/me"), 200).json


def ask(client):
    return client.post("/api/users/verification", {})


def verify(client, token):
    return client.post("/api/users/verify", {"token": token})


def link_for(server, person):
    """What opens the link that the person asks for."""
    expect(ask(person), 200)
    return mailed_token(server, person.email, "/auth/verify")


def operator_sees(server, person):
    ran = run_cli("users", "show", person.email, "--data", server.data)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def test_sign_up_mails_a_link_that_confirms_the_address():
    with SmtpDouble() as double, Server(env={"SMTP_URL": double.url(), "MAIL_FROM": "tickets@example.org",
                                             "PUBLIC_URL": "https://tickets.example"}) as server:
        person = server.sign_up()
        [taken] = wait_for(lambda: double.to(person.email), 10, "the mail")
        assert taken.message["Subject"] == "Confirm your address"
        link = re.search(r"https://tickets\.example/auth/verify\?token=([0-9a-f]{88})", taken.part("plain"))
        assert link and link.group(0) in taken.part("html")
        assert account(person) == {"id": person.user_id, "email": person.email, "confirmed": False}
        stranger = server.client()
        answer = expect(verify(stranger, link.group(1)), 200)
        assert answer.json == {"id": person.user_id, "email": person.email, "confirmed": True}
        assert "Set-Cookie" not in answer.headers and answer.headers["Cache-Control"] == "no-store"
        assert account(person)["confirmed"] is True and operator_sees(server, person)["confirmed"] is True
        expect_error(verify(stranger, link.group(1)), 400, USED)
        assert stranger.get("/api/users/currentuser").json["currentUser"] is None


def test_without_a_server_of_mail_sign_up_mails_nothing_and_who_asks_gets_a_link(server):
    quiet, person = server.sign_up(), server.sign_up()
    token = link_for(server, person)
    assert quiet.email not in server.monitor().get("/dev/mail").body.decode()
    assert account(person)["confirmed"] is False
    expect(verify(server.client(), token), 200)
    assert account(person)["confirmed"] is True and account(quiet)["confirmed"] is False
    expect_error(server.client().get("/api/users/me"), 401, "Not authorized")
    expect_error(ask(server.client()), 401, "Not authorized")
    elsewhere = server.as_user()
    expect_error(elsewhere.get("/api/users/me"), 401, "Not authorized")
    expect_error(ask(elsewhere), 401, "Not authorized")


def test_services_are_told(server):
    with server.listen("user:updated") as listener:
        person = server.sign_up()
        expect(verify(server.client(), link_for(server, person)), 200)
        wait_for(lambda: person.user_id in str(listener.data()), 10, "the event")
        [event] = [event for event in listener.data() if event["id"] == person.user_id]
        assert event == {"id": person.user_id, "version": 1, "email": person.email,
                         "status": "active", "confirmed": True}, event
    assert run_cli("users", "ban", person.email, "--data", server.data).returncode == 0
    assert run_cli("users", "unban", person.email, "--data", server.data).returncode == 0
    shown = operator_sees(server, person)
    assert shown["confirmed"] is True and shown["version"] == 3, shown


def test_it_opens_once_however_many_try_at_once(server):
    person, start, statuses = server.sign_up(), threading.Barrier(4), []
    token = link_for(server, person)

    def attempt():
        client = server.client()
        start.wait()
        statuses.append(verify(client, token).status)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 3, statuses
    assert operator_sees(server, person)["version"] == 1


def test_what_is_no_link_confirms_nothing(server):
    person = server.sign_up()
    token = link_for(server, person)
    ran = run_cli("users", "reset-link", person.email, "--data", server.data)
    to_reset = json.loads(ran.stdout)["url"].split("token=")[1]
    text = f"boxoffice link address {token[:24]}".encode()
    assert token[24:] == hmac.new(TEST_KEY.encode(), text, hashlib.sha256).hexdigest()
    other_key = token[:24] + hmac.new(b"x" * 32, text, hashlib.sha256).hexdigest()
    wrong = ["", "x", token[:-1], token + "0", token.upper(), "0" * 88, new_id() + token[24:], other_key, to_reset,
             None, 7, {"token": token}, [token]]
    with Cases() as case:
        for bad in wrong:
            with case(repr(bad)):
                expect_error(verify(server.client(), bad), 400, USED)
        with case("of an address, to reset the password"):
            answer = server.client().post("/api/users/reset", {"token": token, "password": "vestibule-Walrus-9"})
            expect_error(answer, 400, USED)
    assert account(person)["confirmed"] is False
    expect(verify(server.client(), token), 200)


def test_nobody_banned_confirms_anything(server):
    person = server.sign_up()
    token = link_for(server, person)
    assert run_cli("users", "ban", person.email, "--data", server.data).returncode == 0
    expect_error(verify(server.client(), token), 400, USED)
    assert run_cli("users", "unban", person.email, "--data", server.data).returncode == 0
    assert operator_sees(server, person)["confirmed"] is False


def test_nobody_fills_a_mailbox_and_wrong_links_are_soon_not_listened_to(server):
    person, other = server.sign_up(), server.sign_up()
    statuses = [ask(person).status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2, statuses
    assert int(ask(person).headers["Retry-After"]) > 0
    expect(ask(other), 200)
    with Server(env={**LIMITS, "RESETS_PER_HOUR": "3"}) as strict:
        token = link_for(strict, strict.sign_up())
        statuses = [verify(strict.client(), "0" * 88).status for _ in range(4)]
        assert statuses[:2] == [400] * 2 and statuses[-1] == 429, statuses
        answer = verify(strict.client(), token)
        assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0


def test_a_restart_leaves_a_link_as_it_is_and_what_opens_it_is_kept_nowhere():
    with Server(env={"LOG_LEVEL": "debug"}) as server:
        person = server.sign_up()
        token = link_for(server, person)
        server.restart()
        expect(verify(server.client(), token), 200)
        acts = json.loads(run_cli("audit", "list", "--data", server.data).stdout)
        [act] = [act for act in acts if act["action"] == "user.address_confirmed"]
        assert act["actor"] == person.user_id, act
        assert person.email not in json.dumps(acts) and person.email not in server.log()
        for path in glob.glob(f"{server.folder}/**/*", recursive=True):
            try:
                with open(path, "rb") as file:
                    assert token[24:].encode() not in file.read(), path
            except (IsADirectoryError, OSError):
                continue
