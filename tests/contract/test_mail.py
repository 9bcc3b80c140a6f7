"""Proves what is written to people, and that it leaves: one mail a cause, to the account's address, in
words that another language's parser reads; refused, put off and uncertain ones are told apart."""

import json
import re
import time

from boxoffice import (TEST_PASSWORD, Server, buy, create_ticket, new_email, new_id, pay, reserve,
                       run_cli, wait_order)
from check import Cases, expect, expect_errors, wait_for
from smtp_double import SmtpDouble
from test_catalogue import YEAR, act, make_show
from test_listings import make_listing, some_show
from test_orders_of_listings import order_several, some_listing

FROM = "Boxoffice <tickets@example.org>"
FRESH = "vestibule-Walrus-9"


def mailing(double, **env):
    return Server(env={"SMTP_URL": double.url(), "MAIL_FROM": FROM,
                       "PUBLIC_URL": "https://tickets.example", "CONFIRMED_SELLERS": "off",
                       "STAFF_FACTOR": "off", **env})


def forgot(client, email):
    return client.post("/api/users/forgot", {"email": email})


def all_mails(server, *words):
    ran = run_cli("mail", "list", *words, "--data", server.data)
    assert ran.returncode == 0, ran
    return json.loads(ran.stdout)


def mails(server, *words):
    """All but those that sign-up sends."""
    return [row for row in all_mails(server, *words) if row["kind"] != "address"]


def to(double, email):
    return [taken for taken in double.to(email) if taken.message["Subject"] != "Confirm your address"]


def one_to(double, email, count=1):
    wait_for(lambda: len(to(double, email)) >= count, 10, f"{count} mails to {email}, {double.asked}")
    return to(double, email)[count - 1]


def delivered(server, **wanted):
    def look():
        rows = mails(server, "--limit", "200")
        return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]
    return wait_for(look, 10, f"a mail that is {wanted}: {mails(server)}")


def test_a_lost_password_is_replaced_by_the_link_in_a_mail():
    with SmtpDouble() as double, mailing(double) as server:
        person = server.sign_up()
        assert expect(forgot(server.client(), person.email.upper()), 200).json == {}
        taken = one_to(double, person.email)
        assert taken.sender == "tickets@example.org" and taken.message["From"] == FROM.replace("Boxoffice", '"Boxoffice"') \
            or taken.message["From"] == FROM
        assert taken.message["To"] == person.email and taken.message["Subject"] == "Choose a new password"
        link = re.search(r"https://tickets\.example/auth/reset\?token=([0-9a-f]{88})", taken.part("plain"))
        assert link and link.group(0) in taken.part("html")
        answer = server.client().post("/api/users/reset", {"token": link.group(1), "password": FRESH})
        assert expect(answer, 200).json["id"] == person.user_id
        told = one_to(double, person.email, 2)
        assert told.message["Subject"] == "Your password was changed"
        assert "token" not in told.part("plain")


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def sign_in(client, person, password=TEST_PASSWORD, agent=FIREFOX, status=200):
    expect(client.post("/api/users/signin", {"email": person.email, "password": password},
                       headers={"User-Agent": agent}), status)
    return client


def test_a_sign_in_with_a_browser_that_the_account_does_not_know_is_told_once():
    with SmtpDouble() as double, mailing(double) as server:
        person, fresh = server.sign_up(), server.client()
        person.cookies.pop("session")
        sign_in(person, person)  # it signed up with this one
        sign_in(fresh, person, "gondola-Turnip-wrong", status=400)
        sign_in(fresh, person)
        told = one_to(double, person.email)
        assert told.message["Subject"] == "A new sign-in to your account", told.message
        for part in ("plain", "html"):
            assert "with Firefox on Linux, which it did not know before." in told.part(part)
            assert "https://tickets.example/account" in told.part(part) and "token" not in told.part(part)
        expect(fresh.post("/api/users/signout", {}), 200)
        sign_in(fresh, person)  # known by now
        sign_in(server.client(), person, agent="<b>x</b>")
        told = one_to(double, person.email, 2)
        assert "with an unknown browser, which" in told.part("plain") and "<b>x" not in told.part("html")
        assert [row["kind"] for row in mails(server)] == ["device"] * 2


def test_a_new_password_by_a_link_is_a_mail_of_its_own_and_no_new_browser():
    with SmtpDouble() as double, mailing(double) as server:
        person, fresh = server.sign_up(), server.client()
        expect(forgot(server.client(), person.email), 200)
        link = re.search("token=([0-9a-f]{88})", one_to(double, person.email).part("plain"))
        expect(fresh.post("/api/users/reset", {"token": link.group(1), "password": FRESH}), 200)
        expect(fresh.post("/api/users/signout", {}), 200)
        sign_in(fresh, person, FRESH)
        delivered(server, kind="password")
        assert [row["kind"] for row in mails(server)] == ["password", "reset"]


def test_programs_that_bring_no_cookie_fill_no_mailbox():
    with Server() as server:
        person, other = server.sign_up(), server.sign_up()
        for _ in range(7):
            sign_in(server.client(), person)
        sign_in(server.client(), other)
        delivered(server, userId=other.user_id, kind="device")
        assert len([row for row in mails(server) if row["userId"] == person.user_id]) == 5


def test_the_answer_tells_nobody_whether_there_is_an_account(server):
    person, stranger = server.sign_up(), new_email()
    with Cases() as case:
        for email in (person.email, stranger, f"ada@bücher-{new_id()}.example"):
            with case(email):
                answer = expect(forgot(server.client(), email), 200)
                assert answer.json == {} and "Set-Cookie" not in answer.headers
    expect_errors(forgot(server.client(), "ada"), 400, [("Email must be valid", "email")])


def test_nobody_fills_a_mailbox():
    with SmtpDouble() as double, mailing(double) as server:
        person, other = server.sign_up(), server.sign_up()
        for _ in range(9):
            expect(forgot(server.client(), person.email), 200)
        expect(forgot(server.client(), other.email), 200)
        one_to(double, other.email)
        one_to(double, person.email, 5)
        delivered(server, userId=other.user_id, status="sent")
        assert len(mails(server)) == 6 and len(to(double, person.email)) == 5, double.asked
    with Server(env={"RESETS_PER_HOUR": "2"}) as server:
        statuses = [forgot(server.client(), new_email()).status for _ in range(3)]
        assert statuses == [200, 200, 429], statuses


def test_what_was_bought_sold_and_given_back_is_told_once():
    with SmtpDouble() as double, mailing(double) as server:
        seller, buyer = server.sign_up(), server.sign_up()
        title = "Mono Lake 🎻 «Grüße» שלום, row 5; seat 12"
        ticket = create_ticket(seller, title, 49.9)
        order = reserve(buyer, ticket["id"])
        payment = pay(buyer, order["id"])
        wait_order(buyer, order["id"], "complete")
        bought, sold = one_to(double, buyer.email), one_to(double, seller.email)
        assert bought.message["Subject"] == f"Yours: {title}" and "$49.90" in bought.part("plain")
        assert sold.message["Subject"] == f"Sold: {title}" and "$49.90" in sold.part("plain")
        assert f"https://tickets.example/orders/{order['id']}" in bought.part("html")
        ran = run_cli("payments", "refund", payment["id"], "--data", server.data)
        assert ran.returncode == 0, ran
        back = one_to(double, buyer.email, 2)
        assert back.message["Subject"] == f"Money back: {title}" and "$49.90" in back.part("plain")
        server.restart()
        expect(forgot(server.client(), buyer.email), 200)
        one_to(double, buyer.email, 3)
        assert len(to(double, buyer.email)) == 3 and len(to(double, seller.email)) == 1, double.asked


def test_who_bought_tickets_of_an_event_is_led_to_what_opens_the_door():
    with SmtpDouble() as double, mailing(double) as server:
        _, listing = some_listing(server)
        buyer = server.sign_up()
        pay(buyer, order_several(buyer, listing, 2)["id"])
        told = one_to(double, buyer.email)
        assert told.message["Subject"] == "Yours: Mono Lake, Block A, row 4, seat 1 and 1 more", told.message
        for part in ("plain", "html"):
            assert "https://tickets.example/my-tickets" in told.part(part), told.part(part)
            assert "What opens the door is with your tickets." in told.part(part)


def test_who_holds_tickets_is_told_once_of_each_change_of_their_event():
    with SmtpDouble() as double, mailing(double) as server:
        staff, show = some_show(server)
        other = make_show(staff, show["venueId"], title="Another one", rules={})
        holders = [server.sign_up() for _ in range(3)]
        refunded, stranger = server.sign_up(), server.sign_up()
        seller = server.as_user()
        for row, person in enumerate([*holders, refunded]):
            order = order_several(person, make_listing(seller, show["id"], row=f"row {row}"), 2)
            payment = pay(person, order["id"])
        pay(stranger, order_several(stranger, make_listing(seller, other["id"]), 1)["id"])
        for person in [*holders, refunded, stranger]:
            one_to(double, person.email)
        assert run_cli("payments", "refund", payment["id"], "--data", server.data).returncode == 0
        one_to(double, refunded.email, 2)
        assert wait_for(lambda: not [entry for entry in expect(refunded.get("/api/entries"), 200).json
                                     if entry["status"] == "valid"], 10, "no valid entry")
        act(staff, "shows", show, "postpone", reason="illness")
        for person in holders:
            told = one_to(double, person.email, 2)
            assert told.message["Subject"] == "Postponed: Mono Lake", told.message
            assert "https://tickets.example/my-tickets" in told.part("html")
        act(staff, "shows", show, "reschedule", startsAt=f"{YEAR}-09-01T20:00")
        for person in holders:
            told = one_to(double, person.email, 3)
            assert told.message["Subject"] == "Another time: Mono Lake", told.message
            assert f"starts on {YEAR}-09-01 at 20:00 now, by the clocks there." in told.part("plain")
        act(staff, "shows", show, "cancel")
        for person in holders:
            assert one_to(double, person.email, 4).message["Subject"] == "Cancelled: Mono Lake"
        server.restart()
        expect(forgot(server.client(), stranger.email), 200)
        one_to(double, stranger.email, 2)
        assert [len(to(double, person.email)) for person in [*holders, refunded, stranger]] == [4, 4, 4, 2, 2]


def test_a_mail_leaves_within_a_second():
    with SmtpDouble() as double, mailing(double) as server:
        person = server.sign_up()
        expect(forgot(server.client(), person.email), 200)
        began = time.monotonic()
        one_to(double, person.email)
        print(f"# from the answer to the server of mail: {time.monotonic() - began:.3f} s")
        [row] = delivered(server, kind="reset", status="sent")
        assert row["to"] == person.email and row["tries"] == 1, row


def test_a_refused_mail_is_not_tried_again_and_is_shown():
    with Cases() as case:
        for fate in ("refuse", "refuse-data"):
            with case(fate):
                with SmtpDouble(lambda recipient, number, fate=fate: fate) as double, mailing(double) as server:
                    person = server.sign_up()
                    expect(forgot(server.client(), person.email), 200)
                    [row] = delivered(server, status="refused")
                    assert row["reply"].startswith("55") and row["tries"] == 1, row
                    assert mails(server, "--status", "refused") == [row]
                    double.behave = lambda recipient, number: "take"
                    again = run_cli("mail", "send", row["id"], "--data", server.data)
                    assert again.returncode == 0, again
                    one_to(double, person.email)


def test_a_server_that_wants_it_later_gets_it_later():
    with Cases() as case:
        for fate in ("later", "later-data", "cut-early"):
            with case(fate):
                with SmtpDouble(lambda recipient, number, fate=fate: fate) as double, mailing(double) as server:
                    person = server.sign_up()
                    expect(forgot(server.client(), person.email), 200)
                    [row] = delivered(server, status="waiting", tries=1)
                    assert row["dueAt"] > row["madeAt"], row
                    double.behave = lambda recipient, number: "take"
                    assert run_cli("mail", "send", row["id"], "--data", server.data).returncode == 0
                    one_to(double, person.email)
                    delivered(server, id=row["id"], status="sent")


def test_a_server_that_hangs_up_without_a_word_has_it_or_not_and_that_is_told():
    with SmtpDouble(lambda recipient, number: "cut") as double, mailing(double) as server:
        person = server.sign_up()
        expect(forgot(server.client(), person.email), 200)
        [row] = delivered(server, status="uncertain")
        assert len(to(double, person.email)) == 1 and row["tries"] == 1, row
        assert '"mail.lost"' in server.log()


def test_no_server_of_mail_costs_nobody_anything():
    with SmtpDouble() as double:
        port = double.port
    with Server(env={"SMTP_URL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": FROM,
                     "PUBLIC_URL": "https://tickets.example", "CONFIRMED_SELLERS": "off"}) as server:
        seller, buyer = server.sign_up(), server.sign_up()
        order = buy(buyer, create_ticket(seller)["id"])
        [row] = delivered(server, kind="order", status="waiting", tries=1)
        assert row["cause"] == order["id"], row
        assert server.log().count('"mail.away"') == 1


def test_mails_of_one_minute_are_bounded():
    with SmtpDouble() as double, mailing(double, MAILS_PER_MINUTE="3") as server:
        people = [server.sign_up() for _ in range(5)]
        for person in people:
            expect(forgot(server.client(), person.email), 200)
        wait_for(lambda: len(all_mails(server)) == 10, 10, "five of sign-up and five links")
        wait_for(lambda: len(all_mails(server, "--status", "sent")) == 3, 10, "three of them")
        assert len(all_mails(server, "--status", "waiting")) == 7 and len(double.taken) == 3


def test_addresses_of_every_kind_are_written_so_that_servers_know_them():
    kinds = {"plus": "ada+tickets@example.com", "idn": "ada@bücher.example", "utf8": "аня@example.com"}
    with SmtpDouble() as double, mailing(double) as server, Cases() as case:
        for name, address in kinds.items():
            with case(name):
                server.sign_up(email=address)
                expect(forgot(server.client(), address), 200)
                known = address.replace("bücher", "xn--bcher-kva")
                taken = one_to(double, known)
                assert ("SMTPUTF8" in taken.parameters) == (not address.isascii() and name == "utf8"), taken.parameters
                assert known.encode() in taken.content


def test_a_password_of_the_server_is_shown_and_logged_nowhere():
    with SmtpDouble() as double:
        with Server(env={"SMTP_URL": double.url("ada:s3cret-Word@"), "MAIL_FROM": FROM, "LOG_LEVEL": "debug",
                         "PUBLIC_URL": "https://tickets.example"}) as server:
            person = server.sign_up()
            expect(forgot(server.client(), person.email), 200)
            delivered(server, kind="reset", tries=1)
            assert "s3cret" not in server.log() and person.email not in server.log()


def test_settings_of_mail_that_cannot_be_stop_the_start():
    import subprocess
    from boxoffice import clean_environment, command

    fine = {"SMTP_URL": "smtp://127.0.0.1", "MAIL_FROM": FROM, "PUBLIC_URL": "https://tickets.example"}
    wrong = [({"SMTP_URL": "http://127.0.0.1"}, "SMTP_URL must be"), ({"SMTP_URL": "smtp://"}, "SMTP_URL must be"),
             ({"MAIL_FROM": ""}, "SMTP_URL needs MAIL_FROM"), ({"PUBLIC_URL": ""}, "SMTP_URL needs PUBLIC_URL"),
             ({"MAILS_PER_MINUTE": "-1"}, "MAILS_PER_MINUTE must be"),
             ({"CONFIRMED_SELLERS": "maybe"}, "CONFIRMED_SELLERS must be on or off"),
             ({"STAFF_FACTOR": "1"}, "STAFF_FACTOR must be on or off")]
    wrong += [({"MAIL_FROM": value}, "MAIL_FROM must be") for value in
              ("nobody", "@example.org", "a@", "A <a@example.org", "a@b@example.org", "A <a@example.org>, b@c.org",
               "a b@example.org", "x" * 250 + "@example.org", 'A "b" <a@example.org>')]
    with Cases() as case:
        for change, message in wrong:
            with case(change):
                run = subprocess.run(command("serve", "--check"), capture_output=True, text=True,
                                     env=clean_environment({**fine, **change}), timeout=60)
                assert run.returncode != 0 and message in run.stderr, run
        for value in ("tickets@example.org", "Büro <a@example.org>"):
            with case(value):
                run = subprocess.run(command("serve", "--check"), capture_output=True, text=True,
                                     env=clean_environment({**fine, "MAIL_FROM": value}), timeout=60)
                assert run.returncode == 0 and "SMTP_URL is set" in run.stdout, run
                assert "CONFIRMED_SELLERS=on" in run.stdout and "STAFF_FACTOR=on" in run.stdout, run
        for change in ({"SMTP_URL": ""}, {"CONFIRMED_SELLERS": "off"}):
            with case(change):
                run = subprocess.run(command("serve", "--check"), capture_output=True, text=True,
                                     env=clean_environment({**fine, **change}), timeout=60)
                assert run.returncode == 0 and "CONFIRMED_SELLERS=off" in run.stdout, run


# --- the mailbox of a program that sends none

def mailbox(server, path="/dev/mail"):
    answer = server.monitor().get(path)
    assert answer.status == 200, answer
    return answer.body.decode(), answer.headers


def test_without_a_server_mails_can_be_read_on_this_machine(server):
    person = server.sign_up()
    expect(forgot(server.client(), person.email), 200)
    wait_for(lambda: person.email in mailbox(server)[0], 10, "the mail")
    page, headers = mailbox(server)
    assert "script" not in page and headers["Cache-Control"] == "no-store"
    path = re.search(r'href="(/dev/mail/[0-9a-f]{24})">(?:(?!</li>).)*' + re.escape(person.email), page).group(1)
    token = re.search(r"/auth/reset\?token=([0-9a-f]{88})", mailbox(server, path)[0]).group(1)
    assert token in mailbox(server, path + "/html")[0]
    assert "multipart/alternative" in mailbox(server, path + "/source")[0]
    expect(server.client().post("/api/users/reset", {"token": token, "password": FRESH}), 200)


def test_the_mailbox_is_nowhere_else(server):
    for path in ("/dev/mail", f"/dev/mail/{new_id()}"):
        assert server.client().get(path).status == 404
    with SmtpDouble() as double, mailing(double) as sending:
        assert sending.monitor().get("/dev/mail").status == 404
