#!/usr/bin/env python3
"""Makes the man page and the bash completion out of what is already written: the commands and
options of `boxoffice --help`, the settings of README.md, the exit statuses of docs/operations.md.

    manual.py --program build/boxoffice --readme README.md --operations docs/operations.md \
        TEMPLATE.1.in OUT.1 TEMPLATE.bash.in OUT.bash

So a command or a setting is described in one place. tests/deploy/test_manual.py holds what is made
against the program: nothing the help names may be missing.
"""

import argparse
import re
import subprocess
import sys

OPTION = re.compile(r"--[a-z][a-z-]*")
# A command's word in the usage, not a placeholder such as SUBJECT nor an option.
WORD = re.compile(r"[a-z][a-z-]*$")


class Help:
    """What `boxoffice --help` says, taken apart.

    usage    the lines of the synopsis, without the program's name
    blocks   [(term, text)]: a command and what it does, or an option of the command before it
    options  {"events listen": {"--data": "DIR", "--manual-ack": ""}}, "" for no command
    """

    def __init__(self, text):
        head, _, rest = text.partition("\n\n")
        self.usage = [line.replace("usage:", "", 1).split("boxoffice ", 1)[1].strip()
                      for line in head.splitlines()]
        self.options = {"": {}}
        for line in self.usage:
            self._take_usage(line)
        self.blocks = []
        self._take_blocks(rest)

    def commands(self):
        return [command for command in self.options if command]

    def _take_usage(self, line):
        words = []
        for token in re.sub(r"\[.*", "", line).split():
            if token == "|":
                continue
            if not WORD.match(token):
                break
            words.append(token)
        if not words:
            self.options[""].update((option, "") for option in OPTION.findall(line))
            return
        # "payments show | refund ID": two commands that differ in their last word.
        alternatives = re.match(r"(?:[a-z-]+ )*?[a-z-]+(?: \| [a-z-]+)+", line)
        count = line[:alternatives.end()].count("|") + 1 if alternatives else 1
        stem, lasts = words[:-count], words[-count:]
        for last in lasts:
            command = " ".join([*stem, last])
            known = self.options.setdefault(command, {})
            for option, value in re.findall(r"(--[a-z][a-z-]*)(?:[ =]([A-Z][A-Za-z:,]*))?", line):
                known[option] = value

    def _take_blocks(self, text):
        command = None
        for line in text.splitlines():
            if not line.strip():
                command = None
                continue
            term = re.match(r"([^\s:][^:]*):\s+(\S.*)?$", line)
            option = re.match(r"\s+(--[a-z][a-z-]*)((?: [^\s]+)?)(?:\s{2,}(.*))?$", line)
            if option:
                self.blocks.append((option[1] + option[2], option[3] or ""))
                self.options[command or ""][option[1]] = option[2].strip()
            elif term and not line[0].isspace():
                command = term[1] if term[1] in self.options else None
                self.blocks.append((term[1], term[2] or ""))
            elif self.blocks:
                name, said = self.blocks[-1]
                self.blocks[-1] = (name, f"{said} {line.strip()}")


# --- tables of the documentation ------------------------------------------------------------------


def rows_of(markdown, heading, path):
    """The cells of the first table after a line that contains the heading."""
    rows, begun = [], False
    for line in markdown.split(heading, 1)[-1].splitlines() if heading in markdown else []:
        if line.startswith("|"):
            begun = True
            rows.append([cell.strip().replace("\\|", "|")
                         for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        elif begun:
            break
    if len(rows) < 3:
        sys.exit(f"manual.py: {path}: no table after {heading!r}")
    return rows[2:]


# --- the page -------------------------------------------------------------------------------------


def roff(text):
    """Plain text for man(7): nothing in it may be taken for a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return ("\\&" + text) if text[:1] in (".", "'") else text


def roff_of_markdown(text):
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("**", "")
    parts = text.split("`")
    return "".join(f"\\fB{roff(part)}\\fR" if i % 2 else roff(part)
                   for i, part in enumerate(parts))


def synopsis(usage):
    lines = []
    for line in usage:
        marked = re.sub(r"(?<![\w-])(--?[a-z][a-z-]*|[a-z][a-z-]*)",
                        lambda m: f"\\fB{roff(m[1])}\\fR", line.replace("…", "..."))
        lines.append(f".B boxoffice\n{marked}")
    return "\n.br\n".join(lines)


def commands(blocks):
    lines = []
    for term, text in blocks:
        if term.startswith("environment"):
            continue
        name, _, value = term.partition(" ") if term.startswith("--") else (term, "", "")
        shown = f"\\fB{roff(name)}\\fR" + (f" \\fI{roff(value)}\\fR" if value else "")
        lines.append((".RS\n.TP\n" if term.startswith("--") else ".TP\n") + shown)
        lines.append(roff(text.strip()) or "\\&")
        if term.startswith("--"):
            lines.append(".RE")
    return "\n".join(lines)


def definitions(rows):
    """A definition a row: the first cell, what it means, and what it is when unset."""
    lines = []
    for name, meaning, *default in rows:
        lines.append(f".TP\n{roff_of_markdown(name)}")
        said = roff_of_markdown(meaning)
        if default and default[0]:
            said += f".\nDefault: {roff_of_markdown(default[0])}"
        lines.append(said + ".")
    return "\n".join(lines)


# --- the completion -------------------------------------------------------------------------------


def words_after(known, command):
    """What may follow: the next words of longer commands, then this one's options."""
    prefix = command + " " if command else ""
    words = {other[len(prefix):].split()[0]: None for other in known.commands()
             if other.startswith(prefix) and other != command}
    options = list(known.options.get(command, {}))
    if command and "--help" not in options:
        options.append("--help")
    return [*words, *sorted(options)]


def case_of(known):
    paths = {""}
    for command in known.commands():
        words = command.split()
        paths.update(" ".join(words[:length + 1]) for length in range(len(words)))
    return "\n".join(f"    '{path}') echo '{' '.join(words_after(known, path))}' ;;"
                     for path in sorted(paths))


def values_of(known, service_names):
    """How the value of an option completes, told from its placeholder."""
    lines = []
    for option, value in sorted({pair for options in known.options.values()
                                 for pair in options.items()}):
        if option == "--services":
            lines.append(f"    {option}) echo 'words {service_names}' ;;")
        elif value in ("DIR", "FOLDER"):
            lines.append(f"    {option}) echo 'folders' ;;")
        elif value in ("F", "FILE"):
            lines.append(f"    {option}) echo 'files' ;;")
        elif value:
            lines.append(f"    {option}) echo 'words' ;;")
    return "\n".join(dict.fromkeys(lines))


def service_names_of(known):
    for term, text in known.blocks:
        listed = re.search(r"only these of ([a-z, ]+)", text)
        if term.startswith("--services") and listed:
            return " ".join(re.findall(r"[a-z]+", listed[1]))
    sys.exit("manual.py: the help of --services does not list the services")


# --- together -------------------------------------------------------------------------------------


def run(program, option):
    return subprocess.run([program, option], check=True, capture_output=True, text=True).stdout


def fill(template, out, values):
    with open(template, encoding="utf-8") as file:
        text = file.read()
    for name, value in values.items():
        if f"@{name}@" not in text:
            sys.exit(f"manual.py: {template} has no place for @{name}@")
        text = text.replace(f"@{name}@", value)
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("program", "readme", "operations"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("files", nargs=4, help="page template, page, completion template, completion")
    arguments = parser.parse_args()
    known = Help(run(arguments.program, "--help"))
    fill(*arguments.files[:2], {
        "VERSION": roff(run(arguments.program, "--version").split()[1]),
        "SYNOPSIS": synopsis(known.usage),
        "COMMANDS": commands(known.blocks),
        "ENVIRONMENT": definitions(rows_of(read(arguments.readme), "\n## Settings\n",
                                           arguments.readme)),
        "EXIT": definitions(rows_of(read(arguments.operations), "\n## Start and stop\n",
                                    arguments.operations)),
    })
    fill(*arguments.files[2:], {
        "WORDS": case_of(known),
        "VALUES": values_of(known, service_names_of(known)),
    })


if __name__ == "__main__":
    main()
