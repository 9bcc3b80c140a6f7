"""The whole set of tools/distributed.py: purchases through its ingress against everything in one
process, and two replicas of orders against one. On one machine all of it shares its cores, so the
second says less about scaling than about which of them is short; who used them is said beside it.
Held to a part of a core each, as on machines of their own, replicas show whether two do more."""
import concurrent.futures
import json
import os
import shutil
import statistics
import sys

from machine import NO_LIMITS, ROOT, Program, tool

sys.path.insert(0, os.path.join(ROOT, "tools"))
from distributed import Distributed  # noqa: E402
from postgres import Postgres  # found in tests/support by machine.py's path

SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
BUYERS = 128
# Between services that are processes an event takes tens of milliseconds. More buyers make up for
# that, and none asks two thousand times a second whether it has come.
BUYERS_THERE, PAUSE_US = 512, 100000
CONNECTIONS = 128
REPLICA_PART = 0.15
TICK = os.sysconf("SC_CLK_TCK")


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def processes():
    """CPU seconds so far of every process, by (pid, name)."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                name, fields = stat.read().split("(", 1)[1].rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = fields.split()
        found[pid, name] = (int(fields[11]) + int(fields[12])) / TICK
    return found


def shares(measure):
    """What measure returns, and who had the processors meanwhile, as text."""
    before = processes()
    result = measure()
    spent = {}
    for (pid, name), seconds in processes().items():
        spent[name] = spent.get(name, 0) + seconds - before.get((pid, name), 0)
    whole = sum(spent.values()) or 1
    most = sorted(spent.items(), key=lambda item: -item[1])[:6]
    return result, ", ".join(f"{name} {part / whole:.0%}" for name, part in most)


class Held:
    """with Held(pids, part): each of them gets no more than that part of one core, by a control group."""

    PERIOD_US = 10000

    def __init__(self, pids, part):
        quota = int(self.PERIOD_US * part)
        self.groups = []
        for pid in pids:
            for root, settings in (
                    ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": self.PERIOD_US, "cpu.cfs_quota_us": quota}),
                    ("/sys/fs/cgroup", {"cpu.max": f"{quota} {self.PERIOD_US}"})):
                if os.path.exists(os.path.join(root, "cgroup.procs")):
                    self.groups.append((root, f"{root}/boxoffice-bench-{pid}", pid, settings))
                    break

    def __enter__(self):
        for _, group, pid, settings in self.groups:
            os.mkdir(group)
            for name, value in {**settings, "cgroup.procs": pid}.items():
                with open(os.path.join(group, name), "w", encoding="ascii") as file:
                    file.write(str(value))

    def __exit__(self, *_):
        for root, group, pid, _ in self.groups:
            with open(os.path.join(root, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(pid))
            os.rmdir(group)


def bench_purchases(bench, table):
    program = Program(bench, "buy-embedded")
    embedded = statistics.median(
        program.purchases(BUYERS, SECONDS, 0)["rate"] for _ in range(ROUNDS))
    cookies = program.cookies(512)
    key = program.key.decode()
    program.wait_quiet()
    bench.stop(program.process)
    with Distributed(env={**NO_LIMITS, "JWT_KEY": key},
                     nginx="keepalive_requests 1000000000;") as deployment:
        runs = []
        for _ in range(ROUNDS):
            run, who = shares(lambda: tool("purchase", deployment.port, BUYERS_THERE, SECONDS, 0, cookies,
                                            PAUSE_US))
            say(f"{json.dumps(run)}; {who}")
            runs.append(run["rate"])
    table.at_least("whole purchases through the ingress, two replicas of each service",
                   statistics.median(runs), embedded, "embedded", 0.25)


def bench_replicas(bench, table):
    """Orders on PostgreSQL, the tickets there beforehand: a purchase's most expensive step."""
    count = int(4 * ROUNDS * SECONDS * 12000)
    with Postgres() as postgres:
        url = postgres.new_database()
        env = {"DATABASE_URL": url}
        one = Program(bench, "one", ["--services", "orders"], env)
        os.mkdir(bench.path("two"), 0o700)
        shutil.copy(os.path.join(one.data, "jwt.key"), bench.path("two"))
        two = Program(bench, "two", ["--services", "orders"], env)
        postgres.psql("INSERT INTO orders.ticket_copies (id, version, title, price_cents) SELECT "
                      "lpad(to_hex(n), 24, '0'), 0, 'A ticket', 2000 "
                      f"FROM generate_series(1, {count}) n; VACUUM ANALYZE", url.rsplit("/", 1)[1])
        parts = []
        for part in range(6 * ROUNDS):
            parts.append(bench.path(f"ids-{part}"))
            with open(parts[-1], "w", encoding="ascii") as out:
                out.writelines(f"{n:024x}\n" for n in range(part + 1, count + 1, 6 * ROUNDS))

        def load(*programs):
            each = CONNECTIONS // len(programs)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                results = list(pool.map(
                    lambda program: program.load("orders", each, SECONDS, ids=parts.pop()), programs))
            return sum(result["rate"] for result in results)

        def compare(what):
            alone, both = [], []
            for _ in range(ROUNDS):
                for name, programs, rates in (("one", (one,), alone), ("two", (one, two), both)):
                    rate, who = shares(lambda programs=programs: load(*programs))
                    say(f"{name}{what}: {rate:,.0f}/s; {who}")
                    rates.append(rate)
            table.at_least("POST /api/orders at two replicas of orders, one PostgreSQL" + what,
                           statistics.median(both), statistics.median(alone), "at one", 1.3)

        compare("")
        try:
            with Held((one.process.pid, two.process.pid), REPLICA_PART):
                compare(f", each replica held to {REPLICA_PART} of a core")
        except OSError as error:
            say(f"replicas held to a part of a core: not measured, {error}")
        bench.stop(one.process)
        bench.stop(two.process)


def bench_distributed(bench, table):
    """Purchases through the whole set; replicas."""
    bench_purchases(bench, table)
    bench_replicas(bench, table)
