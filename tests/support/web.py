"""What the browser tests share: one driver a run, people at their browsers, axe, screenshots.

Screenshots go to the folder named by WEB_SHOTS (default build/web/shots), axe comes from AXE (default
build/web/node_modules/axe-core/axe.min.js, where `./dev test web` puts it)."""

import contextlib
import os
import re
import threading

from boxoffice import ROOT, TEST_PASSWORD, at_end, new_email
from browser import Driver
from check import Skip, ToolGone, wait_for

SHOTS = os.environ.get("WEB_SHOTS", os.path.join(ROOT, "build", "web", "shots"))
AXE = os.environ.get("AXE", os.path.join(ROOT, "build", "web", "node_modules", "axe-core",
                                         "axe.min.js"))
WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
MARKUP = "<b>x</b>\"'><script>document.title='owned'</script><img src=x onerror=alert(1)>&amp;{{title}}"

_driver = None
_lock = threading.Lock()


def driver():
    """Started when first needed, closed when the run ends."""
    global _driver
    with _lock:
        if _driver is None:
            _driver = Driver()
            at_end.append(_driver.close)
        return _driver


# Browsers wait here for the next person who wants one of that kind: to start one takes longer than most
# tests do. What has been done to one beyond pages and windows (flags, scripts of its own) ends with it.
_idle = []  # (kind, browser), the longest idle first
IDLE_MAX = 4


def _kind(options):
    return tuple(sorted((name, str(value)) for name, value in options.items()))


def take_browser(**options):
    kind = _kind(options)
    with _lock:
        for index, (of, browser) in enumerate(_idle):
            if of == kind:
                del _idle[index]
                return browser
    return driver().open(**options)


def give_back(browser, options):
    try:
        fit = not options.get("flags") and browser.forget(options)
    except Exception:  # it is in the midst of something: another one then
        fit = False
    if not fit:
        browser.close()
        return
    with _lock:
        _idle.append((_kind(options), browser))
        surplus = _idle.pop(0)[1] if len(_idle) > IDLE_MAX else None
    if surplus:
        surplus.close()


class Person:
    """Somebody at a browser of their own, looking at the server's pages."""

    def __init__(self, server, client=None, **options):
        self.base = f"http://{server.host}:{server.port}"
        self.browser, self.options = take_browser(**{**WIDE, **options}), {**WIDE, **options}
        self.email = None
        if client:
            self.browser.cookies(client.cookies, self.base)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            with contextlib.suppress(ToolGone):
                self.shot("failed")
            self.browser.close()
        else:
            give_back(self.browser, self.options)

    def go(self, path):
        self.browser.go(self.base + path)
        return self

    @property
    def path(self):
        return self.browser.url.removeprefix(self.base)

    def wait_path(self, pattern, timeout=10):
        """Waits until the address matches, and returns the match."""
        return wait_for(lambda: re.fullmatch(pattern, self.path), timeout,
                        lambda: f"{pattern}; at {self.path}: {self.browser.texts('main')}")

    def wait_live(self):
        """Until the page's event stream is open."""
        self.browser.find("body[data-connected]")
        return self

    def sign_up(self):
        self.email = new_email()
        self.go("/auth/signup")
        self.browser.fill("#email", self.email)
        self.browser.fill("#password", TEST_PASSWORD)
        self.browser.click("main form button")
        self.wait_path("/")
        return self

    def sell(self, title="A seat", price="20"):
        """Lists a ticket with the form; its id."""
        self.go("/tickets/new")
        self.browser.fill("#title", title)
        self.browser.fill("#price", price)
        self.browser.click("main form button")
        return self.wait_path(r"/tickets/((?!new)[0-9a-f]{24})")[1]

    def reserve(self, ticket_id):
        """Reserves a ticket on its page; the order's id."""
        def there():
            self.go(f"/tickets/{ticket_id}")
            self.browser.click(".buy button")
            wait_for(lambda: self.path != f"/tickets/{ticket_id}", 10, "an answer")
            return re.fullmatch("/orders/([0-9a-f]{24})", self.path)
        return wait_for(there, 10, "orders to know the ticket")[1]

    def choose(self, token):
        self.browser.click(f"input[value={token}]")
        return self

    def pay(self, token="tok_visa"):
        self.choose(token)
        self.browser.click(".pay button")
        return self

    def shot(self, name, kind="png"):
        self.browser.screenshot(os.path.join(SHOTS, f"{name}.{kind}"))



def axe(browser):
    """What axe-core finds against WCAG 2.2 A and AA on the page as it is: a list of sentences."""
    if not os.path.exists(AXE):
        if os.environ.get("CI") == "true":
            raise AssertionError(f"no axe-core at {AXE}")
        raise Skip("axe-core could not be fetched from the npm registry")
    with open(AXE, encoding="utf-8") as source:
        browser.devtools("Runtime.evaluate", expression=source.read())
    found = browser.run_async("""
        const done = arguments[arguments.length - 1];
        axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa",
            "best-practice"]}).then((result) => done(result.violations.map((violation) =>
            violation.id + ": " + violation.nodes.map((node) => node.target.join(" ") + " " +
            node.failureSummary).join(" | "))), (error) => done(["axe broke: " + error]));""")
    return found
