#!/usr/bin/env python3
"""layers.py: an include goes down the layers, never up, never sideways between services.

Read off the #include lines of src/. Libraries are named only in the folder that owns them. A file and its
header are one: no folder has more than FOLDER_MAX of them, and no name stands for two."""
import os
import re
import sys
import tempfile

SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
LAYERS = ["main", "cli", "services", "runtime", "events", "bus", "delay", "http", "identity", "sql", "telemetry", "client", "html", "unicode", "base"]  # top to bottom
# A folder inside a layer that stands above the rest of it.
INNER = {"http": "http/server"}
FOLDER_MAX = 20
# What every service has one of.
SHAPE = {"routes", "commands", "documents", "listeners", "store", "retention"}
# Pure rules: what they include, and what that includes, is of these folders or of their service.
RULES = {"identity/email", "services/auth/user", "services/catalogue/rules", "services/catalogue/show", "services/catalogue/venue",
         "services/entries/entry", "services/entries/door/scan", "services/entries/transfer",
         "services/orders/order", "services/payments/charge",
         "services/tickets/listing", "services/tickets/ticket"}
RULES_ABOVE = {"base", "identity", "telemetry", "unicode"}
RULES_HEADERS = {"events/sale_rules.h", "events/values.h"}
# SQL is in a service's store, or in its …_store where it has several, and a store does nothing else.
SQL = re.compile(r"\btx_(?:query|exec)\w*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Header → folders that may name it (a folder stands for everything below it).
LIBRARIES = {
    "uv.h": ["http/server"],
    "http_parser.h": ["http/server/parser.h"],
    "llhttp.h": ["http/server/parser.h"],
    "openssl/": ["delay/tls.c", "services/auth/factor"],
    "curl/": ["client"],
    "zlib.h": ["http"],
    "sqlite3.h": ["sql"],
    "libpq-fe.h": ["sql"],
    "nats/": ["bus"],
    "hiredis/": ["delay"],
    "sodium.h": ["base", "services/auth", "services/entries"],
    "idn2.h": ["unicode"],
    "qrencode.h": ["services/web"],
    "jansson.h": ["base"],
    "utf8proc.h": ["unicode"],
    "seccomp.h": ["runtime/sandbox"],
    "pthread.h": ["base", "bus", "client", "http", "identity", "runtime", "sql", "telemetry"],
}
# Networks and descriptors belong to the folders that talk to the outside.
SYSTEM = {
    "sys/socket.h": ["http", "cli", "runtime/sandbox", "runtime/notify.c"],
    "netinet/in.h": ["http"],
    "arpa/inet.h": ["http"],
    "sys/epoll.h": ["http"],
}


def layer_of(path):
    """src-relative path → (layer, service or None). Files right in src/ are the main layer."""
    parts = path.split("/")
    if len(parts) == 1:
        return "main", None
    if parts[0] == "services":
        return "services", parts[1] if len(parts) > 2 else None
    return parts[0], None


def own_include_problem(path, target):
    """What is wrong with #include "target" in path; None when nothing is."""
    layer, service = layer_of(path)
    to_layer, to_service = layer_of(target)
    if layer not in LAYERS or to_layer not in LAYERS:
        return "is on no layer"
    if LAYERS.index(to_layer) < LAYERS.index(layer):
        return f"goes up from {layer} to {to_layer}"
    inner = INNER.get(layer)
    if inner and target.startswith(inner + "/") and not path.startswith(inner + "/"):
        return f"goes up to {inner}"
    # services/services.h belongs to none of them: it only names their tables.
    if layer == to_layer == "services" and to_service and service != to_service:
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
            # A header that a build step makes (build/…) lands in the same layer names.
            problem = own_include_problem(path, target) or library_problem(path, target)
        if problem:
            yield f'src/{path}: #include {target} {problem}'


def sources(src):
    for folder, _, files in os.walk(src):
        for name in sorted(files):
            if name.endswith((".c", ".h", ".def", ".inc")):
                yield os.path.relpath(os.path.join(folder, name), src)


def names_by_folder(paths):
    """{folder: the names of its files}, a file and its header counted once."""
    found = {}
    for path in paths:
        folder, name = os.path.split(path)
        found.setdefault(folder, set()).add(name.rsplit(".", 1)[0])
    return found


def installed_headers():
    """What the build installs for services outside this tree, as paths below src."""
    with open(os.path.join(SRC, "..", "meson.build"), encoding="utf-8") as build:
        table = re.search(r"foreach layer, names : \{(.*?)\}", build.read(), re.DOTALL).group(1)
    return {f"{folder}/{name}.h" for folder, names in re.findall(r"'([\w/]+)': \[([^\]]*)\]", table)
            for name in re.findall(r"'(\w+)'", names)}


def includes_not_installed(headers):
    for header in sorted(headers):
        with open(os.path.join(SRC, header), encoding="utf-8") as source:
            for kind, target in INCLUDE.findall(source.read()):
                if kind == '"' and target not in headers:
                    yield f"{header} is installed and includes {target}, which is not"


def shared_names(by_folder):
    """{name: its folders} of those that stand for two things."""
    folders = {}
    for folder, names in by_folder.items():
        for name in names - SHAPE:
            folders.setdefault(name, []).append(folder)
    return {name: sorted(where) for name, where in folders.items() if len(where) > 1}


def included(src, path, found=None):
    """The headers of src that path includes, and that those include."""
    found = set() if found is None else found
    with open(os.path.join(src, path), encoding="utf-8") as source:
        text = source.read()
    for kind, target in INCLUDE.findall(text):
        target = resolve(src, path, target)
        if kind == '"' and target not in found and os.path.exists(os.path.join(src, target)):
            found.add(target)
            included(src, target, found)
    return found


def rules_problems(src, name):
    """What a file of rules and its header include that rules must not know."""
    for path in (name + ".h", name + ".c"):
        if not os.path.exists(os.path.join(src, path)):
            continue
        for target in sorted(included(src, path)):
            layer, service = layer_of(target)
            if layer not in RULES_ABOVE and target not in RULES_HEADERS and (layer, service) != layer_of(path):
                yield f"src/{path} is a rule and includes {target}"


def store_problem(path, text):
    """What is wrong with the SQL of a service's file; None when nothing is."""
    name = os.path.basename(path)[:-2]
    is_store = name == "store" or name.endswith("_store")
    if SQL.search(text) and not is_store:
        return "has SQL and is no store"
    return "is a store and writes JSON" if is_store and "json_" in text else None


# --- the test of the test ------------------------------------------------------------------------

FIXTURES = [
    ("base/x.c", '#include "sql/sql.h"', True),
    ("sql/x.c", '#include "base/str.h"', False),
    ("sql/x.c", '#include <uv.h>', True),
    ("http/x.c", '#include <uv.h>', True),
    ("http/server/x.c", '#include <uv.h>', False),
    ("http/x.c", '#include "http/server/stream.h"', True),
    ("http/server/x.c", '#include "http/router.h"', False),
    ("http/x.c", '#include "identity/cookie.h"', False),
    ("identity/x.c", '#include "http/request.h"', True),
    ("base/x.c", '#include "telemetry/log.h"', True),
    ("telemetry/x.c", '#include <curl/curl.h>', True),
    ("http/x.c", '#include <openssl/evp.h>', True),
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


def stores_problems():
    for path in sources(SRC):
        if not path.startswith("services/") or not path.endswith(".c"):
            continue
        with open(os.path.join(SRC, path), encoding="utf-8") as source:
            problem = store_problem(path, source.read())
        if problem:
            yield f"src/{path} {problem}"


def main():
    results = []

    def check(good, name):
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {name}")

    for path, line, bad in FIXTURES:
        judged = fixture_is_judged(path, line, bad)
        check(judged, f"{'refuses' if bad else 'takes'} {line.strip()} in {path}")
    by_module = {}
    for path in sources(SRC):
        layer, service = layer_of(path)
        module = f"services/{service}" if service else layer
        by_module.setdefault(module, []).extend(problems_in(SRC, path))
    for module, problems in sorted(by_module.items()):
        for problem in problems:
            print(f"  {problem}")
        check(not problems, f"includes of {module} go down")
    check(shared_names({"a": {"x", "store"}, "b": {"x", "store"}}) == {"x": ["a", "b"]}, "finds a shared name")
    problems = list(includes_not_installed(installed_headers()))
    for problem in problems:
        print(f"  {problem}")
    check(not problems, "installed headers include installed ones")
    for name in sorted(RULES):
        problems = list(rules_problems(SRC, name))
        for problem in problems:
            print(f"  {problem}")
        check(not problems, f"{name} includes nothing but what rules may know")
    check(store_problem("services/x/y.c", "tx_exec(tx, NULL)") and store_problem("services/x/store.c", "json_key(json)")
          and not store_problem("services/x/y_store.c", "tx_query(tx)"), "finds SQL outside a store, and JSON in one")
    problems = list(stores_problems())
    for problem in problems:
        print(f"  {problem}")
    check(not problems, "SQL is in stores, and stores do nothing else")
    by_folder = names_by_folder(sources(SRC))
    for folder, names in sorted(by_folder.items()):
        check(len(names) <= FOLDER_MAX, f"src/{folder} has {len(names)} files")
    shared = shared_names(by_folder)
    for name, folders in sorted(shared.items()):
        print(f"  {name}: {', '.join(folders)}")
    check(not shared, "each name stands for one thing")
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
