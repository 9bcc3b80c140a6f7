"""Proves that an idle program costs next to nothing: memory, and no busy loops."""

import os
import time

from boxoffice import buy, create_ticket, sanitizer, wait_ticket
from check import Skip, resident_kib, wait_for

SECONDS = 10
CPU_MS_MAX = 20
RESIDENT_KIB_MAX = 34 * 1024  # nine services; Debian 13 needs 3 MiB more than Debian 12


def cpu_ms(pid):
    """CPU time of all threads so far, in milliseconds, as exactly as the kernel tells."""
    total_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total_ns += int(file.read().split()[0])
        except FileNotFoundError:
            pass  # the thread ended just now
    return total_ns / 1e6


def use_a_little(server):
    user = server.sign_up()
    for _ in range(20):
        ticket = create_ticket(user)
        order = buy(user, ticket["id"])
        wait_ticket(user, ticket["id"], order["id"])
    user.close()


def wait_quiet(pid):
    """Waits until what the use left to do is done: half a second with less than 5 ms of CPU."""
    def quiet():
        before = cpu_ms(pid)
        time.sleep(0.5)
        return cpu_ms(pid) - before < 5
    wait_for(quiet, 15, "the program to come to rest")


def test_an_idle_program_costs_next_to_nothing(server):
    if sanitizer():
        raise Skip("a sanitizer build has its own costs")
    use_a_little(server)
    pid = server.process.pid
    if not os.path.exists(f"/proc/{pid}/schedstat"):
        raise Skip("this kernel does not tell CPU times")
    wait_quiet(pid)
    before = cpu_ms(pid)
    time.sleep(SECONDS)  # the one wait that is the measurement itself
    used_ms = cpu_ms(pid) - before
    kib = resident_kib(pid)
    print(f"# idle: {used_ms:.1f} ms of CPU in {SECONDS} s, {kib / 1024:.1f} MiB resident")
    assert used_ms < CPU_MS_MAX, f"{used_ms:.1f} ms of CPU in {SECONDS} idle seconds"
    assert kib < RESIDENT_KIB_MAX, f"{kib} KiB resident"
