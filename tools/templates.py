#!/usr/bin/env python3
"""Turns HTML templates and catalogues of texts into C at build time.

templates.py [--name mail] [--icons DIR --manifest FILE] --header OUT.h --source OUT.c FILE.html… FILE.txt…

A template begins with {{view struct NAME}} and becomes page_FILE(out, pg, v), of mails letter_FILE: literal text copied,
values escaped for the place they stand in. The place is found here, by reading the HTML, so a value
where no escaping is safe (a tag's name, an unquoted attribute, script, style, on… attributes,
comments) does not build.

  {{path}}                   a value: member of v, of an {{#each}} name, or of pg
  {{t KEY}} {{t KEY a=path}} a text of the catalogue, its {a} filled in
  {{pattern KEY}}            a text with its {names} as they are, for scripts to fill in
  {{#if path}} {{#if !path}} {{elif path}} {{else}} {{/if}}
  {{#each name in path}} {{/each}}   path has members at and count
  {{> FILE path}}            another template, for the struct at path (or v)
  {{icon NAME}}              an icon, inlined
  {{asset NAME}}             the hashed address of a static file

Places: text and quoted attributes (& < > " ' escaped); addresses (href, src, action, …: a value at
the beginning must be a path of our own, one further in is percent-encoded); JSON
(<script type="application/json">, and
application/ld+json for search engines: data, to which no content security policy applies). A catalogue line is `key = text`; the first catalogue is complete,
and the others must have the same keys and the same {names}."""
import argparse
import html
import json
import pathlib
import re
import sys

TOKEN = re.compile(r"\{\{(.+?)\}\}")
URL_ATTRIBUTES = {"href", "src", "action", "formaction", "poster", "cite", "data-live", "data-refresh"}
PATH = re.compile(r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$")


class Kind:
    """Whose templates they are: what their functions and texts are called in C, and whether style attributes,
    which mail programs need, may be in them."""

    def __init__(self, name, prefix, page, text, languages, view, styles=False):
        self.styles = styles
        self.name, self.prefix, self.page = name, prefix, page
        self.text, self.languages, self.view = text, languages, view

    def enum_of(self, key):
        return f"{self.text}_{key}".upper().replace(".", "_")


KINDS = {kind.name: kind for kind in (
    Kind("web", "page", "page", "text", "languages", "services/web/view.h"),
    Kind("mail", "letter", "letter_page", "mail_text", "mail_languages", "services/mail/letter_view.h", styles=True))}


class Wrong(Exception):
    """What keeps a template from being built."""


# --- where in the HTML are we -----------------------------------------------------------------------

class Place:
    """Follows HTML as a browser would, as far as our templates go."""

    def __init__(self, styles=False):
        self.styles = styles     # a style attribute may stand here, as it is
        self.state = "text"      # text tag name value raw comment
        self.tag = ""
        self.attribute = ""
        self.quote = ""
        self.value = ""          # of the attribute, so far
        self.attributes = {}
        self.raw = ""            # element whose text is no HTML: script, style

    def key(self):
        value = (self.quote, self.attribute) if self.state == "value" else ()
        return (self.state, self.tag if self.state != "text" else "", value, self.raw)

    def copy(self):
        other = Place(self.styles)
        other.__dict__.update(self.__dict__)
        other.attributes = dict(self.attributes)
        return other

    def feed(self, text):
        i = 0
        while i < len(text):
            i = getattr(self, "_" + self.state)(text, i)

    def _text(self, text, i):
        at = text.find("<", i)
        if at < 0:
            return len(text)
        if text.startswith("<!--", at):
            self.state = "comment"
            return at + 4
        match = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)|<!doctype", re.I).match(text, at)
        if not match:
            raise Wrong(f"stray < at {text[at:at + 20]!r}")
        self.state, self.tag, self.attributes = "tag", (match.group(1) or "!").lower(), {}
        self.closing = text.startswith("</", at)
        return match.end()

    def _comment(self, text, i):
        end = text.find("-->", i)
        if end < 0:
            return len(text)
        self.state = "text"
        return end + 3

    def _tag(self, text, i):
        match = re.compile(r"\s+|/").match(text, i)
        if match:
            return match.end()
        if text[i] == ">":
            self._open()
            return i + 1
        match = re.compile(r"([a-zA-Z_:@][-a-zA-Z0-9_:.]*)(\s*=\s*)?").match(text, i)
        if not match:
            raise Wrong(f"in <{self.tag}>: {text[i:i + 20]!r}")
        self.attribute = match.group(1).lower()
        if self.attribute.startswith("on") or (self.attribute == "style" and not self.styles):
            raise Wrong(f"attribute {self.attribute} is against the content security policy")
        self.attributes[self.attribute] = ""
        if not match.group(2):
            return match.end()
        if match.end() >= len(text) or text[match.end()] not in "\"'":
            raise Wrong(f"attribute {self.attribute} of <{self.tag}> needs quotes")
        self.state, self.quote, self.value = "value", text[match.end()], ""
        return match.end() + 1

    def _value(self, text, i):
        end = text.find(self.quote, i)
        if end < 0:
            self.value += text[i:]
            return len(text)
        self.value += text[i:end]
        self.attributes[self.attribute] = self.value
        self.state = "tag"
        return end + 1

    def _open(self):
        self.state = "text"
        if self.tag not in ("script", "style") or self.closing:
            return
        if "src" in self.attributes:
            self.raw = "source"
        elif self.tag == "script" and self.attributes.get("type") in ("application/json", "application/ld+json"):
            self.raw = "json"
        else:
            raise Wrong(f"<{self.tag}> in a page is against the content security policy")
        self.state = "raw"

    def _raw(self, text, i):
        end = text.lower().find(f"</{self.tag}", i)
        if end < 0:
            return len(text)
        self.state, self.raw = "text", ""
        return end

    def escape(self):
        """The function that puts a value here."""
        if self.state == "text":
            return "PUT_TEXT"
        if self.state == "value" and self.attribute in URL_ATTRIBUTES:
            if self.value == "":
                self.value = "\0"  # whatever comes now is further in
                return "PUT_ADDRESS"
            if self.value == "\0":
                raise Wrong(f"{self.attribute}: a value may only follow a literal or begin it")
            return "PUT_ADDRESS_PART"
        if self.state == "value" and self.attribute == "style":
            raise Wrong("a value in a style attribute is never safe")
        if self.state == "value":
            self.value += "\0"
            return "PUT_ATTRIBUTE"
        if self.state == "raw" and self.raw == "json":
            return "PUT_JSON"
        raise Wrong(f"a value in {self.state} of <{self.tag}> is never safe")


# --- texts ------------------------------------------------------------------------------------------

def read_texts(path):
    texts = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, text = line.partition("=")
        key, text = key.strip(), text.strip()
        if not equals or not re.fullmatch(r"[a-z0-9_.]+", key) or not text or key in texts:
            raise Wrong(f"{path.name}:{number}: not a text, or there twice: {line!r}")
        texts[key] = text
    return texts


def names_in(text):
    return set(re.findall(r"\{([a-z_]+)\}", text))


def check_texts(catalogues):
    (first_name, first), *others = catalogues
    for name, texts in others:
        for key in set(first) ^ set(texts):
            raise Wrong(f"{name}: {key} is not in both {first_name} and {name}")
        for key, text in texts.items():
            if names_in(text) != names_in(first[key]):
                raise Wrong(f"{name}: {key} has other names in braces than {first_name}")


# --- C ----------------------------------------------------------------------------------------------

def literal(text):
    return '"' + "".join(
        chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in text.encode()) + '"'


def squeeze(source):
    """Line breaks and indentation are for authors: between tags they go, in text one space stays."""
    out = ""
    for line in source.splitlines():
        line = line.strip()
        if not line:
            continue
        tight = not out or out.endswith((">", "}}")) or line.startswith(("<", "{{"))
        out += line if tight else " " + line
    return out


class Template:
    def __init__(self, path, build):
        self.name = path.stem
        self.build = build
        self.place = Place(build.kind.styles)
        self.lines = []
        self.pending = ""
        self.blocks = []
        self.aliases = {}
        source = squeeze(path.read_text(encoding="utf-8"))
        match = re.match(r"\{\{view (struct [a-z_]+)\}\}", source)
        if not match:
            raise Wrong("does not begin with {{view struct NAME}}")
        self.view = match.group(1)
        at = match.end()
        for token in TOKEN.finditer(source, at):
            self.put_literal(source[at:token.start()])
            self.directive(token.group(1).strip())
            at = token.end()
        self.put_literal(source[at:])
        self.flush()
        if self.blocks:
            raise Wrong(f"{self.blocks[-1][0]} is never closed")

    def emit(self, line):
        self.flush()
        self.lines.append("    " * (1 + len(self.blocks)) + line)

    def flush(self):
        if self.pending:
            text, self.pending = self.pending, ""
            self.emit(f"buf_append(out, STR({literal(text)}));")

    def put_literal(self, text):
        self.place.feed(text)
        self.pending += text

    def path(self, text):
        if not PATH.match(text):
            raise Wrong(f"not a path: {text!r}")
        first, *rest = text.split(".")
        if first in self.aliases or first == "pg":
            return first + ("->" + ".".join(rest) if rest else "")
        return "v->" + text

    def condition(self, text):
        no = text.startswith("!")
        return ("!" if no else "") + f"TRUE_OF({self.path(text.lstrip('!').strip())})"

    def directive(self, text):
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        if text.startswith("#if "):
            self.emit(f"if ({self.condition(rest)}) {{")
            self.blocks.append(["if", self.place.copy(), [], False])
        elif word in ("elif", "else"):
            self.branch("if")
            line = f"}} else if ({self.condition(rest)}) {{" if word == "elif" else "} else {"
            block = self.blocks.pop()
            block[3] = block[3] or word == "else"
            self.emit(line)
            self.blocks.append(block)
        elif text == "/if":
            self.branch("if")
            block = self.blocks.pop()
            ends = block[2] if block[3] else block[2] + [block[1]]
            if len({end.key() for end in ends}) != 1:
                raise Wrong("the branches of an if end in different places of the HTML")
            self.place = ends[0].copy()
            self.emit("}")
        elif text.startswith("#each "):
            self.begin_each(rest)
        elif text == "/each":
            self.end_each()
        elif word == ">":
            name, _, path = rest.partition(" ")
            if self.place.state != "text":
                raise Wrong(f"{{{{> {name}}}}} belongs between tags")
            path = path.strip()
            direct = path == "pg" or path in self.aliases
            argument = "v" if not path else path if direct else "&" + self.path(path)
            self.emit(f"{self.build.kind.prefix}_{name}(out, pg, {argument});")
        elif word == "t":
            self.put_message(rest)
        elif word == "pattern":
            self.put_message(rest, fill=False)
        elif word == "icon":
            if self.place.state != "text":
                raise Wrong("an icon belongs between tags")
            self.pending += self.build.icon(rest)
        elif word == "asset":
            self.put_literal(self.build.asset(rest))
        else:
            self.emit(f"{self.place.escape()}(out, {self.path(text)});")

    def branch(self, kind):
        """One branch has ended: remember where, and begin the next where the first began."""
        self.flush()
        if not self.blocks or self.blocks[-1][0] != kind:
            raise Wrong(f"{{{{else}}}} or {{{{/{kind}}}}} without its beginning")
        self.blocks[-1][2].append(self.place)
        self.place = self.blocks[-1][1].copy()

    def begin_each(self, rest):
        match = re.fullmatch(r"([a-z_]+) in ([a-z_.]+)", rest)
        if not match or match.group(1) in self.aliases:
            raise Wrong(f"not an each: {rest!r}")
        name, path = match.group(1), self.path(match.group(2))
        self.emit(f"for (size_t {name}_i = 0; {name}_i < {path}.count; {name}_i++) {{")
        self.blocks.append(["each", self.place.copy(), [], name])
        self.emit(f"const __typeof__(*{path}.at) *{name} = &{path}.at[{name}_i];\n")
        self.aliases[name] = True

    def end_each(self):
        self.flush()
        if not self.blocks or self.blocks[-1][0] != "each":
            raise Wrong("{{/each}} without its beginning")
        block = self.blocks.pop()
        if block[1].key() != self.place.key():
            raise Wrong("an each ends in another place of the HTML than it begins")
        del self.aliases[block[3]]
        self.emit("}")

    def put_message(self, rest, fill=True):
        key, *pairs = rest.split()
        names = names_in(self.build.text(key)) if fill else set()
        values = dict(pair.split("=", 1) for pair in pairs)
        if set(values) != names:
            raise Wrong(f"text {key} takes {sorted(names)}, got {sorted(values)}")
        if self.place.state == "value" and self.place.attribute in URL_ATTRIBUTES:
            raise Wrong(f"text {key} in an address")
        if self.place.escape() not in ("PUT_TEXT", "PUT_ATTRIBUTE"):
            raise Wrong(f"text {key} belongs in text or an attribute")
        if not values:
            self.emit(f"buf_append(out, pg->texts[{self.build.kind.enum_of(key)}]);")
            return
        rows = ", ".join(f'{{STR("{name}"), {self.path(path)}}}' for name, path in values.items())
        self.emit(f"put_message(out, pg->texts[{self.build.kind.enum_of(key)}],"
                  f" (const struct message_value[]){{{rows}}}, {len(values)});")

    def function(self):
        body = "\n".join(self.lines)
        unused = "" if "pg->" in body or ", pg," in body else "    (void)pg;\n"
        unused += "" if re.search(r"\bv\b", body) else "    (void)v;\n"
        return f"{self.prototype()}\n{{\n{unused}{body}\n}}\n"

    def prototype(self):
        kind = self.build.kind
        return f"void {kind.prefix}_{self.name}(struct buf *out, const struct {kind.page} *pg, const {self.view} *v)"


class Build:
    def __init__(self, options):
        self.kind = KINDS[options.name]
        self.icons = pathlib.Path(options.icons)
        self.assets = json.loads(pathlib.Path(options.manifest).read_text(encoding="utf-8")) if options.manifest else {}
        paths = [pathlib.Path(name) for name in options.files]
        self.catalogues = [(path.stem, read_texts(path)) for path in paths if path.suffix == ".txt"]
        check_texts(self.catalogues)
        self.templates = []
        for path in paths:
            if path.suffix == ".html":
                try:
                    self.templates.append(Template(path, self))
                except Wrong as wrong:
                    raise Wrong(f"{path.name}: {wrong}") from None

    def text(self, key):
        if key not in self.catalogues[0][1]:
            raise Wrong(f"no text is called {key!r}")
        return self.catalogues[0][1][key]

    def icon(self, name):
        path = self.icons / f"{name}.svg"
        if not path.exists():
            raise Wrong(f"no icon is called {name!r}")
        inside = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text(encoding="utf-8"), re.S).group(1)
        inside = re.sub(r">\s+<", "><", inside.strip())
        return ('<svg class="bi" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"'
                f' focusable="false">{inside}</svg>')

    def asset(self, name):
        if name not in self.assets:
            raise Wrong(f"no static file is called {name!r}")
        return self.assets[name]

    def header(self):
        kind = self.kind
        keys = "".join(f"    {kind.enum_of(key)},\n" for key in self.catalogues[0][1])
        pages = "".join(f"{template.prototype()};\n" for template in self.templates)
        return f"""/* Generated at build time; do not edit. */
#ifndef {kind.name.upper()}_PAGES_H
#define {kind.name.upper()}_PAGES_H

#include "{kind.view}"

enum {kind.text} {{
{keys}    {kind.text.upper()}S
}};

#define {kind.languages.upper()} {len(self.catalogues)}
/* Each text as it is, and escaped for HTML. */
extern const struct {kind.languages[:-1]} {{
    struct str name;
    struct str plain[{kind.text.upper()}S], escaped[{kind.text.upper()}S];
}} {kind.languages}[{kind.languages.upper()}];

{pages}
#endif
"""

    def source(self):
        kind = self.kind
        languages = ""
        for name, texts in self.catalogues:
            plain = "".join(f"STR_INIT({literal(text)}),\n" for text in texts.values())
            escaped = "".join(f"STR_INIT({literal(html.escape(text).replace('&#x27;', '&#39;'))}),\n"
                              for text in texts.values())
            languages += f"{{STR_INIT({literal(name)}), {{{plain}}}, {{{escaped}}}}},\n"
        pages = "\n".join(template.function() for template in self.templates)
        return f"""/* Generated at build time; do not edit. */
#include "services/{kind.name}/{kind.name}_pages.h"

#define STR_INIT(text) {{(text), sizeof(text) - 1}}

const struct {kind.languages[:-1]} {kind.languages}[{kind.languages.upper()}] = {{
{languages}}};

{pages}"""


def main():
    parser = argparse.ArgumentParser(description="HTML templates to C")
    parser.add_argument("--name", choices=sorted(KINDS), default="web")
    for name in ("icons", "manifest"):
        parser.add_argument("--" + name, default="")
    for name in ("header", "source"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    try:
        build = Build(options)
    except Wrong as wrong:
        print(f"templates.py: {wrong}", file=sys.stderr)
        return 1
    pathlib.Path(options.header).write_text(build.header(), encoding="utf-8")
    pathlib.Path(options.source).write_text(build.source(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
