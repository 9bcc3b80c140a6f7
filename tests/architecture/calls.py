#!/usr/bin/env python3
"""calls.py BUILD_DIR: what is linked goes down the layers, as what is included does.

Read off the objects with nm: a symbol that an object leaves undefined and another object of src/
defines is a call (or a use of its data) from the one file to the other. An include can be too many,
and a call can do without one (a declaration by hand, an extern); the linker sees all of them. Holds
that

- a call goes down from one layer to another, and never sideways between services;
- no circle of files runs through two modules, and none has more than CIRCLE_FILES_MAX files."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from layers import LAYERS, layer_of  # noqa: E402
from nm import source_objects  # noqa: E402

CIRCLE_FILES_MAX = 3
# Circles that are there still, by one of their files. The list only gets shorter.
OPEN_CIRCLES = set()


def symbols(path, *options):
    text = subprocess.run(["nm", *options, path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line and not line.endswith(":")}


def module_of(path):
    """The folder a file belongs to: a layer, or a service."""
    layer, service = layer_of(path)
    return f"services/{service}" if service else layer


def arrows(objects):
    """{file: {other file: a symbol it takes from there}} of {file: (defined, undefined)}."""
    owner = {symbol: path for path, (defined, _) in objects.items() for symbol in defined}
    found = {}
    for path, (_, undefined) in objects.items():
        for symbol in sorted(undefined):
            other = owner.get(symbol)
            if other and other != path:
                found.setdefault(path, {}).setdefault(other, symbol)
    return found


def call_problem(path, other, symbol):
    """What is wrong with path's use of a symbol of other; None when nothing is."""
    layer, service = layer_of(path)
    to_layer, to_service = layer_of(other)
    if LAYERS.index(to_layer) < LAYERS.index(layer):
        return f"{path} goes up to {other}: {symbol}"
    if layer == to_layer == "services" and service != to_service:
        return f"{path} goes sideways to {other}: {symbol}"
    return None


def circles(graph):
    """The strongly connected components of more than one file (Tarjan, 1972)."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in graph.get(node, {}):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            circle = []
            while not circle or circle[-1] != node:
                circle.append(stack.pop())
                on_stack.discard(circle[-1])
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def circle_problem(circle):
    modules = sorted({module_of(path) for path in circle})
    if len(modules) > 1:
        return f"runs through {', '.join(modules)}"
    if len(circle) > CIRCLE_FILES_MAX:
        return f"has {len(circle)} files"
    return None


# --- the test of the test ------------------------------------------------------------------------

def fixtures():
    """(name, whether it holds) for small graphs that are to be judged."""
    down = {"services/orders/store.c": ({"a"}, {"b"}), "sql/sql.c": ({"b"}, set())}
    up = {"runtime/x.c": ({"a"}, {"b"}), "services/orders/store.c": ({"b"}, set())}
    sideways = {"services/orders/store.c": ({"a"}, {"b"}), "services/tickets/store.c": ({"b"}, set())}

    def problems(objects):
        return [call_problem(path, other, symbol)
                for path, others in arrows(objects).items() for other, symbol in others.items()
                if call_problem(path, other, symbol)]

    def ring(*files):
        return {a: {b: "f"} for a, b in zip(files, files[1:] + files[:1])}

    yield "takes a call down", not problems(down)
    yield "refuses a call up", bool(problems(up))
    yield "refuses a call sideways", bool(problems(sideways))
    yield "finds a circle", circles(ring("bus/a.c", "bus/b.c")) == [["bus/a.c", "bus/b.c"]]
    yield "finds none in a tree", not circles({"bus/a.c": {"bus/b.c": "f"}, "bus/c.c": {"bus/b.c": "f"}})
    yield "takes a circle of three in a module", not circle_problem(["bus/a.c", "bus/b.c", "bus/c.c"])
    yield "refuses a circle of four", bool(circle_problem(["bus/a.c", "bus/b.c", "bus/c.c", "bus/d.c"]))
    yield "refuses a circle through two modules", bool(circle_problem(["bus/a.c", "sql/b.c"]))


def main(build):
    results = []

    def check(good, name):
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {name}")

    for name, good in fixtures():
        check(good, name)
    objects = {path: (symbols(file, "-g", "--defined-only"), symbols(file, "-u"))
               for path, file in source_objects(build)}
    check(len(objects) > 100, f"found {len(objects)} objects")
    graph = arrows(objects)
    by_module = {}
    for path, others in sorted(graph.items()):
        problems = by_module.setdefault(module_of(path), [])
        problems += filter(None, (call_problem(path, other, symbol) for other, symbol in others.items()))
    for module, problems in sorted(by_module.items()):
        for problem in problems:
            print(f"  {problem}")
        check(not problems, f"calls of {module} go down")
    found = circles(graph)
    for circle in found:
        problem = circle_problem(circle)
        known = OPEN_CIRCLES & set(circle)
        check(not problem or bool(known),
              f"circle of {len(circle)} in {module_of(circle[0])}: {', '.join(circle[:6])}"
              + (f" {problem}" if problem else "") + (" (open)" if problem and known else ""))
    for path in sorted(OPEN_CIRCLES):
        check(any(path in circle and circle_problem(circle) for circle in found),
              f"{path} is in an open circle still: else it leaves the list")
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "build"))
