"""Runs the black-box tests: python3 tests/support/runner.py [word…]

A test is a function test_… in a file test_….py in one of FOLDERS under tests; its name says the
promise it proves. Words choose the tests whose
"folder/file.function" contains one of them. A test that takes an argument gets its file's shared
server, started with the file's SERVER (arguments of boxoffice.Server); a file with PARALLEL = n
runs n of its tests at a time. Prints a TAP-like line a test and closes with
`N passed, N failed, N skipped`.
"""

import argparse
import ast
import concurrent.futures
import importlib.util
import inspect
import os
import signal
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import boxoffice  # noqa: E402
from check import Skip, ToolGone, wait_for  # noqa: E402

FOLDERS = ("contract", "deploy", "distributed", "events", "faults", "image", "library", "nats",
           "observe", "operate", "package", "payments", "postgres", "web")
TEST_S_MAX = int(os.environ.get("BOXOFFICE_TEST_SECONDS", "100"))  # stretched as every deadline is
SANITIZER_SLOW = "6"


class Report:
    """Counts results and prints a line for each; safe from any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed = self.failed = self.skipped = 0

    def result(self, name, seconds, error):
        with self.lock:
            number = self.passed + self.failed + self.skipped + 1
            if error is None:
                self.passed += 1
                print(f"ok {number} - {name} ({seconds:.2f} s)")
            elif isinstance(error, Skip):
                self.skipped += 1
                print(f"ok {number} - {name} # SKIP {error}")
            else:
                self.failed += 1
                print(f"not ok {number} - {name}")
                print(indented(error))
            sys.stdout.flush()


def indented(error):
    text = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else error
    lines = text.rstrip().split("\n")
    return "\n".join("# " + "".join(map(visible, line)) for line in lines)


def visible(character):
    return character if character.isprintable() else repr(character)[1:-1]


class Suite:
    """One test file. It is imported when one of its tests is chosen, and not before: what it needs
    may not be installed for a run that does without it."""

    def __init__(self, folder, path):
        self.name = f"{folder}/{os.path.splitext(os.path.basename(path))[0]}"
        self.path = path
        self.module = None

    def names(self, words):
        """The full names of the chosen tests, in the order of the file, read off its text."""
        with open(self.path, encoding="utf-8") as file:
            tree = ast.parse(file.read(), self.path)
        names = [f"{self.name}.{node.name}" for node in tree.body
                 if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        return [name for name in names if not words or any(word in name for word in words)]

    def load(self):
        folder = os.path.dirname(self.path)
        if folder not in sys.path:
            sys.path.append(folder)  # what the files of a folder share
        spec = importlib.util.spec_from_file_location(self.name.replace("/", "_"), self.path)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)

    def tests(self, words):
        """(name, function) of the chosen tests; loads the file."""
        names = self.names(words)
        if names and not self.module:
            self.load()
        return [(name, getattr(self.module, name.rsplit(".", 1)[1])) for name in names]

    def run(self, words, report):
        try:
            tests = self.tests(words)
        except Exception as error:  # a module that is not there, a mistake in the file
            report.result(f"{self.name}: its imports", 0, error)
            return
        if not tests:
            return
        server = None
        try:
            if any(inspect.signature(function).parameters for _, function in tests):
                server = boxoffice.Server(**getattr(self.module, "SERVER", {}))
                server.start()
            self._run_tests(tests, server, report)
            if server:
                server.stop()
        except Exception as error:  # the server did not start, died or did not stop
            report.result(f"{self.name}: its server", 0, error)
        finally:
            if server:
                server.discard()
        while not boxoffice.findings.empty():
            report.result(f"{self.name}: sanitizer", 0, boxoffice.findings.get())

    def _run_tests(self, tests, server, report):
        parallel = getattr(self.module, "PARALLEL", 1)
        pool = concurrent.futures.ThreadPoolExecutor(parallel)
        running = [(name, pool.submit(run_one, name, function, server, report))
                   for name, function in tests]
        for name, future in running:
            try:
                wait_for(future.done, TEST_S_MAX)
            except AssertionError:
                report.result(name, TEST_S_MAX, "still running: see the time limit of a test")
        pool.shutdown(wait=False, cancel_futures=True)


def outcome(function, server):
    """None, or what the test raised."""
    try:
        function(server) if inspect.signature(function).parameters else function()
        return None
    except BaseException as caught:
        return caught


def run_one(name, function, server, report):
    started = time.monotonic()
    error = outcome(function, server)
    if isinstance(error, ToolGone):
        print(f"# {name}: {error}; once more")
        error = outcome(function, server)
    report.result(name, time.monotonic() - started, error)


def suites():
    for folder in FOLDERS:
        path = os.path.join(boxoffice.ROOT, "tests", folder)
        for file in sorted(os.listdir(path)) if os.path.isdir(path) else []:
            if file.startswith("test_") and file.endswith(".py"):
                yield Suite(folder, os.path.join(path, file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*", help="parts of test names; none: all")
    parser.add_argument("--list", action="store_true", help="import the files, print the names")
    options = parser.parse_args()
    if options.list:
        for suite in suites():
            print("\n".join(name for name, _ in suite.tests(options.words)))
        return 0
    if not os.access(boxoffice.binary(), os.X_OK):
        print(f"no program to test at {boxoffice.binary()} (set BOXOFFICE)", file=sys.stderr)
        return 2
    if boxoffice.sanitizer():
        os.environ.setdefault("BOXOFFICE_SLOW", SANITIZER_SLOW)
    report = Report()
    for suite in suites():
        suite.run(options.words, report)
    print(f"{report.passed} passed, {report.failed} failed, {report.skipped} skipped")
    return 1 if report.failed or not report.passed else 0


def end_by_signal(number, _):
    """What was started ends with the run, whoever ends that."""
    boxoffice.end_all()
    os._exit(128 + number)


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, end_by_signal)
    try:
        code = main()
    finally:
        boxoffice.end_all()
    sys.stdout.flush()
    os._exit(code)  # a test that hangs must not keep the run from ending
