#!/usr/bin/env python3
"""hardening.py PROGRAM: what compiler and linker were to do against memory errors is in the program.

Read off the file with readelf, nm and objdump, as checksec does, so that a flag which a build silently
drops is noticed."""
import os
import platform
import re
import subprocess
import sys
import tempfile


def output_of(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def is_pie(path):
    return "DYN (Position-Independent Executable file)" in output_of("readelf", "-hW", path)


def is_full_relro(path):
    dynamic = output_of("readelf", "-dW", path)
    return "GNU_RELRO" in output_of("readelf", "-lW", path) and bool(
        re.search(r"BIND_NOW|FLAGS_1.*NOW", dynamic))


def stack_is_data(path):
    line = re.search(r"GNU_STACK.*", output_of("readelf", "-lW", path))
    return bool(line) and " RWE" not in line[0]


def nothing_is_written_and_run(path):
    return " RWE " not in output_of("readelf", "-lW", path)


def has_stack_guards(path):
    return "__stack_chk_fail" in output_of("nm", "-D", path)


def is_fortified(path):
    """Calls of checked functions (memcpy, snprintf, …), which only FORTIFY makes."""
    checked = set(re.findall(r"__(\w+)_chk\b", output_of("nm", "-D", path)))
    return len(checked - {"stack"}) >= 5


def marks_branch_targets(path):
    """Functions begin with endbr64 (Intel CET). Whether the kernel may enforce it is another matter: for
    that all start files of the C library would have to be marked, and Debian 12's are not."""
    code = output_of("objdump", "-d", "--no-show-raw-insn", path)
    return bool(re.search(r"<main>:\n[^\n]*endbr64", code))


def probes_large_frames(path):
    """Stack clash protection touches each page of a large frame: `or $0x0,(%rsp)` on x86-64."""
    code = output_of("objdump", "-d", "--no-show-raw-insn", path)
    return bool(re.search(r"or[qbl]\s+\$0x0,(0x[0-9a-f]+)?\(%rsp\)", code))


CHECKS = [is_pie, is_full_relro, stack_is_data, nothing_is_written_and_run, has_stack_guards, is_fortified]
if platform.machine() == "x86_64":
    CHECKS += [marks_branch_targets, probes_large_frames]


def self_test():
    """The checks can say no: a program made without any of it."""
    source = ("#include <string.h>\n#include <stdio.h>\nint main(int c, char **v)\n"
              "{ char b[20000]; strcpy(b, v[c - 1]); return puts(b); }\n")
    with tempfile.TemporaryDirectory() as folder:
        bare = os.path.join(folder, "bare")
        subprocess.run(["gcc", "-x", "c", "-", "-O1", "-no-pie", "-fno-stack-protector",
                        "-fno-stack-clash-protection", "-fcf-protection=none", "-U_FORTIFY_SOURCE",
                        "-Wl,-z,norelro", "-Wl,-z,lazy", "-Wl,-z,execstack", "-w", "-o", bare],
                       input=source, text=True, check=True)
        for check in CHECKS:
            if check is not nothing_is_written_and_run:
                yield check.__name__, not check(bare)


def main():
    results = [(f"{name} notices a program without it", found) for name, found in self_test()]
    results += [(check.__name__, check(sys.argv[1])) for check in CHECKS]
    for name, good in results:
        print(f"{'ok' if good else 'not ok'} {name}")
    failed = sum(not good for _, good in results)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
