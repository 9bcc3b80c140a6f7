"""The tour of README.md, run word for word: what a newcomer is told to type works, and ends with
an order that is complete and a ticket that is sold."""

import os
import re
import shlex
import subprocess

from boxoffice import ROOT, command, create_ticket


def shell_blocks():
    """The tour's code blocks for a shell, in order."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        tour = readme.read().split("## A tour")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)


def test_the_tour_of_the_readme_works(server):
    lines = "".join(shell_blocks()).splitlines()
    script = "\n".join(line for line in lines if "events listen" not in line)
    script = script.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{server.port}")
    # What is told to come "a moment later" is waited for, not slept for.
    script = script.replace("call -b bob.jar $url/api/orders/$order\ncall $url/api/tickets/$ticket",
                            "until call -b bob.jar $url/api/orders/$order | grep '\"complete\"' &&"
                            " call $url/api/tickets/$ticket | grep '\"sold\":true'; do :; done")
    done = subprocess.run(["bash", "-euc", script], cwd=server.folder, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for told in ('"currentUser":{', "Cannot edit a reserved ticket", "Your card was declined.",
                 '"stripeId":"ch_', '"status":"complete"', '"sold":true', '"ready":true'):
        assert told in done.stdout, f"{told} is not in\n{done.stdout}"


def test_the_listener_of_the_tour_works(server):
    (line,) = [line for block in shell_blocks() for line in block.splitlines()
               if "events listen" in line]
    words = shlex.split(line)
    assert words[0] == "build/boxoffice", words
    create_ticket(server.sign_up())
    with subprocess.Popen(command(*words[1:], "--data", server.data), stdout=subprocess.PIPE,
                          text=True) as listener:
        seen = listener.stdout.readline()
        listener.terminate()
    assert '"subject":"ticket:created"' in seen, seen
