"""The Stripe double (npm stripe-stateful-mock) and the official package's signatures, started on
loopback. Both are dependencies of the tests alone, installed into build/stripe by `npm ci`."""

import fcntl
import json
import os
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request

import boxoffice
from check import Skip

SOURCE = os.path.join(boxoffice.ROOT, "tests", "stripe")
INSTALLED = os.path.join(boxoffice.ROOT, "build", "stripe")
KEY = "sk_test_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"
INSTALL_S_MAX = 180


def install():
    """The folder with the packages; Skip where npm cannot be reached, never in CI."""
    os.makedirs(INSTALLED, exist_ok=True)
    with open(os.path.join(INSTALLED, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(os.path.join(SOURCE, "package-lock.json"), encoding="utf-8") as file:
            wanted = file.read()
        done = os.path.join(INSTALLED, "installed")
        for name in ("package.json", "package-lock.json", "double.js"):
            shutil.copy(os.path.join(SOURCE, name), INSTALLED)
        if os.path.exists(done):
            with open(done, encoding="utf-8") as file:
                if file.read() == wanted:
                    return INSTALLED
        problem = _npm_ci()
        if problem:
            if os.environ.get("CI") == "true":
                raise AssertionError(problem)
            raise Skip(problem)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    return INSTALLED


def _npm_ci():
    """None, or why it did not work."""
    if not shutil.which("npm"):
        return "needs npm for the Stripe double (apt-get install nodejs npm)"
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=INSTALLED, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired:
        return f"npm ci took more than {INSTALL_S_MAX} s"
    if done.returncode == 0:
        return None
    return f"npm ci cannot install the Stripe double: {done.stderr.strip()[-300:]}"


class Double:
    """A running double: `with Double() as stripe: … stripe.base …`."""

    def __init__(self):
        folder = install()
        self.process = subprocess.Popen(["node", "double.js"], cwd=folder, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.port = self._line()["port"]
        self.base = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def environment(self, base=None):
        """What makes the program talk to it."""
        return {"STRIPE_KEY": KEY, "STRIPE_API_BASE": base or self.base,
                "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}

    def sign(self, payload, secret=WEBHOOK_SECRET, timestamp=None):
        """The Stripe-Signature header the official package makes."""
        command = {"payload": payload, "secret": secret}
        if timestamp is not None:
            command["timestamp"] = timestamp
        return self._ask(command)["header"]

    def tally(self):
        """{"charges", "doubled", "refunded"} of the money that moved."""
        return self._ask({"tally": True})

    def get(self, path):
        return self._call(path, None)

    def post(self, path, **form):
        return self._call(path, urllib.parse.urlencode(form).encode())

    def _call(self, path, body):
        request = urllib.request.Request(self.base + path, body,
                                         {"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def _ask(self, command):
        with self.lock:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
            return self._line()

    def _line(self):
        line = self.process.stdout.readline()
        assert line, "the Stripe double died"
        return json.loads(line)
