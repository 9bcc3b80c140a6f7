"""What the benchmarks run on this machine: the program, nginx, wrk and the C load generators.

Every server is on loopback, on a free port, with its files in one temporary folder, and is stopped
by its process id."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.join(ROOT, "build", "bench")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.dont_write_bytecode = True

from boxoffice import NO_LIMITS  # noqa: E402
from check import free_ports  # noqa: E402
import session  # noqa: E402  (sessions signed by hand, as the tests make them)

# nginx takes no longer word in its configuration than about twice this.
NGINX_TEXT_MAX = 2000


class Bench:
    """One run: its folder, its servers, its load generators."""

    def __init__(self):
        # /var/tmp is on a disk wherever /tmp is memory: a durable write must mean one.
        self.folder = tempfile.mkdtemp(prefix="boxoffice-bench-", dir="/var/tmp")
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def spawn(self, command, log, **options):
        with open(self.path(log), "wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=out, **options)
        self.processes.append(process)
        return process

    def stop(self, process):
        stop(process)
        self.processes.remove(process)


def stop(process):
    """SIGTERM, and SIGKILL when that did not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def get(url, cookie=None):
    headers = {"Cookie": f"session={cookie}"} if cookie else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.read()


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise SystemExit(f"bench: waited {seconds} s for {what}")


def answers(url):
    try:
        get(url)
        return True
    except OSError:
        return False


class Program:
    """A running `boxoffice serve` on a data folder of its own."""

    def __init__(self, bench, name, args=(), env=None, binary="build/boxoffice", ready_s=20):
        self.bench = bench
        self.data = bench.path(name)
        words = [os.path.join(ROOT, binary), "serve", "--listen", "127.0.0.1:0",
                 "--data", self.data, *args]
        self.process = bench.spawn(words, name + ".err", stdout=subprocess.PIPE, text=True,
                                   env={**os.environ, **NO_LIMITS, **(env or {})})
        line = self.process.stdout.readline()
        match = re.match(r"listening on (http://127\.0\.0\.1:(\d+))", line)
        if not match:
            with open(bench.path(name + ".err"), encoding="utf-8") as log:
                raise SystemExit(f"bench: the program did not start: {line}{log.read()}")
        self.url, self.port = match.group(1), int(match.group(2))
        self.monitoring = self.process.stdout.readline().strip().removeprefix("monitoring on ")
        wait_until(lambda: answers(self.url + "/readyz"), ready_s, "/readyz")
        with open(os.path.join(self.data, "jwt.key"), "rb") as key:
            self.key = key.read().strip()

    def cookie(self, number=0):
        return session.make_cookie(self.key, f"{number:024x}", f"user{number}@example.test")

    def cookies(self, count):
        """A file of that many users' sessions, one a line."""
        path = self.bench.path(f"cookies-{self.port}-{count}")
        with open(path, "w", encoding="ascii") as out:
            out.writelines(self.cookie(number) + "\n" for number in range(1, count + 1))
        return path

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_quiet(self):
        """Until the services have told each other everything: no work for half a second."""
        before = self.cpu_seconds()
        for _ in range(600):
            time.sleep(0.5)
            now = self.cpu_seconds()
            if now - before < 0.02:
                return
            before = now
        raise SystemExit("bench: the program never came to rest")

    def load(self, kind, connections, seconds, count_max=10**9, ids="", cookies=256):
        words = ["load", kind, self.port, connections, seconds, count_max, self.cookies(cookies)]
        return tool(*words, *([ids] if ids else []))

    def honest(self, rate, seconds, ids):
        return tool("honest", self.port, 64, seconds, rate, self.cookies(256), ids)

    def purchases(self, buyers, seconds, rate, pause_us=500):
        return tool("purchase", self.port, buyers, seconds, rate, self.cookies(512), pause_us)


class Flood:
    """Slow connections, guesses and a rush of connections; there once it is made, until result()."""

    def __init__(self, bench, program, seconds, slow, signins, connects):
        # They would run on other machines: what is left of this one is enough for them.
        words = ["nice", "-n", "10", build_tool("flood"), program.port, seconds, slow, signins, connects]
        self.bench = bench
        self.process = bench.spawn(list(map(str, words)), "flood.err", stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            with open(bench.path("flood.err"), encoding="utf-8") as log:
                raise SystemExit(f"bench: no flood: {log.read()}")

    def result(self):
        text = self.process.stdout.read()
        self.bench.stop(self.process)
        return json.loads(text)


class Nginx:
    """nginx answering each path with the body given for it."""

    def __init__(self, bench, bodies):
        folder = bench.path("nginx")
        os.makedirs(folder)
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        locations = [self.location(path, body) for path, body in bodies.items()]
        with open(os.path.join(HERE, "nginx.conf.in"), encoding="utf-8") as template:
            text = template.read()
        for name, value in (("DIR", folder), ("PORT", str(self.port)),
                            ("LOCATIONS", "\n".join(locations))):
            text = text.replace(f"@{name}@", value)
        conf = os.path.join(folder, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write(text)
        # Its workers must be able to read the folder when it was started as root.
        os.chmod(bench.folder, 0o755)
        self.process = bench.spawn(
            ["/usr/sbin/nginx", "-e", os.path.join(folder, "err"), "-c", conf], "nginx.err")
        wait_until(lambda: answers(self.url + next(iter(bodies))), 10, "nginx")

    @staticmethod
    def location(path, body):
        """Text of the same length; nginx takes it in pieces, and that is faster than a file."""
        sizes = [min(NGINX_TEXT_MAX, len(body) - at) for at in range(0, len(body), NGINX_TEXT_MAX)]
        pieces = "".join(f"set $p{i} '{'x' * size}'; " for i, size in enumerate(sizes))
        whole = "".join(f"$p{i}" for i in range(len(sizes)))
        if len(sizes) == 1:
            pieces, whole = "", "x" * len(body)
        return f"        location = {path} {{ {pieces}return 200 '{whole}'; }}"


def busy_part():
    """How much of the processors others use, over one second: 0 to 1."""
    before = processor_times()
    time.sleep(1)
    spent = [after - start for after, start in zip(processor_times(), before)]
    return 1 - (spent[3] + spent[4]) / sum(spent)  # idle and waiting for the disk


def processor_times():
    with open("/proc/stat", encoding="ascii") as stat:
        return [int(field) for field in stat.readline().split()[1:9]]


def tool(name, *words):
    """Runs a C load generator to its end and returns what it printed."""
    done = subprocess.run([build_tool(name), *map(str, words)], check=False, text=True,
                          stdout=subprocess.PIPE, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"bench: {name} ended with status {done.returncode}")
    return json.loads(done.stdout)


def build_tool(name):
    """Compiles bench/NAME.c when it is newer than its program."""
    program = os.path.join(BUILD, name)
    sources = [os.path.join(HERE, file) for file in (name + ".c", "wire.c")]
    libraries = ["-lnats"] if name == "publish" else []
    if name == "codes":
        sources[1:] = [os.path.join(ROOT, "src", file + ".c")
                       for file in ("services/entries/code", "base/base32", "base/str", "base/err")]
        libraries = ["-I" + os.path.join(ROOT, "src"), "-lsodium"]
    newest = max(os.path.getmtime(path) for path in sources + [os.path.join(HERE, "wire.h")])
    if not os.path.exists(program) or os.path.getmtime(program) < newest:
        os.makedirs(BUILD, exist_ok=True)
        subprocess.run(["gcc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                        "-o", program, *sources, *libraries], check=True)
    return program


def wrk(url, cookie=None, connections=64, seconds=5, script=None):
    """{"rate", "p50_us", "p99_us"} of one wrk run; a bad answer ends the benchmark."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if cookie:
        command += ["-H", f"Cookie: session={cookie}"]
    if script:
        command += ["-s", script]
    text = subprocess.run(command + [url], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(f"bench: {url}: {text}")
    return {
        "rate": float(re.search(r"Requests/sec:\s*([\d.]+)", text).group(1)),
        "p50_us": wrk_time(text, "50%"),
        "p99_us": wrk_time(text, "99%"),
    }


def wrk_time(text, row):
    number, unit = re.search(rf"^\s*{row}\s+([\d.]+)(us|ms|s)\s*$", text, re.MULTILINE).groups()
    return float(number) * {"us": 1, "ms": 1000, "s": 1e6}[unit]
