#!/usr/bin/env python3
"""Static files as C at build time: hashed names, gzip beside the plain bytes.

assets.py --bootstrap CSS --source OUT.c --manifest OUT.json FILE…

app.css gets in front of it what the pages use of Bootstrap: a rule stays when every class in one of its
selectors is a word of the templates (*.html, which are only read) or of our own files. Comments and indentation of our own CSS and scripts go.
Addresses in url(…) are not touched; there are none. A *.webmanifest names pictures by their file; here they
get their hashed address."""
import argparse
import gzip
import hashlib
import json
import pathlib
import re
import sys

TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8", ".png": "image/png",
         ".ico": "image/x-icon", ".webmanifest": "application/manifest+json"}


# --- Bootstrap, as far as it is used ----------------------------------------------------------------

def blocks(css):
    """(prelude, body) of each rule of one level; body None: a statement such as @charset."""
    at = 0
    while at < len(css):
        brace, semicolon = css.find("{", at), css.find(";", at)
        if 0 <= semicolon < brace or brace < 0:
            at = semicolon + 1 if semicolon >= 0 else len(css)
            continue
        depth, end = 1, brace + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        yield css[at:brace].strip(), css[brace + 1:end - 1]
        at = end


def split_selectors(prelude):
    """At the commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(prelude):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(prelude[start:i])
            start = i + 1
    return parts + [prelude[start:]]


def is_used(selector, words):
    plain = re.sub(r":not\([^)]*\)", "", selector)
    return all(name in words for name in re.findall(r"\.((?:\\.|[\w-])+)", plain))


def purge(css, words):
    out = ""
    for prelude, body in blocks(css):
        if prelude.startswith(("@media", "@supports")):
            inner = purge(body, words)
            out += f"{prelude}{{{inner}}}" if inner else ""
        elif prelude.startswith("@"):
            out += f"{prelude}{{{body}}}" if prelude.split()[-1] in words else ""
        else:
            kept = [s for s in split_selectors(prelude) if is_used(s, words)]
            out += f"{','.join(kept)}{{{body}}}" if kept else ""
    return out


def drop_unused_variables(css):
    """Definitions of custom properties that nothing reads."""
    while True:
        used = set(re.findall(r"var\((--[\w-]+)", css))
        shorter = re.sub(r"(--[\w-]+):[^;{}]*(;|(?=\}))",
                         lambda m: m.group(0) if m.group(1) in used else "", css)
        if shorter == css:
            return css
        css = shorter


def tidy(css):
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = re.sub(r"\s+", " ", css)
    return re.sub(r" ?([{};,>]) ?", r"\1", css).replace(": ", ":").replace(";}", "}").strip()


def style(own, bootstrap, uses):
    words = set()
    for path in uses:
        if path.suffix in (".html", ".css", ".js", ".svg"):
            words |= set(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    base = re.sub(r"/\*.*?\*/", "", bootstrap.read_text(encoding="utf-8"), flags=re.S)
    css = purge(base, words) + tidy(own.read_text(encoding="utf-8"))
    return drop_unused_variables(css).encode()


def script(source):
    """Without indentation and whole lines of comment: our scripts have no text that goes over lines."""
    lines = (line.strip() for line in source.splitlines())
    return "".join(line + "\n" for line in lines if line and not line.startswith("//")).encode()


# --- C ----------------------------------------------------------------------------------------------

def literal(data):
    rows = []
    for at in range(0, len(data), 64):
        piece = data[at:at + 64]
        rows.append('"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}"
                                  for b in piece) + '"')
    return "\n    ".join(rows) or '""'


def main():
    parser = argparse.ArgumentParser(description="static files to C")
    for name in ("bootstrap", "source", "manifest"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    uses = [pathlib.Path(name) for name in options.files]
    manifest, rows = {}, ""
    for path in sorted((path for path in uses if path.suffix != ".html"),
                       key=lambda path: (path.suffix == ".webmanifest", path.name)):
        data = path.read_bytes()
        if path.suffix == ".webmanifest":
            data = re.sub(rb'"([\w-]+\.png)"', lambda m: b'"%s"' % manifest[m.group(1).decode()].encode(), data)
        if path.name == "app.css":
            data = style(path, pathlib.Path(options.bootstrap), uses)
        elif path.suffix == ".js":
            data = script(path.read_text(encoding="utf-8"))
        name = f"{path.stem}.{hashlib.sha256(data).hexdigest()[:12]}{path.suffix}"
        packed = gzip.compress(data, 9, mtime=0)
        if len(packed) >= len(data):
            packed = b""
        manifest[path.name] = f"/static/{name}"
        rows += (f'    {{STR_INIT("{path.name}"), STR_INIT("{name}"), "{TYPES[path.suffix]}",\n    STR_INIT({literal(data)}),\n'
                 f"    STR_INIT({literal(packed)})}},\n")
    pathlib.Path(options.manifest).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    pathlib.Path(options.source).write_text(f"""/* Generated at build time; do not edit. */
#include "services/web/assets.h"

#define STR_INIT(text) {{(text), sizeof(text) - 1}}

const struct asset assets[] = {{
{rows}}};
const size_t asset_count = sizeof assets / sizeof *assets;
""", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
