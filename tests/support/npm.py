"""Packages of the tests from the npm registry, by a lock file, under build/."""

import fcntl
import os
import shutil
import subprocess

from check import Skip

INSTALL_S_MAX = 180


def install(source, installed, names, what):
    """Copies names from source to installed and runs `npm ci` there, unless that was done; returns
    installed. what: what it is for. Skip where npm cannot be reached, never in CI."""
    os.makedirs(installed, exist_ok=True)
    with open(os.path.join(installed, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(os.path.join(source, "package-lock.json"), encoding="utf-8") as file:
            wanted = file.read()
        done = os.path.join(installed, "installed")
        for name in names:
            shutil.copy(os.path.join(source, name), installed)
        if os.path.exists(done):
            with open(done, encoding="utf-8") as file:
                if file.read() == wanted:
                    return installed
        problem = _npm_ci(installed, what)
        if problem:
            if os.environ.get("CI") == "true":
                raise AssertionError(problem)
            raise Skip(problem)
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    return installed


def _npm_ci(installed, what):
    """None, or why it did not work."""
    if not shutil.which("npm"):
        return f"needs npm for {what} (apt-get install nodejs npm)"
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=installed, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired:
        return f"npm ci took more than {INSTALL_S_MAX} s"
    if done.returncode == 0:
        return None
    return f"npm ci cannot install {what}: {done.stderr.strip()[-300:]}"
