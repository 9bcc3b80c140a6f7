#!/usr/bin/env python3
"""run.py BUILD_DIR [--sample N] [--seconds S] [WORD…]: plants one bug at a time and lets the
simulator look for it.

list.txt has the bugs. Each is put into a copy of its file; that one object is compiled as the build
compiles it and linked in front of the libraries, so that it takes the place of the real one. Each
has the same seeds, and S seconds of the processor (15) within which it must be caught: one that is
not means that a checker or an actor is missing. Whichever are planted, every line that list.txt names
must be where it says."""
import argparse
import concurrent.futures
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
EMBED = os.path.join(ROOT, "tools", "embed.py")
VIOLATION_STATUS = 3
SEEDS = 400
SECONDS_MAX = 180  # of the processor; whoever is not caught by then survives
# What does harm only where events go through JetStream is looked for there, by the bug's name.
BROKER = re.compile(r"(?:broker|consumer|inbox|jetstream|relay)-.*")


class Mutant:
    def __init__(self, name, file):
        self.name, self.file = name, file
        self.old = self.new = ""

    def text(self):
        """The changed file; a ValueError when the place is not there, once."""
        with open(os.path.join(ROOT, self.file), encoding="utf-8") as source:
            text = source.read()
        found = text.count(self.old)
        if found == 0:
            raise ValueError(f"not in {self.file}: {self.old}")
        at = text.index(self.old)
        return text[:at] + self.new + text[at + len(self.old):]


def read_list():
    mutants = []
    with open(os.path.join(HERE, "list.txt"), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("= "):
                name, file = line[2:].split(" | ")
                mutants.append(Mutant(name, file))
            elif line.startswith("- "):
                mutants[-1].old = line[2:].strip()
            elif line.startswith("+"):
                mutants[-1].new = line[2:].strip()
    return mutants


class Build:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        with open(os.path.join(self.folder, "compile_commands.json"), encoding="utf-8") as commands:
            entries = json.load(commands)
        self.compile = {os.path.normpath(os.path.join(entry["directory"], entry["file"])):
                        shlex.split(entry["command"]) for entry in entries}
        # One source may be built several times; the library's object is the one without a test.
        self.link = self.link_command()

    def link_command(self):
        lines = subprocess.run(["ninja", "-C", self.folder, "-t", "commands", "boxoffice-sim"],
                               check=True, capture_output=True, text=True).stdout.splitlines()
        return shlex.split([line for line in lines if " -o boxoffice-sim " in line][-1])

    def compile_like(self, original, source, object_path):
        command = list(self.compile[original])
        out = command.index("-o")
        command[out + 1] = object_path
        for option in ("-MF", "-MQ"):
            if option in command:
                command[command.index(option) + 1] = object_path + ".d"
        command[command.index("-c") + 1] = source
        command += ["-w", "-Wno-error", "-g0", "-I" + os.path.dirname(os.path.join(ROOT, original))]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def plant(self, mutant, folder):
        """The program with this bug; a ValueError when it cannot be built."""
        source = os.path.join(folder, os.path.basename(mutant.file))
        with open(source, "w", encoding="utf-8") as out:
            out.write(mutant.text())
        original = os.path.join(ROOT, mutant.file)
        if mutant.file.endswith(".sql"):
            source, original = self.embed(mutant, source)
        built = self.compile_like(original, source, os.path.join(folder, "changed.o"))
        if built.returncode:
            raise ValueError(built.stderr[-600:])
        program = os.path.join(folder, "boxoffice-sim")
        command = list(self.link)
        command[command.index("-o") + 1] = program
        first_library = next(i for i, word in enumerate(command) if word.endswith(".a"))
        command.insert(first_library, os.path.join(folder, "changed.o"))
        linked = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if linked.returncode:
            raise ValueError(linked.stderr[-600:])
        return program

    def embed(self, mutant, changed):
        """The C text of a schema with one step changed."""
        parts = mutant.file.split("/")
        service = parts[-3]
        folder = os.path.join(ROOT, os.path.dirname(mutant.file))
        for name in os.listdir(folder):  # side by side: their order is that of their paths
            if name.endswith(".sql") and name != os.path.basename(changed):
                shutil.copy(os.path.join(folder, name), os.path.dirname(changed))
        steps = sorted(os.path.join(os.path.dirname(changed), name)
                       for name in os.listdir(os.path.dirname(changed)) if name.endswith(".sql"))
        out = changed + ".c"
        subprocess.run([sys.executable, EMBED, "schema", service, service + "_schema", out, *steps],
                       check=True)
        original = next(path for path in self.compile if path.endswith(f"/{service}_schema.c"))
        return out, original


def limit_time():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))


def hunt(build, mutant, seconds):
    """(name, verdict, seconds, what was noticed)."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            program = build.plant(mutant, folder)
        except (ValueError, OSError) as problem:
            return mutant.name, "broken", 0.0, str(problem)
        with open(os.path.join(folder, "output"), "w+", encoding="utf-8") as out:
            bus = ["--bus", "nats"] if BROKER.fullmatch(mutant.name) else []
            run = subprocess.Popen([program, "--seed", "1", "--count", str(SEEDS), "--no-shrink", *bus],
                                   stdout=out, stderr=subprocess.DEVNULL, preexec_fn=limit_time)
            _, status, usage = os.wait4(run.pid, 0)
            run.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            noticed = re.search(r"^VIOLATION(?: seed (\d+) step \d+)?[^:]*", out.read(),
                                re.MULTILINE)
        took = usage.ru_utime + usage.ru_stime
        if run.returncode != VIOLATION_STATUS:
            return mutant.name, "survived", took, ""
        return mutant.name, "caught" if took <= seconds else "late", took, noticed.group(0)[10:]


def chosen(arguments):
    mutants = read_list()
    if arguments.words:
        mutants = [m for m in mutants if any(word in m.name for word in arguments.words)]
    if arguments.sample:
        step = max(1, len(mutants) // arguments.sample)
        mutants = mutants[::step][:arguments.sample]
    return mutants


def misplaced(planted):
    """(name, what is wrong) of each of the list that is not planted and could not be."""
    names = {mutant.name for mutant in planted}
    for mutant in read_list():
        if mutant.name in names:
            continue
        try:
            mutant.text()
        except (ValueError, OSError) as problem:
            yield mutant.name, str(problem)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("words", nargs="*", help="parts of names; none: all")
    parser.add_argument("--sample", type=int, default=0, help="only so many, spread over the list")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_intermixed_args()
    build = Build(arguments.build)
    counts = {"caught": 0, "late": 0, "survived": 0, "broken": 0}
    mutants = chosen(arguments)
    for name, what in misplaced(mutants):
        counts["broken"] += 1
        print(f"not ok {name:40} broken  {what}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for name, verdict, took, what in pool.map(
                lambda mutant: hunt(build, mutant, arguments.seconds), mutants):
            counts[verdict] += 1
            print(f"{'ok' if verdict == 'caught' else 'not ok'} {name:40} {verdict:9} "
                  f"{took:5.1f} s  {what}", flush=True)
    failed = sum(counts.values()) - counts["caught"]
    print(f"# planted {sum(counts.values())}: " +
          ", ".join(f"{verdict} {count}" for verdict, count in counts.items()))
    print(f"{counts['caught']} passed, {failed} failed, 0 skipped")
    return 1 if failed or not counts["caught"] else 0


if __name__ == "__main__":
    sys.exit(main())
