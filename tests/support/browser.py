"""A real browser for the tests: headless Chromium, driven over WebDriver (W3C) with nothing but HTTP.

    with Driver() as driver, driver.open(width=1200) as browser:
        browser.go("http://…")
        browser.find("h1").text
"""

import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile

from check import Skip, ToolGone, free_ports, wait_for

CHROME = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: tests run as root in containers; nothing but our own pages is opened.
ANSWER_S_MAX = 290  # of a page or a script, on however slow a machine: what hangs ends the test
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
         "--disable-extensions", "--disable-default-apps")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"tab": "\ue004", "enter": "\ue007", "space": "\ue00d", "shift": "\ue008", "escape": "\ue00c",
        "down": "\ue015", "up": "\ue013"}


class WebDriverError(AssertionError):
    """What the driver answered instead of a result."""


def _program(*names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Skip(f"needs {names[0]}")


class Driver:
    """One chromedriver; each browser it opens has a profile of its own."""

    def __init__(self):
        self.chrome = _program(*CHROME)
        self.port = free_ports(1)[0]
        self.folder = tempfile.mkdtemp(prefix="boxoffice-browser-")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [_program("chromedriver"), f"--port={self.port}", "--silent"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(self._ready, 20, "chromedriver")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # the group it was started in, browsers too
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, **options):
        return Browser(self, **options)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S_MAX)
        try:
            data = None if method in ("GET", "DELETE") else json.dumps(body or {})
            connection.request(method, path, data, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and value.get("error") == "invalid session id":
            raise ToolGone(f"the browser ended by itself: {value['message'].splitlines()[0]}")
        if isinstance(value, dict) and "error" in value:
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    def _ready(self):
        try:
            return self.ask("GET", "/status")["ready"]
        except OSError:
            return False


class Browser:
    """One browser with one window."""

    def __init__(self, driver, width=1280, height=900, javascript=True, dark=False, text=100,
                 flags=(), waits=True):
        """text: per cent; the size of letters as people set it in their browser. flags: Chromium's own.
        waits: for a page and all it wants to load before anything else is done."""
        self.driver = driver
        prefs = {} if javascript else {"profile.managed_default_content_settings.javascript": 2}
        if text != 100:
            prefs["webkit.webprefs.default_font_size"] = 16 * text // 100
        profile = tempfile.mkdtemp(prefix="profile-", dir=driver.folder)
        flags = [*FLAGS, *flags, f"--window-size={width},{height}", f"--user-data-dir={profile}"]
        options = {"binary": driver.chrome, "args": flags, "prefs": prefs}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"browser": "ALL"},
                  "pageLoadStrategy": "normal" if waits else "none",
                  "timeouts": {"script": 1000 * ANSWER_S_MAX, "pageLoad": 1000 * ANSWER_S_MAX}}
        session = driver.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.path = f"/session/{session['sessionId']}"
        self.resize(width, height)
        if dark:
            self.media("prefers-color-scheme", "dark")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.path:
            with contextlib.suppress(ToolGone):
                self._ask("DELETE", "")
            self.path = None

    def _ask(self, method, path, body=None):
        return self.driver.ask(method, self.path + path, body)

    # --- tabs: what is done is done in one of them

    @property
    def tab(self):
        return self._ask("GET", "/window")

    def new_tab(self, url):
        """Opens another one, in front, and goes on there; its name."""
        name = self._ask("POST", "/window/new", {"type": "tab"})["handle"]
        self.show_tab(name)
        self.go(url)
        return name

    def show_tab(self, name):
        self._ask("POST", "/window", {"handle": name})
        self.devtools("Page.bringToFront")

    def forget(self, options):
        """As it was when it was opened with those options: nothing of pages, people and emulations."""
        first, *others = self._ask("GET", "/window/handles")
        for name in others:
            self._ask("POST", "/window", {"handle": name})
            self._ask("DELETE", "/window")
        self._ask("POST", "/window", {"handle": first})
        self.go("about:blank")
        for command in ("Network.clearBrowserCookies", "Network.clearBrowserCache",
                        "Emulation.clearDeviceMetricsOverride"):
            self.devtools(command)
        self.devtools("Storage.clearDataForOrigin", origin="*", storageTypes="all")
        self.devtools("Emulation.setTimezoneOverride", timezoneId="")
        self.devtools("Emulation.setEmulatedMedia", media="", features=[])
        self.resize(options["width"], options["height"])
        if options.get("dark"):
            self.media("prefers-color-scheme", "dark")
        self.complaints()
        return True

    # --- where

    def go(self, url):
        self._ask("POST", "/url", {"url": url})

    def back(self):
        self._ask("POST", "/back")

    def reload(self):
        self._ask("POST", "/refresh")

    @property
    def url(self):
        return self._ask("GET", "/url")

    @property
    def title(self):
        return self._ask("GET", "/title")

    @property
    def source(self):
        return self._ask("GET", "/source")

    def resize(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=1, mobile=width < 600)

    # --- what is there

    def all(self, selector):
        found = self._ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, element[ELEMENT]) for element in found]

    def find(self, selector, timeout=10):
        """The first that matches, as soon as there is one."""
        return wait_for(lambda: self.all(selector), timeout,
                        lambda: f"{selector} on {self.url}")[0]

    def has(self, selector):
        return bool(self.all(selector))

    def text(self, selector="body"):
        return self.find(selector).text

    def wait_text(self, selector, text, timeout=10):
        def there():
            return any(text in seen for seen in self.texts(selector))
        wait_for(there, timeout, lambda: f"{text!r} in {selector}: {self.texts(selector)}")

    def texts(self, selector):
        """At one moment: elements do not go away between finding and reading."""
        return self.run("return [...document.querySelectorAll(arguments[0])]"
                        ".map((e) => e.innerText)", selector)

    def run(self, script, *arguments):
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        return self._ask("POST", "/execute/async", {"script": script, "args": list(arguments)})

    # --- doing

    def fill(self, selector, text):
        def there():
            element = self.find(selector)
            element.clear()
            element.type(text)
        self._unless_replaced(there)

    def click(self, selector):
        self._unless_replaced(lambda: self.find(selector).click())

    @staticmethod
    def _unless_replaced(act):
        """Pages renew themselves: an element that went away between finding and using is found anew."""
        def done():
            try:
                act()
            except WebDriverError as error:
                if "stale element" in str(error):
                    return False
                raise
            return True
        wait_for(done, 10, "an element that stays")

    def press(self, *keys):
        """Keys for whatever has the focus: names of KEYS, or text."""
        actions = []
        for key in keys:
            for value in (KEYS[key],) if key in KEYS else key:
                actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys",
                                                    "actions": actions}]})

    def devtools(self, command, **parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def media(self, name, value):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": name, "value": value}])

    def cookies(self, pairs, url):
        for name, value in pairs.items():
            self.devtools("Network.setCookie", name=name, value=value, url=url)

    # --- proof

    def screenshot(self, path):
        """path ends in .png, or in .webp for a small one."""
        kind = os.path.splitext(path)[1][1:]
        quality = {"quality": 80} if kind == "webp" else {}
        data = self.devtools("Page.captureScreenshot", format=kind, **quality)["data"]
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def complaints(self):
        """Errors on the console since the last call: scripts that broke, what the CSP blocked."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]


class Element:
    def __init__(self, browser, name):
        self.browser = browser
        self.path = f"/element/{name}"
        self.name = name

    def _ask(self, method, path, body=None):
        return self.browser._ask(method, self.path + path, body)

    def click(self):
        self._ask("POST", "/click")

    def clear(self):
        self._ask("POST", "/clear")

    def type(self, text):
        self._ask("POST", "/value", {"text": text})

    @property
    def text(self):
        return self._ask("GET", "/text")

    def attribute(self, name):
        return self._ask("GET", f"/attribute/{name}")

    def value(self):
        return self._ask("GET", "/property/value")
