#!/usr/bin/env python3
"""bench/web/first_paint.py: when the first visit of / with 100 tickets paints, on slow 3G (400 kbit/s,
400 ms a round trip). Chromium comes from Debian. Prints the median of five; asserts nothing."""
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.dont_write_bytecode = True

import boxoffice  # noqa: E402
import web  # noqa: E402
from check import wait_for  # noqa: E402

VISITS = 5
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 400 * 1000 / 8,
           "uploadThroughput": 400 * 1000 / 8}
PAINT = "return performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)[0]"


def main():
    with boxoffice.Server() as server:
        seller = server.sign_up()
        for n in range(100):
            boxoffice.create_ticket(seller, f"A ticket of usual length, row {n}", 20 + n)
        browser = web.take_browser(width=360, height=740)
        browser.devtools("Network.enable")
        browser.devtools("Network.emulateNetworkConditions", **SLOW_3G)
        times = []
        for _ in range(VISITS):
            browser.devtools("Network.clearBrowserCache")
            browser.go(f"http://{server.host}:{server.port}/")
            times.append(wait_for(lambda: browser.run(PAINT), 10, "the first paint"))
        print(f"first contentful paint on slow 3G: {statistics.median(times):.0f} ms, "
              f"{min(times):.0f} to {max(times):.0f}")
        browser.close()
    return 0


if __name__ == "__main__":
    try:
        code = main()
    finally:
        boxoffice.end_all()
    sys.exit(code)
