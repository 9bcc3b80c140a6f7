"""Packages of the tests from the npm registry, by a lock file, under build/.

    python3 tests/support/npm.py SOURCE INSTALLED WHAT

does the same for a suite: status 1 and one line when it cannot be had. A registry that did not
answer once is not asked again during a run: what it said is kept in the folder OUTSIDE_FAILURES of
the environment (tools/dev/suites.sh), or in this process without one."""

import fcntl
import filecmp
import os
import shutil
import subprocess
import sys

from check import Skip, slow_factor

INSTALL_S_MAX = 180
LOCK_FILES = ("package.json", "package-lock.json")
failures = {}  # of this process: "npm" → what went wrong


def install(source, installed, what, files=()):
    """Copies the lock files and files from source to installed and runs `npm ci` there, unless that
    was done; returns installed. what: what it is for. Skip where npm cannot be reached, never in CI."""
    problem = _fetch(source, installed, what, files)
    if problem and os.environ.get("CI") == "true":
        raise AssertionError(problem)
    if problem:
        raise Skip(problem)
    return installed


def _fetch(source, installed, what, files):
    """None, or why it is not there."""
    os.makedirs(installed, exist_ok=True)
    with open(os.path.join(installed, "lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(os.path.join(source, "package-lock.json"), encoding="utf-8") as file:
            wanted = file.read()
        done = os.path.join(installed, "installed")
        for name in (*LOCK_FILES, *files):
            _put(os.path.join(source, name), os.path.join(installed, name))
        if os.path.exists(done):
            with open(done, encoding="utf-8") as file:
                if file.read() == wanted:
                    return None
        if _failed_before():
            return f"no {what}: npm ci has failed before in this run"
        problem = _npm_ci(installed, what)
        if problem:
            _remember(problem)
            return problem
        with open(done, "w", encoding="utf-8") as file:
            file.write(wanted)
    return None


def _put(source, target):
    """Copies a file unless it is there already, and never leaves half of it: other tests read the
    folder meanwhile, without the lock."""
    if os.path.exists(target) and filecmp.cmp(source, target, shallow=False):
        return
    shutil.copy(source, target + ".new")
    os.replace(target + ".new", target)


def _kept():
    folder = os.environ.get("OUTSIDE_FAILURES")
    return os.path.join(folder, "npm") if folder else None


def _failed_before():
    return "npm" in failures or bool(_kept() and os.path.exists(_kept()))


def _remember(problem):
    failures["npm"] = problem
    if _kept():
        with open(_kept(), "w", encoding="utf-8") as file:
            file.write(problem)


def _npm_ci(installed, what):
    """None, or why it did not work."""
    if not shutil.which("npm"):
        return f"needs npm for {what} (apt-get install nodejs npm)"
    seconds = INSTALL_S_MAX * slow_factor()
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                              cwd=installed, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"npm ci took more than {seconds:.0f} s"
    if done.returncode == 0:
        return None
    return f"npm ci cannot install {what}: {done.stderr.strip()[-300:]}"


if __name__ == "__main__":
    why = _fetch(sys.argv[1], sys.argv[2], sys.argv[3], ())
    if why:
        print(why, file=sys.stderr)
        sys.exit(1)
