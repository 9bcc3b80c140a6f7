#!/usr/bin/env python3
"""Proves that every event the program logs is in the tables of docs/operations.md, with its level, and
that these name no other."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CALL = re.compile(r"\blog_event\(\s*([^;,]*LOG_[^,]*),\s*([^,]+?),\s*(\"[a-z_.]+\"|[a-z_]+)\s*[,)]")
FUNCTION = re.compile(r"^[a-z][^;{}()]*?\b([a-z_]+)\([^;{}]*\)\n\{", re.MULTILINE)
ROW = re.compile(r"^\| (`[a-z_.`, ]+`) \| ([a-z, ]+) \|", re.MULTILINE)


def calls_in(text):
    """(name, level) of each; a name that a function was given is looked up at its callers."""
    for call in CALL.finditer(text):
        levels, names = re.findall(r"LOG_([A-Z]+)", call[1]), [call[3].strip('"')]
        if not call[3].startswith('"'):
            around = [each[1] for each in FUNCTION.finditer(text) if each.start() < call.start()][-1]
            names = re.findall(rf"\b{around}\([^;]*?\"([a-z_]+\.[a-z_]+)\"", text)
            assert names, f"nobody calls {around} with the name of an event"
        yield from ((name, level.lower()) for name in names for level in levels)


def logged(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".c"):
                with open(os.path.join(where, name), encoding="utf-8") as file:
                    for event, level in calls_in(file.read()):
                        found.setdefault(event, set()).add(level)
    return found


def documented(text):
    """The rows of the tables whose first column is called event."""
    tables = re.findall(r"^\| event \| level \| means \|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return {name: set(levels.split(", ")) for table in tables
            for names, levels in ROW.findall(table) for name in re.findall(r"[a-z_.]+", names)}


def main():
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        told = documented(file.read())
    known = logged(os.path.join(ROOT, "src"))
    results = [("the test sees what is logged directly",
                dict(calls_in('log_event(LOG_INFO, a->b, "x.y", c(1));')) == {"x.y": "info"}),
               ("the test sees what is logged by a function for others", dict(calls_in(
                   'static void note(int a)\n{\n    log_event(LOG_WARN, a, name);\n}\n'
                   'void f(void)\n{\n    note(1, "x.z");\n}\n')) == {"x.z": "warn"})]
    for event in sorted(known | told):
        results.append((f"{event}: {'/'.join(sorted(known.get(event, {'not logged'})))} in src, "
                        f"{'/'.join(sorted(told.get(event, {'missing'})))} in docs/operations.md",
                        known.get(event) == told.get(event)))
    for what, good in results:
        print(f"{'ok' if good else 'not ok'} {what}")
    failed = sum(not good for _, good in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
