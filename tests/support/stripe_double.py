"""The Stripe double (npm stripe-stateful-mock) and the official package's signatures, started on
loopback. Both are dependencies of the tests alone, installed into build/stripe by `npm ci`."""

import json
import os
import subprocess
import threading
import urllib.parse
import urllib.request

import boxoffice
import npm

SOURCE = os.path.join(boxoffice.ROOT, "tests", "stripe")
INSTALLED = os.path.join(boxoffice.ROOT, "build", "stripe")
KEY = "sk_test_for_tests_only"
WEBHOOK_SECRET = "whsec_for_tests_only"


def install():
    """The folder with the packages."""
    return npm.install(SOURCE, INSTALLED, "the Stripe double", ("double.js",))


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
        self.process.wait(60)
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
        with urllib.request.urlopen(request, timeout=60) as answer:
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
