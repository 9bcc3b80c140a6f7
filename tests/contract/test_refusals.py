"""Proves that whoever does not prove who they are, or tries too often, leaves one line of the log, with
the address and the account and nothing that was typed; and that nobody fills a disk with them."""

from boxoffice import TEST_PASSWORD, Server
from check import expect
from refusals import SERVER, WRONG, address, every_refusal, lines, post_form, sign_in

LINES_A_MINUTE = 60


def test_each_refusal_is_one_line_with_the_address_and_the_account(server):
    before = len(lines(server))
    told = every_refusal(server)
    assert lines(server)[before:] == told
    log = server.log()
    for typed in (WRONG, TEST_PASSWORD, "@example.test", "vestibule-Walrus-9", "0" * 88):
        assert typed.lower() not in log.lower(), typed


def test_what_is_refused_on_a_page_is_the_visitors_not_the_pages(server):
    before, at = len(lines(server)), address()
    typed = {"email": "nobody@example.test", "password": WRONG}
    page = post_form(server.client(), "/auth/signin", typed, at)
    assert page.status == 400, page.status
    assert lines(server)[before:] == [(at, "unknown_account", None)]


def test_who_signs_in_is_no_refusal(server):
    before, person = len(lines(server)), server.sign_up()
    expect(server.client().post("/api/users/signin", {"email": person.email, "password": TEST_PASSWORD}), 200)
    assert len(lines(server)) == before


def test_one_address_has_sixty_lines_a_minute_and_what_is_beyond_is_counted():
    with Server(env={"TRUSTED_PROXIES": "127.0.0.1"}) as server:
        person, guesser, other = server.sign_up(), address(), address()
        for _ in range(LINES_A_MINUTE + 5):
            sign_in(server, person.email, WRONG, guesser)
        sign_in(server, person.email, WRONG, other)
        seen = [at for at, _, _ in lines(server)]
        assert seen == [guesser] * LINES_A_MINUTE + [other]
        refused = expect(server.monitor().get("/streaming"), 200).json["limits_refused"]
        assert refused["refusal_lines"] == 5, refused
