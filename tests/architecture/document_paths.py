"""Every path of a source file or folder that README.md and docs/ name is there: whoever moves a file
takes its name in the documents along. Words in capitals stand for what the reader puts in, and the example
of docs/adding-a-service.md is the reader's to make."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = re.compile(r"`((?:src|tests|bench|tools|deploy|examples|docs)/[A-Za-z0-9_./-]+)`")
EXAMPLE = "watches"


def missing_paths(text, exists):
    return [path for path in PATH.findall(text)
            if not re.search(r"[A-Z]{3,}", path) and EXAMPLE not in path
            and not any(map(exists, (path, f"{path}.py", f"{path}.c")))]


def main():
    assert missing_paths("`src/gone.c` and `src/services/NAME/x.c`", lambda path: False) == ["src/gone.c"]
    documents = ["README.md", *sorted(os.path.join("docs", name) for name in os.listdir(
        os.path.join(ROOT, "docs")) if name.endswith(".md"))]
    failed = 0
    for number, name in enumerate(documents, 1):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            missing = missing_paths(file.read(), lambda path: os.path.exists(os.path.join(ROOT, path)))
        failed += bool(missing)
        print(f"{'not ok' if missing else 'ok'} {number} - {name} names files that are there")
        for path in missing:
            print(f"# {path}")
    print(f"{len(documents) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
