#!/usr/bin/env python3
"""run.py BUILD_DIR SECONDS: the simulator's tests.

The seeds that once found something, each again as it was; some seeds twice, which must run the same
way; and with SECONDS > 0 fresh seeds for so long on every core, with 0 the same few hundred seeds
each time: whether a change may land must not hang on the day. Fresh means: counted on from the
day's date, so that every day looks at other runs and a violation can be had again by its seed alone
(SIM_SEED chooses another start)."""
import datetime
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TWICE = 60
STEADY = 800


def regressions():
    """(what it once found, arguments) of each line of seeds.txt."""
    with open(os.path.join(HERE, "seeds.txt"), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                arguments, what = line.strip().split(" # ")
                yield what, shlex.split(arguments)


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
        runs.append((f"the first {STEADY} seeds",
                     ["--seed", "1", "--count", str(STEADY), "--jobs", cores]))
    failed = 0
    for name, arguments in runs:
        run = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
        good = run.returncode == 0
        failed += not good
        print(f"{'ok' if good else 'not ok'} {name}", flush=True)
        if not good or " seeds" in name:
            print("\n".join("# " + line for line in run.stdout.splitlines()), flush=True)
    print(f"{len(runs) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
