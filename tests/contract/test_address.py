"""Proves that an account's address is confirmed by a link that was mailed to it: once, within an hour, by
whoever has the mailbox; that another address is the account's when its own link is opened, and not before;
nothing that would open a link is kept or logged; and that CONFIRMED_SELLERS keeps whose address is not
confirmed from selling."""

import hashlib
import hmac
import json
import re
import threading

from boxoffice import (LIMITS, TEST_KEY, TEST_PASSWORD, Server, expect_kept_nowhere, mailed_token, new_email, new_id,
                       reserve, run_cli)
from check import Cases, expect, expect_error, expect_errors, wait_for
from smtp_double import SmtpDouble

USED = "This link was used or is too old"


def account(client):
    return expect(client.get("/api/users/me"), 200).json


def ask(client):
    return client.post("/api/users/verification", {})


def verify(client, token):
    return client.post("/api/users/verify", {"token": token})


def link_for(server, person, email=None):
    """What opens the link that the person asks for; email: the account's, when it is not the first one."""
    expect(ask(person), 200)
    return mailed_token(server, email or person.email, "/auth/verify")


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
        expect_kept_nowhere(server, token[24:])


# --- another address

def change(client, email, password=TEST_PASSWORD):
    return client.post("/api/users/email", {"email": email, "password": password})


def signs_in(server, email, password=TEST_PASSWORD):
    return server.client().post("/api/users/signin", {"email": email, "password": password}).status == 200


def moved_link(server, person, email):
    """What opens the link to the new address that the person asks for."""
    expect(change(person, email), 200)
    return mailed_token(server, email, "/auth/verify")


def test_an_address_changes_when_the_new_one_confirms_and_not_before(server):
    person, email = server.sign_up(), new_email()
    other = server.client()
    expect(other.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}), 200)
    assert expect(change(person, email), 200).json == {}
    token = mailed_token(server, email, "/auth/verify")
    assert account(person) == {"id": person.user_id, "email": person.email, "confirmed": False}
    assert signs_in(server, person.email) and not signs_in(server, email)
    answer = expect(verify(person, token), 200)
    assert answer.json == {"id": person.user_id, "email": email, "confirmed": True}
    assert account(person) == answer.json, "the session that opened it goes on"
    assert person.get("/api/users/currentuser").json["currentUser"]["email"] == email
    wait_for(lambda: other.get("/api/orders").status == 401, 2, "the other session's end")
    assert signs_in(server, email) and not signs_in(server, person.email)
    expect_error(verify(person, token), 400, USED)
    expect(server.client().post("/api/users/signup", {"email": person.email, "password": TEST_PASSWORD}), 201)


def test_opened_elsewhere_it_ends_every_session_and_begins_none(server):
    person, elsewhere, email = server.sign_up(), server.client(), new_email()
    answer = expect(verify(elsewhere, moved_link(server, person, email)), 200)
    assert "Set-Cookie" not in answer.headers
    wait_for(lambda: person.get("/api/orders").status == 401, 2, "the session's end")
    bystander = server.sign_up()
    expect(person.post("/api/users/signin", {"email": email, "password": TEST_PASSWORD}), 200)
    third = new_email()
    answer = expect(verify(bystander, moved_link(server, person, third)), 200)
    assert "Set-Cookie" not in answer.headers and account(bystander)["email"] == bystander.email


def test_the_old_address_is_told_and_letters_go_to_the_new_one():
    with SmtpDouble() as double, Server(env={"SMTP_URL": double.url(), "MAIL_FROM": "tickets@example.org",
                                             "PUBLIC_URL": "https://tickets.example"}) as server:
        person, email = server.sign_up(), new_email()
        expect(change(person, email), 200)
        [asked] = wait_for(lambda: double.to(email), 10, "the link")
        token = re.search(r"/auth/verify\?token=([0-9a-f]{88})", asked.part("plain")).group(1)
        subjects = [taken.message["Subject"] for taken in double.to(person.email)]
        assert "Your account has another address" not in subjects
        expect(verify(server.client(), token), 200)
        told = wait_for(lambda: [taken for taken in double.to(person.email)
                                 if taken.message["Subject"] == "Your account has another address"], 10, "the mail")
        assert len(told) == 1 and email not in told[0].part("plain") and "token" not in told[0].part("plain")
        expect(server.client().post("/api/users/forgot", {"email": email}), 200)
        wait_for(lambda: [taken for taken in double.to(email) if taken.message["Subject"] == "Choose a new password"],
                 10, "a letter to the new address")


def test_services_are_told_of_the_new_address(server):
    with server.listen("user:updated") as listener, server.listen("address:changed") as changes:
        person, email = server.sign_up(), new_email()
        expect(verify(person, moved_link(server, person, email)), 200)
        wait_for(lambda: person.user_id in str(listener.data()) and person.user_id in str(changes.data()), 10, "both")
        [event] = [event for event in listener.data() if event["id"] == person.user_id]
        assert event == {"id": person.user_id, "version": 1, "email": email, "status": "active", "confirmed": True}
        [event] = [event for event in changes.data() if event["userId"] == person.user_id]
        assert event["email"] == person.email, event
    shown = json.loads(run_cli("users", "show", email, "--data", server.data).stdout)
    assert shown["id"] == person.user_id
    assert run_cli("users", "show", person.email, "--data", server.data).returncode == 1


def test_nobody_learns_whose_an_address_is(server):
    person, holder, email = server.sign_up(), server.sign_up(), new_email()
    answers = [change(person, address) for address in (holder.email.upper(), email)]
    assert [(answer.status, answer.json) for answer in answers] == [(200, {})] * 2
    token = moved_link(server, person, holder.email)
    expect_error(verify(server.client(), token), 400, "Email in use")
    assert account(person)["email"] == person.email and account(holder)["email"] == holder.email
    assert signs_in(server, person.email) and signs_in(server, holder.email)


def test_what_is_refused_mails_nothing(server):
    person, email = server.sign_up(), new_email()
    expect_errors(change(person, "nobody", ""), 400,
                  [("Email must be valid", "email"), ("You must supply a password", "password")])
    expect_errors(change(person, f"ada@{'x' * 64}.example"), 400, [("Email must be valid", "email")])
    expect_error(change(person, email, "not this one"), 400, "Invalid credentials")
    expect_error(change(server.client(), email), 401, "Not authorized")
    expect_error(change(server.as_user(), email), 401, "Not authorized")
    expect(ask(person), 200)
    mailed_token(server, person.email, "/auth/verify")
    assert email not in server.monitor().get("/dev/mail").body.decode()
    with Server(env={**LIMITS, "SIGNIN_FAILURES_PER_MINUTE": "2"}) as strict:
        guesser = strict.sign_up()
        guesser.cookies.pop("device", None)
        statuses = [change(guesser, email, "not this one").status for _ in range(4)]
        assert statuses == [400] * 2 + [429] * 2, statuses


def test_the_last_word_counts(server):
    person, first, second = server.sign_up(), new_email(), new_email()
    mistyped = moved_link(server, person, first)
    token = moved_link(server, person, second)
    expect_error(verify(server.client(), mistyped), 400, USED)
    expect(verify(person, token), 200)
    back, pending = link_for(server, person, second), moved_link(server, person, first)
    expect_error(verify(server.client(), back), 400, USED)
    fresh = "vestibule-Walrus-9"
    expect(person.post("/api/users/password", {"password": TEST_PASSWORD, "newPassword": fresh}), 200)
    expect_error(verify(server.client(), pending), 400, USED)


def test_a_link_to_a_new_password_does_not_outlive_the_address_it_went_to(server):
    person, email = server.sign_up(), new_email()
    ran = run_cli("users", "reset-link", person.email, "--data", server.data)
    to_reset = json.loads(ran.stdout)["url"].split("token=")[1]
    expect(verify(person, moved_link(server, person, email)), 200)
    answer = server.client().post("/api/users/reset", {"token": to_reset, "password": "vestibule-Walrus-9"})
    expect_error(answer, 400, USED)


def test_the_same_mailbox_may_be_written_another_way(server):
    person = server.sign_up()
    local, domain = person.email.split("@")
    shouted = f"{local.upper()}@{domain}"
    expect(verify(person, moved_link(server, person, shouted)), 200)
    assert account(person) == {"id": person.user_id, "email": shouted, "confirmed": True}
    assert signs_in(server, person.email) and signs_in(server, shouted)


# --- who sells

def test_where_sellers_confirm_their_address_nobody_else_lists_a_ticket():
    with Server(env={"CONFIRMED_SELLERS": "on"}) as server:
        seller, other = server.sign_up(), server.sign_up()
        good = {"title": "A seat", "price": 20}
        expect_errors(seller.post("/api/tickets", {**good, "title": ""}), 400, [("Title is required", "title")])
        answer = seller.post("/api/tickets", good)
        expect_error(answer, 403, "Confirm your email address first, by a link that is mailed to you")
        assert answer.json["errors"][0]["code"] == "address_unconfirmed", answer
        expect(verify(server.client(), mailed_token(server, seller.email, "/auth/verify")), 200)
        wait_for(lambda: seller.post("/api/tickets", good).status == 201, 5, "tickets to hear of it")
        ticket = expect(seller.post("/api/tickets", good), 201).json
        assert other.post("/api/tickets", good).status == 403
        assert server.as_user().post("/api/tickets", good).status == 403
        answer = other.post("/api/listings", {"showId": new_id(), "quantity": 1, "split": "any", "price": 20,
                                              "delivery": "issued"})
        assert answer.status == 400, "what is wrong with it is said first"
        reserve(other, ticket["id"])
        server.restart()
        email, seller = seller.email, server.client()
        expect(seller.post("/api/users/signin", {"email": email, "password": TEST_PASSWORD}), 200)
        ticket = expect(seller.post("/api/tickets", good), 201).json
        email = new_email()
        expect(verify(seller, moved_link(server, seller, email)), 200)
        expect(seller.post("/api/tickets", good), 201)
        expect(seller.put(f"/api/tickets/{ticket['id']}", {**good, "price": 30}), 200)


def test_by_default_who_signed_up_sells_at_once(server):
    expect(server.sign_up().post("/api/tickets", {"title": "A seat", "price": 20}), 201)
