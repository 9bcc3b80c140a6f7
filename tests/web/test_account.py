"""Proves the pages of accounts and of whoever runs the market: another password, what can be done
without one, help, terms, privacy, and where to write to."""

import json
import os
import re
import tempfile

from authenticator import Authenticator
from boxoffice import TEST_PASSWORD, Server, clean_environment, command, mailed_token, new_email, run_cli
from check import Cases, wait_for
from test_everybody import tab_to
from test_forms import follow, hidden, read, send, sign_in, value_of
from web import Person, axe

import subprocess

SERVER = {}
FRESH = "vestibule-Walrus-9"


def test_who_is_signed_in_changes_the_password_and_stays_so_here_alone(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client, other = server.sign_up(), server.client()
                other.post("/api/users/signin", {"email": client.email, "password": TEST_PASSWORD})
                with Person(server, client, javascript=scripts) as person:
                    browser = person.go("/.well-known/change-password").browser
                    person.wait_path("/account/password")
                    assert axe(browser) == [] if scripts else True
                    browser.fill("#password", "gondola-Turnip-wrong")
                    browser.fill("#fresh", FRESH)
                    browser.click("#form button")
                    browser.wait_text("#errors", "That is not your password now.")
                    assert browser.title.startswith("Error:")
                    browser.fill("#password", TEST_PASSWORD)
                    browser.fill("#fresh", "short")
                    browser.click("#form button")
                    browser.wait_text("#errors", "between 8 and 128 characters")
                    browser.fill("#password", TEST_PASSWORD)
                    browser.fill("#fresh", FRESH)
                    browser.click("#form button")
                    browser.wait_text(".notice", "Your password was changed.")
                    assert person.go("/orders").path == "/orders"
                wait_for(lambda: other.get("/api/users/currentuser").json["currentUser"] is None, 5,
                         "the other session to end")
                answer = server.client().post("/api/users/signin",
                                              {"email": client.email, "password": FRESH})
                assert answer.status == 200


# --- a second factor

def type_code(browser, code):
    browser.fill("#code", code)
    browser.click("#form button")


def test_a_second_factor_is_set_up_asked_for_and_turned_off_with_and_without_scripts(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client = server.sign_up()

                def clean(browser, scripts=scripts):
                    return axe(browser) == [] if scripts else True

                with Person(server, client, javascript=scripts) as person:
                    browser = person.go("/account").browser
                    browser.click('main a[href="/account/factor"]')
                    person.wait_path("/account/factor")
                    assert clean(browser)
                    browser.fill("#password", "gondola-Turnip-wrong")
                    browser.click("#form button")
                    browser.wait_text("#errors", "That is not your password now.")
                    browser.fill("#password", TEST_PASSWORD)
                    browser.click("#form button")
                    browser.find("#secret")
                    shown = browser.text("#secret")
                    assert re.fullmatch("([A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown), shown
                    assert browser.has('main a[href^="otpauth://totp/Boxoffice:"]') and clean(browser)
                    app = Authenticator(shown.replace(" ", ""))
                    type_code(browser, "000000")
                    browser.wait_text("#errors", "This code is not right, or was used")
                    assert browser.text("#secret") == shown and browser.title.startswith("Error:")
                    type_code(browser, app.code())
                    browser.find("#codes")
                    codes = browser.texts("#codes li")
                    assert len(codes) == 10 and all(re.fullmatch("[a-z2-7]{5}-[a-z2-7]{5}", code) for code in codes)
                    assert clean(browser)
                with Person(server, javascript=scripts) as person:
                    browser = person.go("/auth/signin?next=%2Forders").browser
                    browser.fill("#email", client.email)
                    browser.fill("#password", TEST_PASSWORD)
                    browser.click("#form button")
                    browser.find("#code")
                    assert browser.run("return document.activeElement.id") == "code" and clean(browser)
                    type_code(browser, "000000")
                    browser.wait_text("#errors", "This code is not right, or was used")
                    assert clean(browser)
                    type_code(browser, app.code())
                    person.wait_path("/orders")
                    browser = person.go("/account/factor").browser
                    assert browser.text("#left").endswith("10") and clean(browser)
                    browser.fill("#password", TEST_PASSWORD)
                    type_code(browser, codes[0].upper())
                    browser.wait_text(".notice", "From now on you sign in with your password alone.")
                    assert not browser.has("#left")


def factor_of(server, client):
    """The client's account gets a factor; its app."""
    app = Authenticator(client.post("/api/users/factor", {"password": TEST_PASSWORD}).json["secret"])
    assert client.post("/api/users/factor/confirm", {"code": app.code()}).status == 200
    return app


def test_what_was_typed_outlives_the_second_step_and_no_password_comes_back(server):
    client, visitor = server.sign_up(), server.client()
    app = factor_of(server, client)
    typed = {"title": "Typed & 'kept'", "price": "12.50", "nonce": "0" * 32}
    page = send(visitor, "/tickets/new", typed)
    assert page.status == 401
    _, asked = sign_in(visitor, page, client)
    assert asked.status == 200 and b'name="code"' in asked.body and TEST_PASSWORD.encode() not in asked.body
    assert "session" not in visitor.cookies and asked.headers["Cache-Control"] == "no-store"
    wrong = send(visitor, "/auth/code", {**hidden(asked), "code": "000000"})
    assert wrong.status == 400 and hidden(wrong) == hidden(asked)
    fields = {**hidden(wrong), "code": app.code()}
    answer = send(visitor, "/auth/code", fields)
    assert (answer.status, answer.headers["Location"]) == (307, "/tickets/new") and "session" in visitor.cookies
    shown = follow(visitor, answer, fields)
    assert shown.status == 200 and value_of(shown, "price") == "12.50"


def test_who_took_too_long_signs_in_again_and_nothing_is_lost(server):
    visitor = server.client()
    page = send(visitor, "/tickets/new", {"title": "Kept", "price": "12.50", "nonce": "0" * 32})
    late = send(visitor, "/auth/code", {**hidden(page), "token": "x", "code": "123456"})
    assert late.status == 400 and b"That took too long. Sign in again." in late.body
    again = send(visitor, "/auth/signin", {**hidden(late), "show": "1"})
    assert again.status == 200 and hidden(again)["draft.title"] == "Kept"
    assert read(visitor, "/auth/code").headers["Location"] == "/auth/signin"


def test_a_new_password_by_a_link_asks_for_the_code_too(server):
    client, visitor = server.sign_up(), server.client()
    app = factor_of(server, client)
    path = reset_path(server, client.email)
    asked = send(visitor, "/auth/reset", {"token": path.split("token=")[1], "fresh": FRESH})
    assert asked.status == 200 and b'name="code"' in asked.body and "session" not in visitor.cookies
    answer = send(visitor, "/auth/code", {**hidden(asked), "code": app.code()})
    assert (answer.status, answer.headers["Location"]) == (303, "/") and "session" in visitor.cookies


def test_a_factor_that_was_changed_elsewhere_is_shown_as_it_is(server):
    client = server.sign_up()
    assert send(client, "/account/factor/off", {"password": TEST_PASSWORD, "code": "000000"}).headers["Location"] \
        == "/account/factor"
    app = factor_of(server, client)
    for path, fields in (("/account/factor", {"password": TEST_PASSWORD}),
                         ("/account/factor/confirm", {"code": app.code(), "secret": "ABCD"})):
        answer = send(client, path, fields)
        assert (answer.status, answer.headers["Location"]) == (303, "/account/factor"), path
    for secret in ("<b>x</b>", "abcd", "x" * 3000):
        answer = send(client, "/account/factor/confirm", {"code": "0", "secret": secret})
        assert answer.status == 303, answer


# --- where one is signed in

def elsewhere(server, person):
    """A session of the person's in another browser."""
    client = server.client()
    headers = {"User-Agent": "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1"}
    answer = client.post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}, headers=headers)
    assert answer.status == 200, answer
    return client


def is_over(client):
    return client.get("/api/orders").status == 401


def test_one_session_is_ended_and_then_all_others_with_and_without_scripts(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client = server.sign_up()
                lost, *others = [elsewhere(server, client) for _ in range(3)]
                with Person(server, client, javascript=scripts) as person:
                    browser = person.go("/account").browser
                    assert client.email in browser.text("#address") and "Not confirmed" in browser.text("#address")
                    rows = browser.texts(".session")
                    assert len(rows) == 4 and sum("This one" in row for row in rows) == 1, rows
                    assert sum("Safari on iPhone" in row and "from 127.0.0.1" in row for row in rows) == 3, rows
                    assert axe(browser) == [] if scripts else True
                    [session] = [each["id"] for each in lost.get("/api/users/sessions").json if each["current"]]
                    browser.click(f".session form:has([value='{session}']) button")
                    browser.wait_text(".notice", "That session has ended.")
                    assert is_over(lost) and not is_over(others[0]) and len(browser.texts(".session")) == 3
                    browser.click("#others button")
                    browser.wait_text(".notice", "Everywhere else you are signed out.")
                    assert all(is_over(other) for other in others) and not browser.has("#others")
                    assert len(browser.texts(".session")) == 1 and person.go("/orders").path == "/orders"
                    browser = person.go("/account").browser
                    browser.click(".session form button")
                    person.wait_path("/")
                    assert is_over(client)


def test_the_account_is_a_link_of_the_menu_and_by_keyboard_a_session_is_ended(server):
    client = server.sign_up()
    other = elsewhere(server, client)
    with Person(server, client) as person:
        browser = person.go("/").browser
        tab_to(browser, ".account summary")
        browser.press("enter")
        tab_to(browser, '.account a[href="/account"]')
        browser.press("enter")
        person.wait_path("/account")
        tab_to(browser, '.session form[action="/account/end"] button')
        browser.press("enter")
        browser.wait_text(".notice", "That session has ended.")
    assert is_over(other)


def test_a_session_that_has_ended_meanwhile_is_no_problem_and_nobody_elses_is_ended(server):
    client, victim = server.sign_up(), server.sign_up()
    [theirs] = [each["id"] for each in victim.get("/api/users/sessions").json]
    for session in (theirs, "0" * 64):
        answer = send(client, "/account/end", {"session": session})
        assert (answer.status, answer.headers["Location"]) == (303, "/account")
    assert not is_over(victim) and not is_over(client)
    for path in ("/account/end", "/account/end-others"):
        assert read(client, path).headers["Location"] == "/account"
    for session in ("", "x", "../signout-everywhere", "?x", "%2e%2e"):
        answer = send(client, "/account/end", {"session": session})
        assert (answer.status, answer.headers["Location"]) == (303, "/account")
    assert not is_over(client)


def test_change_password_is_where_programs_look_for_it(server):
    answer = server.client().get("/.well-known/change-password")
    assert (answer.status, answer.headers["Location"]) == (303, "/account/password")
    answer = read(server.client(), "/account/password")
    assert answer.headers["Location"] == "/auth/signin?next=%2Faccount%2Fpassword"
    page = read(server.sign_up(), "/account/password").body.decode()
    assert 'autocomplete="current-password"' in page and 'autocomplete="new-password"' in page
    assert 'autocomplete="username"' in page


def test_no_password_comes_back_in_a_page(server):
    answer = send(server.sign_up(), "/account/password", {"password": "was-typed-1", "fresh": "was-typed-2"})
    assert answer.status == 400 and b"was-typed" not in answer.body
    answer = send(server.client(), "/account/password", {"password": "was-typed-1", "fresh": "was-typed-2"})
    assert answer.status == 401 and b"was-typed" not in answer.body


def test_too_many_tries_say_how_long(server):
    with Server(env={"SIGNIN_FAILURES_PER_MINUTE": "2"}) as strict:
        person = strict.sign_up()
        person.cookies.pop("device", None)
        for _ in range(4):
            answer = send(person, "/account/password", {"password": "was-typed-1", "fresh": FRESH})
        assert answer.status == 429 and b"Try again in" in answer.body
        assert int(answer.headers["Retry-After"]) > 0


def test_the_sign_in_page_leads_to_what_can_be_done_without_a_password():
    with Server(env={"OPERATOR_CONTACT": "help@example.org"}) as server:
        with Person(server) as person:
            browser = person.go("/auth/signin?next=/orders").browser
            browser.click('a[href^="/auth/forgot"]')
            person.wait_path(r"/auth/forgot\?next=.*")
            assert "sends no mails itself" in browser.text("main")
            assert browser.has('main a[href="mailto:help@example.org"]')
            assert axe(browser) == []
            browser.fill("#email", "nobody")
            browser.click("#form button")
            browser.wait_text("#errors", "Email must be valid")
            assert axe(browser) == []
            browser.fill("#email", "nobody@example.org")
            browser.click("#form button")
            browser.wait_text("#sent", "If there is an account for nobody@example.org, a mail is on its way.")
            assert axe(browser) == []
            browser.click('main a[href^="/auth/signin"]')
            person.wait_path(r"/auth/signin\?next=.*orders")


def reset_path(server, email):
    link = json.loads(run_cli("users", "reset-link", email, "--data", server.data).stdout)["url"]
    return link[link.index("/auth/reset"):]


def test_a_link_leads_to_a_new_password_with_and_without_scripts(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client = server.sign_up()
                with Person(server, javascript=scripts) as person:
                    browser = person.go(reset_path(server, client.email)).browser
                    assert axe(browser) == [] if scripts else True
                    browser.fill("#fresh", "short")
                    browser.click("#form button")
                    browser.wait_text("#errors", "between 8 and 128 characters")
                    assert browser.title.startswith("Error:")
                    assert axe(browser) == [] if scripts else True
                    browser.fill("#fresh", FRESH)
                    browser.click("#form button")
                    browser.wait_text(".notice", "Your password was changed.")
                    assert person.go("/orders").path == "/orders"
                assert client.get("/api/users/currentuser").json["currentUser"] is None
                answer = server.client().post("/api/users/signin",
                                              {"email": client.email, "password": FRESH})
                assert answer.status == 200


def test_a_link_that_was_used_says_so_and_leads_to_a_new_one(server):
    path = reset_path(server, server.sign_up().email)
    token = path.split("token=")[1]
    assert send(server.client(), "/auth/reset", {"token": token, "fresh": FRESH}).status == 303
    with Person(server) as person:
        browser = person.go(path).browser
        browser.fill("#fresh", FRESH)
        browser.click("#form button")
        browser.wait_text("main", "This link was used or is too old.")
        assert axe(browser) == []
        browser.click('main a[href="/auth/forgot"]')
        person.wait_path("/auth/forgot")


def test_looking_at_a_link_opens_nothing_and_tells_nobody_where_it_is(server):
    path = reset_path(server, server.sign_up().email)
    token = path.split("token=")[1]
    for _ in range(3):
        page = read(server.client(), path)
        assert page.status == 200 and page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "strict-origin"
        assert page.body.decode().count(token) == 1, "in the form, and in no link"
    refused = send(server.client(), "/auth/reset", {"token": token, "fresh": "short"})
    assert refused.status == 400 and refused.headers["Referrer-Policy"] == "strict-origin"
    assert send(server.client(), "/auth/reset", {"token": token, "fresh": FRESH}).status == 303


def test_an_address_is_confirmed_with_and_without_scripts(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client = server.sign_up()
                with Person(server, client, javascript=scripts) as person:
                    browser = person.go("/account/email").browser
                    assert client.email in browser.text("main") and "Not confirmed" in browser.text("#state")
                    browser.click("#link button")
                    browser.wait_text(".notice", "A mail with the link is on its way.")
                    person.go("/auth/verify?token=" + mailed_token(server, client.email, "/auth/verify"))
                    assert axe(browser) == [] if scripts else True
                    browser.click("#form button")
                    browser.wait_text(".notice", "Your address is confirmed.")
                    person.wait_path("/account/email")
                    assert browser.text("#state").startswith("Confirmed")
                    assert axe(browser) == [] if scripts else True


def test_an_address_is_changed_with_and_without_scripts(server):
    with Cases() as case:
        for scripts in (True, False):
            with case("with scripts" if scripts else "without scripts"):
                client, email = server.sign_up(), new_email()
                with Person(server, client, javascript=scripts) as person:
                    browser = person.go("/account/email").browser
                    browser.fill("#fresh", "nobody")
                    browser.fill("#password", TEST_PASSWORD)
                    browser.click("#form button")
                    browser.wait_text("#errors", "Email must be valid")
                    assert browser.find("#fresh").value() == "nobody" and browser.title.startswith("Error:")
                    assert axe(browser) == [] if scripts else True
                    browser.fill("#fresh", email)
                    browser.fill("#password", "gondola-Turnip-wrong")
                    browser.click("#form button")
                    browser.wait_text("#errors", "That is not your password now.")
                    browser.fill("#password", TEST_PASSWORD)
                    browser.click("#form button")
                    browser.wait_text(".notice", "A mail is on its way to the new address.")
                    person.go("/auth/verify?token=" + mailed_token(server, email, "/auth/verify"))
                    browser.click("#form button")
                    browser.wait_text(".notice", "Your address is confirmed.")
                    person.wait_path("/account/email")
                    assert email in browser.text("main") and browser.text("#state").startswith("Confirmed")
                answer = server.client().post("/api/users/signin", {"email": email, "password": TEST_PASSWORD})
                assert answer.status == 200


def test_who_opens_the_link_to_somebody_elses_address_is_told(server):
    client, holder = server.sign_up(), server.sign_up()
    answer = send(client, "/account/email", {"fresh": holder.email, "password": TEST_PASSWORD})
    assert answer.status == 303 and b"was-typed" not in answer.body
    token = mailed_token(server, holder.email, "/auth/verify")
    answer = send(client, "/auth/verify", {"token": token})
    assert answer.status == 400 and b"There is an account with this email." in answer.body
    refused = send(client, "/account/email", {"fresh": "x", "password": "was-typed-1"})
    assert refused.status == 400 and b"was-typed" not in refused.body


def test_who_may_not_sell_yet_is_led_to_the_link():
    with Server(env={"CONFIRMED_SELLERS": "on"}) as server:
        with Person(server, server.sign_up()) as person:
            browser = person.go("/tickets/new").browser
            browser.fill("#title", "Kept as typed")
            browser.fill("#price", "20")
            browser.click("#form button")
            browser.wait_text("#errors", "It must be known that your email address is yours before you sell.")
            assert browser.find("#title").value() == "Kept as typed" and axe(browser) == []
            browser.click('main a[href="/account/email"]')
            person.wait_path("/account/email")


def test_staff_without_a_second_factor_is_led_to_one():
    with Server(env={"STAFF_FACTOR": "on"}) as server:
        client, nobody = server.sign_up(), server.sign_up()
        assert run_cli("users", "grant", client.email, "catalogue", "--data", server.data).returncode == 0
        page = read(client, "/account")
        assert page.status == 200 and b'id="withheld"' in page.body and b"/account/factor" in page.body
        assert b"withheld" not in read(nobody, "/account").body


def test_looking_at_a_link_confirms_nothing_and_a_used_one_leads_to_a_new_one(server):
    client = server.sign_up()
    assert send(client, "/account/email/link", {}).status == 303
    token = mailed_token(server, client.email, "/auth/verify")
    for _ in range(3):
        page = read(server.client(), "/auth/verify?token=" + token)
        assert page.status == 200 and page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "strict-origin"
        assert page.body.decode().count(token) == 1, "in the form, and in no link"
    assert client.get("/api/users/me").json["confirmed"] is False
    answer = send(server.client(), "/auth/verify", {"token": token})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    answer = send(server.client(), "/auth/verify", {"token": token})
    assert answer.status == 400 and b"This link was used or is too old." in answer.body
    assert b'href="/account/email"' in answer.body
    answer = read(server.client(), "/account/email")
    assert answer.headers["Location"] == "/auth/signin?next=%2Faccount%2Femail"


def test_too_many_links_say_how_long(server):
    client = server.sign_up()
    statuses = [send(client, "/account/email/link", {}).status for _ in range(5)]
    assert statuses == [303] * 5, statuses
    answer = send(client, "/account/email/link", {})
    assert answer.status == 429 and b"Try again in" in answer.body and int(answer.headers["Retry-After"]) > 0


def test_every_page_leads_to_help_terms_privacy_and_contact(server):
    with Person(server) as person, Cases() as case:
        browser = person.go("/").browser
        links = browser.run("return [...document.querySelectorAll('.foot a')].map((a) => a.getAttribute('href'))")
        assert {"/help", "/terms", "/privacy", "/help#contact"} <= set(links), links
        for path in ("/help", "/terms", "/privacy"):
            with case(path):
                person.go(path)
                assert browser.has("main h2") and axe(browser) == []
                assert "has named no address" in browser.text("#contact")
                page = read(server.client(), path)
                assert b'rel="canonical"' in page.body and page.headers["Cache-Control"] == "no-cache"


def test_who_runs_the_market_says_it_in_their_own_words():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "terms")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# Ours & <ours>\nFirst line,\n  second line.\n\nAnother.\n")
        with Server(env={"TERMS_TEXT_FILE": path, "OPERATOR_CONTACT": "https://example.org/help?a=1&b=2"}) \
                as server:
            page = read(server.client(), "/terms").body.decode()
            assert "<h2>Ours &amp; &lt;ours&gt;</h2><p>First line,\n  second line.</p><p>Another.</p>" in page
            assert 'href="https://example.org/help?a=1&amp;b=2"' in page
            assert "<h2>Buying</h2>" in read(server.client(), "/help").body.decode()


def test_a_contact_that_nobody_can_write_to_stops_the_start():
    with Cases() as case:
        for contact in ("help", "@example.org", "https://", "http://example.org", "a b@example.org",
                        "javascript:alert(1)", "x" * 250 + "@example.org", 'a"@example.org'):
            with case(contact):
                run = subprocess.run(command("serve", "--check"), capture_output=True, text=True,
                                     env=clean_environment({"OPERATOR_CONTACT": contact}), timeout=60)
                assert run.returncode != 0 and "OPERATOR_CONTACT must be" in run.stderr, run
