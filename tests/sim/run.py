#!/usr/bin/env python3
"""run.py BUILD_DIR SECONDS: the simulator's tests.

The seeds that once found something, each again as it was; those that show something not yet mended
(open.txt), which count as skipped and fail when they show nothing any more; some seeds twice, which must run the same
way; and with SECONDS > 0 fresh seeds for so long on every core, with 0 the same few hundred seeds
each time, those that ran twice not once more: whether a change may land must not hang on the day. Fresh means: counted on from the
day's date, so that every day looks at other runs and a violation can be had again by its seed alone
(SIM_SEED chooses another start)."""
import datetime
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TWICE = 60
STEADY = 500


def regressions():
    """(what it once found, arguments) of each line of seeds.txt."""
    with open(os.path.join(HERE, "seeds.txt"), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                arguments, what = line.strip().split(" # ")
                yield what, shlex.split(arguments)


def open_violations():
    """seed → what it shows, of each line of open.txt."""
    found = {}
    with open(os.path.join(HERE, "open.txt"), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                seed, what = line.strip().split(" # ")
                found[int(seed)] = what
    return found


def ranges(first, count, left_out):
    """(first seed, how many) of the seeds from first to count without those."""
    for seed in sorted(seed for seed in left_out if seed >= first) + [count + 1]:
        if seed > first:
            yield first, min(seed, count + 1) - first
        first = seed + 1


def first_seed():
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")
    return int(os.environ.get("SIM_SEED", day + "0000000"))


def main(build, seconds):
    program = os.path.join(os.path.abspath(build), "boxoffice-sim")
    cores = str(os.cpu_count())
    runs = [(f"again: {what}", arguments) for what, arguments in regressions()]
    runs.append((f"{TWICE} seeds run the same way twice",
                 ["--seed", "1", "--count", str(TWICE), "--twice", "--jobs", cores]))
    if seconds:
        runs.append((f"{seconds} s of fresh seeds",
                     ["--seed", str(first_seed()), "--seconds", str(seconds), "--jobs", cores]))
    else:
        runs += [(f"{count} seeds from {first} on",
                  ["--seed", str(first), "--count", str(count), "--jobs", cores])
                 for first, count in ranges(TWICE + 1, STEADY, open_violations())]
    outcomes = []
    failed = skipped = 0
    for seed, what in open_violations().items():
        run = subprocess.run([program, "--seed", str(seed), "--no-shrink"], stdout=subprocess.PIPE, text=True)
        if run.returncode == 0:
            failed += 1
            print(f"not ok seed {seed} shows nothing any more: take it out of open.txt", flush=True)
        else:
            skipped += 1
            print(f"ok seed {seed}: {what} # SKIP not yet mended", flush=True)
    for name, arguments in runs:
        run = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
        good = run.returncode == 0
        outcomes.append(good)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {name}", flush=True)
        if not good or " seeds" in name:
            print("\n".join("# " + line for line in run.stdout.splitlines()), flush=True)
    passed = len(runs) - sum(not good for good in outcomes)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
