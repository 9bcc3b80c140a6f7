#!/usr/bin/env python3
"""run.py BUILD_DIR SECONDS [TARGET…]: every libFuzzer target for that long, two at a time.

New inputs go to BUILD_DIR/corpus/<target>, where the next run finds them; the tracked seeds in
tests/fuzz/corpus/<target> are only read. A finding is kept in BUILD_DIR and fails the test."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
AT_ONCE = 2


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
    os.makedirs(grown, exist_ok=True)
    command = [
        os.path.join(build, "tests", "fuzz", "fuzz_" + target),
        f"-max_total_time={seconds}",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-max_len=8192",
        "-print_final_stats=1",
        f"-artifact_prefix={build}/finding-{target}-",
        grown,
    ]
    dictionary = os.path.join(HERE, target + ".dict")
    if os.path.isfile(dictionary):
        command.insert(1, "-dict=" + dictionary)
    if os.path.isdir(seeds):
        command.append(seeds)
    log = open(os.path.join(build, f"fuzz-{target}.log"), "w+b")
    return target, log, subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def finish(run, seconds):
    """True when the target ran its time with no finding."""
    target, log, process = run
    try:
        status = process.wait(timeout=seconds + 120)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    log.seek(0)
    text = log.read().decode("utf-8", "replace")
    log.close()
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    count = int(runs.group(1)) if runs else 0
    good = status == 0 and count > 0
    print(f"{'ok' if good else 'not ok'} fuzz_{target}: {count} runs", flush=True)
    if not good:
        print(text[-6000:])
    return good


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
                results.append(False)
        if running:
            results.append(finish(running.pop(0), seconds))
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
