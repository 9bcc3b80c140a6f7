#!/usr/bin/env python3
"""bench/web/lighthouse.py: Lighthouse's four scores for / with 100 tickets and for one ticket.

Lighthouse comes from the npm registry (bench/web/package.json) into build/lighthouse, Chromium from
Debian. Prints a table; asserts nothing."""
import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.dont_write_bytecode = True

import boxoffice  # noqa: E402

TOOLS = os.path.join(ROOT, "build", "lighthouse")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage"


def install():
    program = os.path.join(TOOLS, "node_modules", ".bin", "lighthouse")
    if os.path.exists(program):
        return program
    os.makedirs(TOOLS, exist_ok=True)
    shutil.copy(os.path.join(HERE, "package.json"), TOOLS)
    subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund",
                    "--ignore-scripts"], cwd=TOOLS, check=True, stdout=subprocess.DEVNULL)
    return program


def scores(program, url):
    env = {**os.environ, "CHROME_PATH": shutil.which("chromium") or "chromium"}
    done = subprocess.run(
        [program, url, "--quiet", "--output=json", f"--chrome-flags={FLAGS}",
         "--only-categories=" + ",".join(CATEGORIES)],
        env=env, capture_output=True, text=True, check=True, timeout=300)
    report = json.loads(done.stdout)
    weak = [f"{name}: {audit['title']} ({audit['score']})"
            for name, audit in report["audits"].items()
            if audit.get("score") is not None and audit["score"] < 0.9
            and audit.get("scoreDisplayMode") in ("binary", "numeric", "metricSavings")]
    return [round(report["categories"][name]["score"] * 100) for name in CATEGORIES], weak


def main():
    program = install()
    print("| page | " + " | ".join(CATEGORIES) + " |\n" + "| --- " * 5 + "|")
    with boxoffice.Server() as server:
        seller = server.sign_up()
        for n in range(100):
            ticket = boxoffice.create_ticket(seller, f"A ticket of usual length, row {n}", 20 + n)
        base = f"http://{server.host}:{server.port}"
        for name, path in (("/", "/"), ("/tickets/:id", f"/tickets/{ticket['id']}")):
            figures, weak = scores(program, base + path)
            print(f"| {name} | " + " | ".join(map(str, figures)) + " |", flush=True)
            for line in weak:
                print(f"  {line}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
