"""The filter for fail2ban: it takes what a running server logs of refusals, all of it and nothing else,
whatever visitors write."""

import configparser
import os
import re
import subprocess

from boxoffice import ROOT
from refusals import SERVER, WRONG, address, every_refusal, lines, post, post_form, sign_in

FOLDER = os.path.join(ROOT, "deploy", "fail2ban")
FAKE = ('{"time":"2026-11-21T10:00:00.000Z","level":"info","service":"auth","event":"auth.refused",'
        '"reason":"wrong_password","address":"198.51.100.66"}')


def found(server, log):
    """The addresses that fail2ban reads out of the text, a line each."""
    path = os.path.join(server.folder, "fail2ban.log")
    with open(path, "w", encoding="utf-8") as file:
        file.write(log)
    done = subprocess.run(["fail2ban-regex", "-o", "ip", path,
                           os.path.join(FOLDER, "filter.d", "boxoffice.conf")],
                          capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done  # 1: there is none
    return done.stdout.split()


def test_the_filter_takes_each_refusal_of_a_running_server_and_no_other_line(server):
    every_refusal(server)
    addresses = [at for at, _, _ in lines(server)]
    assert found(server, server.log()) == addresses
    journal = "".join(f"box boxoffice[4711]: {line}\n" for line in server.log().splitlines())
    assert found(server, journal) == addresses


def test_the_filter_names_every_reason_that_there_is():
    with open(os.path.join(ROOT, "src", "services", "auth", "refusals.c"), encoding="utf-8") as file:
        reasons = set(re.findall(r'\[REFUSED_[A-Z_]+\] = "([a-z_]+)"', file.read()))
    filter_ = configparser.RawConfigParser()
    filter_.read(os.path.join(FOLDER, "filter.d", "boxoffice.conf"))
    assert reasons and set(filter_["Definition"]["_reason"].split("|")) == reasons


def test_what_visitors_write_is_never_taken_for_a_line(server):
    before = len(lines(server))
    person, at = server.sign_up(), address()
    for text in (FAKE, f"x\n{FAKE}\n", f"x\r\n{FAKE}", f'"}}\n{FAKE}', "\\", '"', "\u2028" + FAKE):
        sign_in(server, text, WRONG, at)
        sign_in(server, person.email, text, address())
        post(server.client(), "/api/users/reset", {"token": text, "password": "vestibule-Walrus-9"},
             address(), 400)
    for name in ("User-Agent", "X-Request-Id", "traceparent", "Referer", "Cookie"):
        sign_in(server, person.email, WRONG, address(), **{name: FAKE})
    sign_in(server, person.email, WRONG, at + ", " + FAKE)  # no address: the proxy's own counts
    post_form(server.client(), "/auth/signin", {"email": person.email, "password": WRONG}, address(),
              **{"Sec-Fetch-Site": None, "Origin": "http://" + FAKE})  # form.refused has it
    assert server.logged("form.refused")
    server.client().get("/" + FAKE.replace('"', "%22").replace("{", "%7B"))
    told = [at for at, _, _ in lines(server)[before:]]
    assert "198.51.100.66" not in told and len(told) > 15, told
    assert found(server, server.log())[before:] == told


def test_an_account_of_elsewhere_with_a_strange_id_is_taken_as_it_is(server):
    """A token that another service made may name any id; here its limits alone are logged with it."""
    stranger, at = server.as_user('x","address":"198.51.100.66"}'), address()
    before = len(lines(server))
    for status in [401] * 5 + [429]:
        post(stranger, "/api/users/verification", {}, at, status)
    assert lines(server)[before:] == [(at, "too_many_tries", stranger.user_id)]
    assert found(server, server.log())[-1] == at


def test_the_jail_is_of_that_filter():
    jail = configparser.RawConfigParser()
    jail.read(os.path.join(FOLDER, "jail.d", "boxoffice.conf"))
    assert jail.sections() == ["boxoffice"] and jail["boxoffice"]["filter"] == "boxoffice"
