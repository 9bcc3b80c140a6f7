"""What tests say about answers and about time: cases, waiting on conditions, skipping.

Nothing here sleeps and hopes: `wait_for` polls a condition up to a deadline, `stays` watches one
that must not change. SLOW stretches the deadlines when the program under test is a sanitizer
build.
"""

import os
import re
import time

OBJECT_ID = re.compile(r"^[0-9a-f]{24}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
CODE = re.compile(r"^[a-z][a-z0-9_]*$")


class Skip(Exception):
    """Raised by a test that cannot run here; its text says why."""


def slow_factor():
    """How much longer than usual the program under test may take."""
    return float(os.environ.get("BOXOFFICE_SLOW", "1"))


def wait_for(predicate, timeout=10.0, what=None):
    """Polls predicate until it is true and returns its value; fails after timeout seconds.

    what names the condition in the failure: text, or a function called then."""
    deadline = time.monotonic() + timeout * slow_factor()
    pause = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            label = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {label}; last: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def stays(predicate, seconds):
    """Fails when predicate becomes false at any time during the next seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = predicate()
        assert value, f"did not stay: {value!r}"
        time.sleep(0.02)


def resident_kib(pid):
    """The memory a process has in RAM."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])


class Cases:
    """Runs many small cases in one test and reports every failing one, not the first only.

        with Cases() as case:
            for value in values:
                with case(value):
                    assert ...
    """

    def __init__(self):
        self.failures = []
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None and self.failures:
            text = "\n".join(f"  {label}: {what}" for label, what in self.failures)
            raise AssertionError(f"{len(self.failures)} of {self.count} cases failed:\n{text}")
        return False

    def __call__(self, label):
        self.count += 1
        return _Case(self, label)


class _Case:
    def __init__(self, cases, label):
        self.cases = cases
        self.label = label if isinstance(label, str) else repr(label)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None or not issubclass(kind, (AssertionError, OSError, KeyError, ValueError)):
            return False
        label = self.label if len(self.label) <= 100 else self.label[:97] + "..."
        self.cases.failures.append((label, str(error) or kind.__name__))
        return True


def expect(answer, status):
    """The answer has this status and, when it has a body, JSON of the right type. Returns it."""
    assert answer.status == status, f"expected {status}, got {answer}"
    if answer.body:
        kind = answer.headers.get("Content-Type")
        assert kind == "application/json; charset=utf-8", f"Content-Type {kind!r}: {answer}"
    return answer


def expect_errors(answer, status, pairs):
    """The answer is exactly these (message, field) in order; field None: it has none."""
    expect(answer, status)
    body = answer.json
    assert isinstance(body, dict) and isinstance(body.get("errors"), list), f"no errors: {answer}"
    found = [(error.get("message"), error.get("field")) for error in body["errors"]]
    assert found == list(pairs), f"expected {list(pairs)}, got {found}"
    for error in body["errors"]:
        assert CODE.match(str(error.get("code"))), f"no code: {error}"
        assert error.get("field", "") is not None, f"field is null: {error}"


def expect_error(answer, status, message, field=None):
    """The answer is exactly this one error."""
    expect_errors(answer, status, [(message, field)])


def expect_not_authorized(answer):
    expect_error(answer, 401, "Not authorized")


def expect_not_found(answer):
    expect_error(answer, 404, "Not Found")


def expect_something_wrong(answer):
    expect_error(answer, 400, "Something went wrong")


def expect_id(value):
    assert isinstance(value, str) and OBJECT_ID.match(value), f"not an id: {value!r}"
