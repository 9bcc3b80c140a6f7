#!/usr/bin/env python3
"""collection.py: the test files a suite runs can be imported with what that suite installs.

Each suite that runs test files is asked which ones, by a Python that sees the standard library and
the modules of the suite's own packages (suite_packages in tools/dev/suites.sh), nothing else. A suite
whose packages are not on this machine is skipped: a whole `./dev test` has them all."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MODULES = "/usr/lib/python3/dist-packages/"
PARTS = "for part in packages build suites checks fresh sim package image; do . tools/dev/$part.sh; done\n"
# Everything a suite does but choosing test files.
STUBS = """
for name in build_release build_tested build_asan build_tsan compile_in build_package bare_root_tar \\
    build_image unit_tests fetch_npm; do eval "$name() { :; }"; done
against() { python3 -S tests/support/runner.py --list "${@:2}"; }
"""


def shell(script, **environment):
    return subprocess.run(["bash", "-c", "set -euo pipefail\n" + PARTS + script], cwd=ROOT, text=True,
                          capture_output=True, check=False, env={**os.environ, **environment})


def suites():
    """The suites that run test files."""
    found = shell('for name in "${ALL_SUITES[@]}" "${NAMED_SUITES[@]}"; do\n'
                  'if declare -f "suite_$name" | grep -q "against\\|every_driver"; then echo "$name"; fi\ndone')
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def query(package, field):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${" + field + "}", package],
                          text=True, capture_output=True, check=False)
    status, _, value = done.stdout.partition(" ")
    return value if done.returncode == 0 and status == "installed" else None


def python_packages(names):
    """Those of the packages that hold Python modules, with the ones they stand on; None: one is missing."""
    waiting, found = [name for name in names if name.startswith("python3-")], set()
    while waiting:
        name = waiting.pop()
        depends = query(name, "Depends")
        if depends is None:
            return None
        found.add(name)
        waiting += [other for other in re.findall(r"python3-[a-z0-9.+-]+", depends)
                    if other not in found and query(other, "Depends") is not None]
    return found


def modules_of(packages, folder):
    """Links to what the packages put where Python looks."""
    for package in packages:
        listed = subprocess.run(["dpkg-query", "-L", package], text=True, capture_output=True,
                                check=True).stdout.split("\n")
        for path in listed:
            name = path[len(MODULES):]
            link = os.path.join(folder, name)
            if path.startswith(MODULES) and name and "/" not in name and not os.path.lexists(link):
                os.symlink(path, link)


def collect(suite):
    """(outcome, words) of one suite."""
    listed = shell(f"suite_packages {suite}")
    packages = python_packages(listed.stdout.split())
    if packages is None:
        return "skip", "its packages are not installed"
    with tempfile.TemporaryDirectory(prefix="boxoffice-modules-") as folder:
        modules_of(packages, folder)
        done = shell(STUBS + f"suite_{suite}", PYTHONPATH=folder)
    if done.returncode != 0 or not done.stdout.strip():
        return "not ok", (done.stderr.strip() or "no test at all").split("\n")[-1]
    return "ok", f"{len(done.stdout.split())} tests"


def main():
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    for suite in suites():
        outcome, words = collect(suite)
        counts[outcome] += 1
        print(f"ok {suite} # SKIP {words}" if outcome == "skip" else f"{outcome} {suite}: {words}")
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] or not counts["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
