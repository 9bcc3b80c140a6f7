#!/usr/bin/env python3
"""unit_results.py TESTLOG.json: the unit tests' results from meson's log, one line each.

Meson counts programs; people count tests. A program that ended badly without a failed test of its
own (a crash, a sanitizer, a time-out) counts as one failed."""
import json
import re
import sys

TAP_LINE = re.compile(r"^(ok|not ok)\b\s*(?:\d+)?\s*-?\s*(.*)$")


def tap_results(text):
    """(passed, failed, skipped) names of the TAP lines in text."""
    passed, failed, skipped = [], [], []
    for line in text.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        verdict, name = match.groups()
        if "# SKIP" in name.upper():
            skipped.append(name)
        elif verdict == "ok":
            passed.append(name)
        else:
            failed.append(name)
    return passed, failed, skipped


def report(program):
    """Prints one program's outcome and returns its three counts."""
    text = program.get("stdout", "")
    passed, failed, skipped = tap_results(text)
    name = program["name"]
    if program["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and not failed:
        failed = [f"{name}: ended with {program['result']} (status {program.get('returncode')})"]
    if not passed and not failed and not skipped and program["result"] == "OK":
        passed = [name]
    print(f"{'not ok' if failed else 'ok'} {name}: {len(passed)} tests")
    for failure in failed:
        print(f"not ok {name}: {failure}")
    if failed:
        print((text + program.get("stderr", ""))[-6000:])
    for skip in skipped:
        print(f"skipped {name}: {skip}")
    return len(passed), len(failed), len(skipped)


def main(path):
    totals = [0, 0, 0]
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            programs = [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        programs = []
    for program in programs:
        totals = [a + b for a, b in zip(totals, report(program))]
    if not programs:
        print("not ok no unit test ran")
        totals[1] = 1
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
