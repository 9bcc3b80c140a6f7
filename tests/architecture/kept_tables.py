"""Of every table that a schema makes docs/operations.md says how long its rows are kept: the tables named in
the schema/retention.c (a unit test holds those against the databases) and in that section are the same."""

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECTION = re.compile(r"^### What is kept, and for how long$(.*?)^##", re.MULTILINE | re.DOTALL)


def declared(text):
    return set(re.findall(r'^    \{"(\w+)",', text, re.MULTILINE))


def documented(text):
    rows = re.findall(r"^\| (`[^|]*) \|", SECTION.search(text)[1], re.MULTILINE)
    return set(re.findall(r"`(\w+)`", " ".join(rows)))


def main():
    assert declared('    {"outbox",\n     "for ever"},\n    {0},') == {"outbox"}
    assert documented("### What is kept, and for how long\n| `a`, `b` | x |\n## Next") == {"a", "b"}
    tables = set()
    for path in glob.glob(os.path.join(ROOT, "src", "**", "schema", "retention.c"), recursive=True):
        with open(path, encoding="utf-8") as file:
            tables |= declared(file.read())
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        told = documented(file.read())
    failed = 0
    for table in sorted(tables | told):
        good = table in tables and table in told
        failed += not good
        print(f"{'ok' if good else 'not ok'} how long rows of {table} are kept is said in the code and in "
              "docs/operations.md")
    print(f"{len(tables | told) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
