"""The man page and the completion: whatever the program's help names is in both, and they work."""

import os
import re
import subprocess

from boxoffice import ROOT, command, run_cli

MANUAL = os.path.join(ROOT, "build", "deploy", "manual")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def help_texts():
    """What --help prints, of the program and of each command."""
    top = run_cli("--help").stdout
    first_words = sorted({line.split("boxoffice ")[1].split()[0]
                          for line in top.split("\n\n")[0].splitlines()} - {"--help"})
    texts = {"": top}
    for word in first_words:
        done = run_cli(word, "--help")
        assert done.returncode == 0, f"boxoffice {word} --help: {done.stderr}"
        texts[word] = done.stdout
    return texts


def page_text():
    shown = subprocess.run(["man", "-l", "-"], stdin=open(os.path.join(MANUAL, "boxoffice.1"), "rb"),
                           env={**os.environ, "MANWIDTH": "1000", "MANROFFOPT": "-c", "LC_ALL": "C.UTF-8"},
                           capture_output=True, text=True, check=True).stdout
    return re.sub(r".\x08", "", shown)


def complete(*words):
    """What bash offers for the last of these words."""
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _boxoffice;'
              ' printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", os.path.join(MANUAL, "boxoffice"),
                           "boxoffice", *words], capture_output=True, text=True, check=True)
    return sorted(done.stdout.split())


def commands_of(usage):
    """"dead show | drop ID" are [["dead", "show"], ["dead", "drop"]]."""
    first, *others = [part.split() for part in re.split(r" [\[A-Z]", usage)[0].split(" | ")]
    return [first, *[first[:-1] + other for other in others]]


def test_every_command_option_and_setting_of_the_help_is_in_the_page():
    page, texts = page_text(), help_texts()
    for text in texts.values():
        for line in text.split("\n\n")[0].splitlines():
            usage = line.split("boxoffice ")[1]
            assert usage.replace("…", "...") in page, f"not in boxoffice(1): {usage}"
        for option in set(OPTION.findall(text)):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", page), f"not in boxoffice(1): {option}"
    settings = set(re.findall(r"[A-Z][A-Z_]{3,}", texts[""].split("environment (serve):")[1]))
    for name in settings:
        assert re.search(rf"^ +{name}$", page, re.MULTILINE), \
            f"{name} is not in boxoffice(1): describe it in the table of settings in README.md"
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        table = set(re.findall(r"^\| `([A-Z_]+)` \|", file.read(), re.MULTILINE))
    assert settings == table, f"in the help or in README.md only: {settings ^ table}"


def test_the_page_is_well_formed():
    done = subprocess.run(["man", "--warnings", "-l", os.path.join(MANUAL, "boxoffice.1")],
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_every_command_and_option_of_the_help_is_completed():
    top = help_texts()[""]
    for line in top.split("\n\n")[0].splitlines():
        usage = line.split("boxoffice ")[1]
        for words in commands_of(usage):
            for i, word in enumerate(words):
                assert word in complete(*words[:i], ""), \
                    f"after {words[:i]!r} the completion does not offer {word!r}"
            if words[-1].startswith("-"):
                continue
            offered = complete(*words, "")
            for option in OPTION.findall(usage):
                assert option in offered, f"{usage}: the completion does not offer {option}"
    for option in ("--queue-group", "--deliver-all"):
        assert option in complete("events", "listen", "ticket:created", "--")
    assert "--queue-group" not in complete("serve", "--")
    # Whatever option the help has belongs to some command.
    script = open(os.path.join(MANUAL, "boxoffice"), encoding="utf-8").read()
    for option in set(OPTION.findall(top)):
        assert re.search(rf"[ ']{option}[ ']", script), f"the completion never offers {option}"


def test_values_of_options_are_completed():
    assert complete("serve", "--services", "t") == ["tickets"]
    assert complete("serve", "--services", "auth,or") == ["auth,orders"]
    assert "tests" in [word.rstrip("/") for word in complete("serve", "--data", "tes")], \
        "folders are offered after --data"


def test_what_is_completed_is_understood():
    """No option is offered that the program refuses as unknown."""
    for words in (["serve"], ["events", "listen", "x"], ["payments", "list"], ["health"]):
        for option in complete(*words, "--"):
            done = subprocess.run([*command(*words), option + "=x", "--help"], capture_output=True,
                                  text=True, timeout=60, check=False)
            assert "unrecognized option" not in done.stderr, f"{words} {option}: {done.stderr}"
