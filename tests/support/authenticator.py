"""An app of codes, as people have it on a phone: oathtool, which knows nothing of the program."""

import subprocess
import time

STEP_S = 30


class Authenticator:
    """Codes of a secret. No step is shown twice, and none that is nearly over for the program: those of
    now, then of the step after it."""

    def __init__(self, secret):
        self.secret = secret
        self.shown = 0

    def at(self, seconds):
        """The code of that moment, in seconds since 1970."""
        done = subprocess.run(["oathtool", "--totp", "--base32", "--now", f"@{int(seconds)}", self.secret],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def code(self):
        step = max(int(time.time()) // STEP_S, self.shown + 1)
        self.shown = step
        return self.at(step * STEP_S)
