"""The tour of README.md, run word for word: what a newcomer is told to type works, answers what is
shown there, and ends with an order that is complete and a ticket that is sold."""

import os
import re
import shlex
import subprocess

from boxoffice import ROOT, command, create_ticket
from check import slow_factor

MARK = "--- a block of the tour ends"
# What differs each time, in its own way: ids stay the same where they are the same.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECONDS = re.compile(r'"(iat|exp)":\d+')
ID = re.compile(r"[0-9a-f]{24}")


def blocks():
    """The tour's code blocks in order: (language, text)."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        tour = readme.read().split("## A tour")[1].split("\n## ")[0]
    return re.findall(r"```(\w+)\n(.*?)```", tour, re.DOTALL)


def comparable(text, ids):
    """The text without what differs; ids: those seen so far, a number for each."""
    text = SECONDS.sub(r'"\1":0', TIME.sub("TIME", text))
    return ID.sub(lambda found: f"ID{ids.setdefault(found[0], len(ids) + 1)}", text)


def as_script(tour, server):
    """One script of all shell blocks, with a mark behind each."""
    script = f"\necho '{MARK}'\n".join(text for language, text in tour if language == "sh")
    script = "\n".join(line for line in script.splitlines() if "events listen" not in line)
    script = script.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{server.port}")
    script = script.replace("http://127.0.0.1:8222",
                            f"http://127.0.0.1:{server.monitor().port}")
    # What is told to come "a moment later" is waited for, not slept for.
    later = "call -b bob.jar $url/api/orders/$order\ncall $url/api/tickets/$ticket"
    assert later in script, "the end of the purchase"
    return script.replace(later, """until [[ $(call -b bob.jar $url/api/orders/$order) == *'"complete"'* &&
        $(call $url/api/tickets/$ticket) == *'"sold":true'* ]]; do :; done\n""" + later)


def test_the_tour_of_the_readme_works_and_answers_what_it_shows(server):
    tour = blocks()
    done = subprocess.run(["bash", "-euc", as_script(tour, server)], cwd=server.folder,
                          capture_output=True, text=True, timeout=60 * slow_factor(), check=False)
    assert done.returncode == 0, done.stderr
    answers = iter(done.stdout.split(MARK + "\n"))
    answer, shown_ids, seen_ids, compared = None, {}, {}, 0
    for language, text in tour:
        if language == "sh":
            answer = next(answers)
            continue
        compared += 1
        shown, seen = comparable(text, shown_ids), comparable(answer, seen_ids)
        assert shown == seen, f"README.md shows\n{text}\nbut the program answers\n{answer}"
    assert compared >= 4, "blocks of answers"
    assert '"ready":true' in done.stdout and '"dead_letter_count":' in done.stdout


def test_the_listener_of_the_tour_works(server):
    (line,) = [line for _, text in blocks() for line in text.splitlines()
               if "events listen" in line]
    words = shlex.split(line)
    assert words[0] == "build/boxoffice", words
    create_ticket(server.sign_up())
    with subprocess.Popen(command(*words[1:], "--data", server.data), stdout=subprocess.PIPE,
                          text=True) as listener:
        seen = listener.stdout.readline()
        listener.terminate()
    assert '"subject":"ticket:created"' in seen, seen
