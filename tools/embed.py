#!/usr/bin/env python3
"""Turns files into C text at build time.

embed.py schema PREFIX SYMBOL OUT.c FILE.sql…   an array of struct migration, NULL name at the end
embed.py text SYMBOL OUT.c FILE                 a const struct str holding the file
embed.py lines SYMBOL OUT.c FILE                a NULL-terminated array of the file's lines
"""
import pathlib
import sys


def literal(data: bytes) -> str:
    """Bytes as adjacent C string literals, one source line each."""
    parts = []
    for line in data.splitlines(keepends=True) or [b""]:
        text = "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in line
        )
        parts.append(f'    "{text}"')
    return "\n".join(parts)


def schema(prefix: str, symbol: str, files: list[pathlib.Path]) -> str:
    rows = "".join(
        f'    {{"{prefix}/{path.stem}",\n{literal(path.read_bytes())}}},\n' for path in sorted(files)
    )
    return (
        '#include "sql/sql.h"\n\n'
        f"extern const struct migration {symbol}[];\n"
        f"const struct migration {symbol}[] = {{\n{rows}    {{NULL, NULL}},\n}};\n"
    )


def text(symbol: str, path: pathlib.Path) -> str:
    data = path.read_bytes()
    return (
        '#include "base/str.h"\n\n'
        f"extern const struct str {symbol};\n"
        f"static const char bytes[] =\n{literal(data)};\n"
        f"const struct str {symbol} = {{bytes, sizeof bytes - 1}};\n"
    )


def lines(symbol: str, path: pathlib.Path) -> str:
    rows = "".join(f"{literal(line)},\n" for line in path.read_bytes().split() if line)
    return (
        "#include <stddef.h>\n\n"
        f"extern const char *const {symbol}[];\n"
        f"const char *const {symbol}[] = {{\n{rows}    NULL,\n}};\n"
    )


def main(arguments: list[str]) -> int:
    kind, *rest = arguments
    if kind == "schema":
        prefix, symbol, out, *files = rest
        body = schema(prefix, symbol, [pathlib.Path(name) for name in files])
    elif kind in ("text", "lines"):
        symbol, out, name = rest
        body = {"text": text, "lines": lines}[kind](symbol, pathlib.Path(name))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    pathlib.Path(out).write_text(f"/* Generated at build time; do not edit. */\n{body}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
