"""Proves the card field: nothing can be paid before the processor's script says that the field is
ready, and a script that is late, broken or refuses a card says what that means.

The script is a stand-in, served from this machine under the processor's name."""

import contextlib
import http.server
import ssl
import tempfile
import threading

from boxoffice import Server, create_ticket, reserve, wait_order
from certificates import certificates
from check import wait_for
from web import Person

# What it does is in the hands of the test: window.ready() is the field's word that it is there.
SCRIPT = b"""
window.Stripe = (key) => ({
    elements: () => ({ create: (kind) => ({
        on: (name, tell) => { window[name] = tell; },
        mount: (place) => { place.textContent = kind + " of " + key; } }) }),
    createToken: () => new Promise((done) =>
        setTimeout(() => done(window.answer || { token: { id: "tok_visa" } }))),
});"""
# Timers of eight seconds go off when the test says so: window.late().
TIMERS = """
    const later = window.setTimeout;
    window.setTimeout = (act, ms, ...rest) =>
        ms === 8000 ? (window.late = act, 0) : later(act, ms, ...rest);"""


class Processor:
    """js.stripe.com on this machine."""

    def __init__(self):
        processor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                processor.let_go.wait(60)
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript")
                self.send_header("Content-Length", str(len(SCRIPT)))
                self.end_headers()
                self.wfile.write(SCRIPT)

            def log_message(self, *_):
                pass

        self.let_go = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with tempfile.TemporaryDirectory() as folder:
            _, certificate, key = certificates(folder, "js.stripe.com")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.flags = (f"--host-resolver-rules=MAP js.stripe.com 127.0.0.1:{self.server.server_port}",
                      "--ignore-certificate-errors")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


class Counter:
    """A market with the processor's form, and somebody at the page of an order."""

    def __enter__(self):
        self.all = contextlib.ExitStack()
        try:
            self.processor = self.all.enter_context(Processor())
            self.server = self.all.enter_context(Server(env={"STRIPE_PUBLISHABLE_KEY": "pk_test_123"}))
            self.buyer = self.server.sign_up()
            ticket = create_ticket(self.server.sign_up(), "By card")["id"]
            self.order = reserve(self.buyer, ticket)["id"]
            self.person = self.all.enter_context(
                Person(self.server, self.buyer, flags=self.processor.flags, waits=False))
        except BaseException:
            self.all.close()
            raise
        self.browser = self.person.browser
        self.browser.devtools("Page.addScriptToEvaluateOnNewDocument", source=TIMERS)
        return self

    def __exit__(self, *what):
        self.processor.let_go.set()
        return self.all.__exit__(*what)

    def go(self):
        self.person.go(f"/orders/{self.order}")
        return self

    def mounted(self):
        self.browser.wait_text("#card", "card of pk_test_123")
        return self

    def armed(self):
        return self.browser.run("return !document.querySelector('.pay-now').disabled")

    def lost(self):
        return self.browser.run("return !document.querySelector('#card-lost').hidden")


def test_one_pays_only_when_the_field_is_ready():
    with Counter() as at:
        at.processor.let_go.set()
        at.go().mounted()
        assert not at.armed() and not at.lost()
        at.browser.run("document.querySelector('.pay').requestSubmit()")  # Enter, say
        at.browser.run("window.ready()")
        assert at.armed()
        at.browser.click(".pay-now")
        at.browser.wait_text("#fresh", "Paid. The ticket is yours.")
        wait_order(at.buyer, at.order, "complete")
        assert at.browser.complaints() == []


def test_a_script_that_is_late_is_told_and_may_come_all_the_same():
    with Counter() as at:
        at.go()
        wait_for(lambda: at.browser.run("return !!window.late"), 20, "the page to wait for the field")
        assert not at.armed() and not at.lost()
        at.browser.run("window.late()")
        at.browser.wait_text("#card-lost", "The card form could not be loaded.")
        assert "Your ticket is held until" in at.browser.text("#card-lost") and not at.armed()
        at.processor.let_go.set()
        at.mounted().browser.run("window.ready()")
        assert at.armed() and not at.lost()


def test_a_ready_field_is_not_called_late():
    with Counter() as at:
        at.processor.let_go.set()
        cleared = at.go().mounted().browser.run("""
            let cleared = false;
            const clear = window.clearTimeout;
            window.clearTimeout = (timer) => { cleared = cleared || timer === 0; clear(timer); };
            window.ready();
            return cleared;""")
        assert cleared and at.armed()


def test_what_is_wrong_with_a_card_is_said_and_one_may_try_again():
    with Counter() as at:
        at.processor.let_go.set()
        at.go().mounted().browser.run(
            "window.ready(); window.answer = { error: { message: 'Your card number is incomplete.' } };")
        at.browser.click(".pay-now")
        at.browser.wait_text("#card-error", "Your card number is incomplete.")
        wait_for(at.armed, 10, "another try")
        assert at.browser.text(".pay-now").startswith("Pay $")
        at.browser.run("window.answer = null")
        at.browser.click(".pay-now")
        at.browser.wait_text("#fresh", "Paid. The ticket is yours.")
