#!/usr/bin/env python3
"""floors.py: an include goes down the floors, never up, never sideways between services.

Read off the #include lines of src/. Libraries are named only in the folder that owns them."""
import os
import re
import sys
import tempfile

SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
FLOORS = ["main", "cli", "services", "runtime", "events", "bus", "delay", "http", "sql", "base"]  # top to bottom
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Header → folders that may name it (a folder stands for everything below it).
LIBRARIES = {
    "uv.h": ["http"],
    "http_parser.h": ["http"],
    "llhttp.h": ["http"],
    "openssl/": ["http"],
    "curl/": ["http"],
    "sqlite3.h": ["sql"],
    "libpq-fe.h": ["sql"],
    "nats/": ["bus"],
    "hiredis/": ["delay"],
    "sodium.h": ["services/auth"],
    "jansson.h": ["base"],
    "seccomp.h": ["runtime/sandbox"],
    "pthread.h": ["base", "bus", "http", "runtime"],
}
# Networks and descriptors belong to the folders that talk to the outside.
SYSTEM = {
    "sys/socket.h": ["http", "cli", "runtime/sandbox"],
    "netinet/in.h": ["http"],
    "arpa/inet.h": ["http"],
    "sys/epoll.h": ["http"],
}


def room_of(path):
    """src-relative path → (floor, service or None). Files right in src/ are the main floor."""
    parts = path.split("/")
    if len(parts) == 1:
        return "main", None
    if parts[0] == "services":
        return "services", parts[1] if len(parts) > 2 else None
    return parts[0], None


def own_include_problem(path, target):
    """What is wrong with #include "target" in path; None when nothing is."""
    floor, service = room_of(path)
    to_floor, to_service = room_of(target)
    if floor not in FLOORS or to_floor not in FLOORS:
        return "is on no floor"
    if FLOORS.index(to_floor) < FLOORS.index(floor):
        return f"goes up from {floor} to {to_floor}"
    # services/services.h belongs to none of them: it only names their tables.
    if floor == to_floor == "services" and to_service and service != to_service:
        return f"goes sideways from {service} to {to_service}"
    return None


def library_problem(path, header):
    for table in (LIBRARIES, SYSTEM):
        for name, owners in table.items():
            if header != name and not (name.endswith("/") and header.startswith(name)):
                continue
            if not any(path == owner or path.startswith(owner + "/") for owner in owners):
                return f"belongs to {', '.join(owners)}"
    return None


def resolve(src, path, target):
    """An include beside the file counts as a path from src, too."""
    if os.path.exists(os.path.join(src, target)):
        return target
    beside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return beside if os.path.exists(os.path.join(src, beside)) else target


def problems_in(src, path):
    with open(os.path.join(src, path), encoding="utf-8") as source:
        text = source.read()
    for kind, target in INCLUDE.findall(text):
        if kind == "<":
            problem = library_problem(path, target)
        else:
            target = resolve(src, path, target)
            # A header that a build step makes (build/…) lands in the same floor names.
            problem = own_include_problem(path, target) or library_problem(path, target)
        if problem:
            yield f'src/{path}: #include {target} {problem}'


def sources(src):
    for folder, _, files in os.walk(src):
        for name in sorted(files):
            if name.endswith((".c", ".h", ".def", ".inc")):
                yield os.path.relpath(os.path.join(folder, name), src)


# --- the test of the test ------------------------------------------------------------------------

FIXTURES = [
    ("base/x.c", '#include "sql/sql.h"', True),
    ("sql/x.c", '#include "base/str.h"', False),
    ("sql/x.c", '#include <uv.h>', True),
    ("http/x.c", '#include <uv.h>', False),
    ("http/x.c", '#include <openssl/evp.h>', False),
    ("bus/x.c", '#include <openssl/evp.h>', True),
    ("bus/x.c", '#include "http/request.h"', False),
    ("services/orders/x.c", '#include "services/tickets/ticket.h"', True),
    ("services/orders/x.c", '#include "services/orders/order.h"', False),
    ("services/orders/x.c", '#include "services/services.h"', False),
    ("services/orders/x.c", '#include "runtime/service.h"', False),
    ("services/orders/x.c", '#include <sodium.h>', True),
    ("services/auth/x.c", '#include <sodium.h>', False),
    ("services/orders/x.c", '#include <pthread.h>', True),
    ("runtime/x.c", '#include "services/auth/auth.h"', True),
    ("runtime/x.c", '  #  include "main.h"', True),
    ("main.c", '#include "cli/cli.h"', False),
    ("cli/x.c", '#include "services/services.h"', False),
    ("runtime/x.c", '#include "cli/cli.h"', True),
]


def fixture_is_judged(path, line, bad):
    with tempfile.TemporaryDirectory() as folder:
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as source:
            source.write(line + "\n")
        return any(problems_in(folder, path)) == bad


def main():
    results = []

    def check(good, name):
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {name}")

    for path, line, bad in FIXTURES:
        judged = fixture_is_judged(path, line, bad)
        check(judged, f"{'refuses' if bad else 'takes'} {line.strip()} in {path}")
    by_room = {}
    for path in sources(SRC):
        floor, service = room_of(path)
        room = f"services/{service}" if service else floor
        by_room.setdefault(room, []).extend(problems_in(SRC, path))
    for room, problems in sorted(by_room.items()):
        for problem in problems:
            print(f"  {problem}")
        check(not problems, f"includes of {room} go down")
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
