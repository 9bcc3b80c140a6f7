"""What tests say about answers and about time: cases, waiting on conditions, skipping.

Nothing here sleeps and hopes: `wait_for` polls a condition up to a deadline, `stays` watches one
that must not change. Deadlines are there to end a test that hangs; they stretch with the load of the
machine, and BOXOFFICE_SLOW stretches them when the program under test is a sanitizer build.
"""

import os
import re
import secrets
import signal
import socket
import threading
import time

OBJECT_ID = re.compile(r"^[0-9a-f]{24}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
CODE = re.compile(r"^[a-z][a-z0-9_]*$")


class Skip(Exception):
    """Raised by a test that cannot run here; its text says why."""


class ToolGone(Exception):
    """What a test works with, and not the program, ended by itself: the test is run again, once."""


# A deadline ends a test that hangs and decides nothing else, so it is many times what is ever needed:
# the load of a machine is an average and lags behind a busy minute.
PATIENCE = 6
LOAD_FACTOR_MAX = 10


def slow_factor():
    """How much longer than usual the program under test may take now: PATIENCE, and more where more
    threads want a processor than there are, whoever they belong to."""
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    sanitized = float(os.environ.get("BOXOFFICE_SLOW", "1"))
    return PATIENCE * sanitized * min(max(waiting, 1), LOAD_FACTOR_MAX)


def wait_for(predicate, timeout=10.0, what=None):
    """Polls predicate until it is true and returns its value; fails after timeout seconds, stretched.

    what names the condition in the failure: text, or a function called then."""
    started = time.monotonic()
    pause = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() - started > timeout * slow_factor():
            label = what() if callable(what) else what
            seconds = time.monotonic() - started
            raise AssertionError(f"not within {seconds:.0f} s: {label}; last: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def stays(predicate, seconds):
    """Fails when predicate becomes false at any time during the next seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = predicate()
        assert value, f"did not stay: {value!r}"
        time.sleep(0.02)


PORTS_IN_BLOCK = 32
_blocks = []  # sockets whose names say whose the ports are, until this process ends
_ports_left = []
_ports_lock = threading.Lock()


def free_ports(count):
    """Ports nobody listens on, which no other test run beside this one is given, none of them twice in a
    run. They lie below those that the kernel gives to connections and to whoever asks for any: such a one
    can be taken before it is used."""
    ports = []
    with _ports_lock:
        while len(ports) < count:
            if not _ports_left:
                _take_block()
            port = _ports_left.pop()
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue  # somebody listens there
            ports.append(port)
    return ports


def _take_block():
    """Makes a block of ports this process's own: a name, not a file, and so gone with the process."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = int(file.read().split()[0])
    while True:
        first = end // 2 + secrets.randbelow(end // 2 // PORTS_IN_BLOCK) * PORTS_IN_BLOCK
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0boxoffice-test-ports-{first}")
        except OSError:
            name.close()  # another run's
            continue
        _blocks.append(name)
        _ports_left.extend(range(first, first + PORTS_IN_BLOCK))
        return


def resident_kib(pid):
    """The memory a process has in RAM."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])


def processes_of(parent=None, session=None):
    """The pids of a process's children, or of a session's processes: /proc/PID/stat."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                _, ppid, _, sid = file.read().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if int(ppid) == parent or int(sid) == session:
            found.append(int(name))
    return found


def freeze(pid):
    """SIGSTOP, and waits until every thread has stopped: one that did not take the signal yet goes on."""
    os.kill(pid, signal.SIGSTOP)

    def states():
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as file:
                yield file.read().rpartition(")")[2].split()[0]
    wait_for(lambda: set(states()) == {"T"}, 10, "all its threads to stop")


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
