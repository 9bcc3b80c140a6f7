#!/usr/bin/env python3
"""nm.py BUILD_DIR: business code sees the outside only through what it is handed.

Every object of src/services/<x>/ but the service's table <x>.c and the files named in IO_FILES must
name no symbol for clocks, random numbers, sockets, threads or files. Read off the objects with nm,
because an include line can hide behind another."""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

# Business in name, I/O by trade: they run in a pool, never in a transaction.
IO_FILES = {"services/auth/password.c", "services/payments/sandbox_gateway.c", "services/payments/stripe.c"}

FORBIDDEN = {
    "clock": "time clock gettimeofday clock_gettime clock_getres timespec_get ftime times sleep usleep "
    "nanosleep clock_nanosleep clock_system clock_monotonic_us alarm setitimer timer_create timerfd_create",
    "random": "rand srand rand_r random srandom random_r drand48 lrand48 mrand48 getrandom getentropy "
    "arc4random arc4random_buf arc4random_uniform random_system RAND_bytes RAND_priv_bytes",
    "socket": "socket socketpair bind listen accept accept4 connect send sendto sendmsg recv recvfrom "
    "recvmsg shutdown getaddrinfo gethostbyname poll ppoll select epoll_create epoll_create1 epoll_ctl "
    "epoll_wait pipe pipe2 eventfd",
    "thread": "thrd_create mtx_lock cnd_wait sem_wait sem_post fork vfork clone execve execvp posix_spawn "
    "system popen kill raise signal sigaction",
    "file": "fopen fdopen freopen open openat creat close read write pread pwrite readv writev fread "
    "fwrite fgets fputs printf vprintf fprintf vfprintf puts putchar perror fflush opendir readdir "
    "mkdir unlink rename stat fstat lstat fsync fdatasync mmap ioctl dup dup2 getenv secure_getenv",
}
PREFIXES = {"pthread_": "thread", "uv_": "socket", "sqlite3_": "file", "randombytes": "random"}
KIND_OF = {name: kind for kind, names in FORBIDDEN.items() for name in names.split()}


def plain(symbol):
    """The name as a programmer writes it: no version, no fortify or large-file dress."""
    symbol = symbol.split("@")[0]
    fortified = re.fullmatch(r"__(\w+?)_(?:chk|2)", symbol)
    symbol = fortified.group(1) if fortified else symbol
    symbol = re.sub(r"^__isoc\d+_", "", symbol)
    return symbol[:-2] if symbol.endswith("64") and symbol[:-2] in KIND_OF else symbol


def outside_symbols(path):
    """(kind, symbol) for each forbidden undefined symbol of an object file."""
    text = subprocess.run(["nm", "-u", path], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        symbol = plain(line.split()[-1])
        kind = KIND_OF.get(symbol)
        for prefix, prefix_kind in PREFIXES.items():
            if symbol.startswith(prefix):
                kind = prefix_kind
        if kind:
            yield kind, symbol


def object_of(entry):
    if "output" in entry:
        return entry["output"]
    words = shlex.split(entry["command"])
    return words[words.index("-o") + 1]


def source_objects(build):
    """(source below src, object path) of every object of src/ the build knows."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as commands:
        entries = json.load(commands)
    found = {}
    for entry in entries:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        match = re.search(r"/src/([\w/]+\.c)$", source)
        made = os.path.join(entry["directory"], object_of(entry))
        if match and "/tests/" not in made and os.path.exists(made):
            found[match.group(1)] = made
    return sorted(found.items())


def business_objects(build):
    """Those of the services' business."""
    for source, made in source_objects(build):
        match = re.match(r"services/(\w+)/(?:.*/)?(\w+)\.c$", source)
        if match and match.group(1) != match.group(2) and source not in IO_FILES:
            yield source, made


# --- the test of the test ------------------------------------------------------------------------

FIXTURES = [
    ("clock", "#include <time.h>\nlong f(void); long f(void) { return (long)time(0); }"),
    ("random", "#include <stdlib.h>\nint f(void); int f(void) { return rand(); }"),
    ("socket", "#include <sys/socket.h>\nint f(void); int f(void) { return socket(1, 1, 0); }"),
    ("thread", "#include <pthread.h>\nint f(pthread_mutex_t *m);"
     " int f(pthread_mutex_t *m) { return pthread_mutex_lock(m); }"),
    ("file", "#include <unistd.h>\nlong f(char *b, unsigned long n);"
     " long f(char *b, unsigned long n) { return read(n > 9, b, n); }"),
    (None, "#include <string.h>\nunsigned long f(const char *s);"
     " unsigned long f(const char *s) { return strlen(s); }"),
]


def fixture_is_judged(kind, text):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "x.c")
        with open(source, "w", encoding="utf-8") as out:
            out.write(text + "\n")
        subprocess.run(
            ["cc", "-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fno-builtin", "-c", source,
             "-o", source + ".o"], check=True)
        kinds = {found for found, _ in outside_symbols(source + ".o")}
        return kinds == ({kind} if kind else set())


def main(build):
    results = []

    def check(good, name):
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {name}")

    for kind, text in FIXTURES:
        check(fixture_is_judged(kind, text), f"notices {kind}" if kind else "lets plain code be")
    objects = list(business_objects(build))
    check(bool(objects), f"found {len(objects)} business objects")
    for source, path in objects:
        named = sorted(set(outside_symbols(path)))
        check(not named, f"{source}" + "".join(f" {kind}:{symbol}" for kind, symbol in named))
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "build"))
