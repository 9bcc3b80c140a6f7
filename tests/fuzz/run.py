#!/usr/bin/env python3
"""run.py BUILD_DIR SECONDS [TARGET…]: every libFuzzer target for that long, two at a time.

The tracked inputs in tests/fuzz/corpus/<target> are where each begins, tests/fuzz/<target>.dict has
its words. SECONDS 0 makes the same runs each time, so that whether a change may land does not hang
on the day. Else every run draws anew, and inputs that reached something new are kept in
BUILD_DIR/corpus/<target> for the next. A finding is kept in BUILD_DIR and fails the test."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 2
STEADY_RUNS = 200_000
STEADY_S_MAX = 300


def targets_of(build, wanted):
    names = sorted(
        name[len("fuzz_"):-len(".c")]
        for name in os.listdir(HERE)
        if name.startswith("fuzz_") and name.endswith(".c")
    )
    return [name for name in names if not wanted or name in wanted]


def start(build, target, seconds):
    grown = os.path.join(build, "corpus", target)
    seeds = os.path.join(HERE, "corpus", target)
    command = [
        os.path.join(build, "tests", "fuzz", "fuzz_" + target),
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-max_len=8192",
        "-print_final_stats=1",
        f"-artifact_prefix={build}/finding-{target}-",
        "-dict=" + os.path.join(HERE, target + ".dict"),
    ]
    if seconds:
        command.append(f"-max_total_time={seconds}")
    else:
        grown = os.path.join(build, "corpus-steady", target)
        shutil.rmtree(grown, ignore_errors=True)
        command += ["-seed=1", f"-runs={STEADY_RUNS}"]
    os.makedirs(grown, exist_ok=True)
    command += [grown, seeds]
    log = open(os.path.join(build, f"fuzz-{target}.log"), "w+b")
    return target, log, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def finish(run, seconds):
    """Whether the target ran its time with no finding, and how many runs."""
    target, log, process = run
    try:
        status = process.wait(timeout=(seconds or STEADY_S_MAX) + 120)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    log.seek(0)
    text = log.read().decode("utf-8", "replace")
    log.close()
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    count = int(runs.group(1)) if runs else 0
    good = status == 0 and count >= (1 if seconds else STEADY_RUNS)
    print(f"{'ok' if good else 'not ok'} fuzz_{target}: {count} runs", flush=True)
    if not good:
        print(text[-6000:])
    return good, count


def main(build, seconds, wanted):
    build = os.path.abspath(build)
    waiting = targets_of(build, wanted)
    results, running = [], []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            target = waiting.pop(0)
            try:
                running.append(start(build, target, seconds))
            except OSError as problem:
                print(f"not ok fuzz_{target}: {problem}")
                results.append((False, 0))
        if running:
            results.append(finish(running.pop(0), seconds))
    failed = sum(not good for good, _ in results)
    print(f"# {sum(count for _, count in results)} runs of {len(results)} targets")
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
