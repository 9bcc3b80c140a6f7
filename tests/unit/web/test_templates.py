"""What tools/templates.py makes of a template: the right escaping for each place, and no C at all
where no escaping is safe. Prints TAP."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = ROOT / "tools" / "templates.py"
TEXTS = "hello = Hello & welcome\nheld = Held until {time}\n"
HEAD = "{{view struct any_view}}\n"

# what it says: (template, what its C has)
RIGHT = {
    "text is escaped": ("<p>{{title}}</p>", "PUT_TEXT(out, v->title);"),
    "an attribute is escaped": ('<p title="a {{title}}"></p>', "PUT_ATTRIBUTE(out, v->title);"),
    "single quotes, too": ("<p title='{{title}}'></p>", "PUT_ATTRIBUTE(out, v->title);"),
    "a whole address is checked": ('<a href="{{next}}">x</a>', "PUT_ADDRESS(out, v->next);"),
    "a piece of one is encoded": ('<a href="/t/{{id}}">x</a>', "PUT_ADDRESS_PART(out, v->id);"),
    "a form's action is an address": ('<form action="{{next}}"></form>', "PUT_ADDRESS(out, v->next);"),
    "JSON is JSON": ('<script type="application/json">{{title}}</script>', "PUT_JSON(out, v->title);"),
    "JSON for search engines, too": ('<script type="application/ld+json">{"a":{{title}} }</script>',
                                     "PUT_JSON(out, v->title);"),
    "title and textarea are text": ("<title>{{title}}</title>", "PUT_TEXT(out, v->title);"),
    "each names its elements": ("{{#each t in rows}}<i>{{t.title}}</i>{{/each}}",
                                "PUT_TEXT(out, t->title);"),
    "the layout's members": ("<i>{{pg.here}}</i>", "PUT_TEXT(out, pg->here);"),
    "conditions": ("{{#if !sold}}<i>x</i>{{/if}}", "if (!TRUE_OF(v->sold)) {"),
    "a condition may choose an attribute": ("<b{{#if a}} hidden{{/if}}>x</b>", "if (TRUE_OF(v->a)) {"),
    "a text of the catalogue": ("<p>{{t hello}}</p>", "buf_append(out, pg->texts[TEXT_HELLO]);"),
    "a text with a value": ("<p>{{t held time=x.until}}</p>", '{STR("time"), v->x.until}'),
    "an icon": ("{{icon star}}", "<path d="),
    "a static file": ('<img alt="" src="{{asset a.svg}}">', "/static/a.0.svg"),
}
WRONG = {
    "a value in a script": "<script>{{title}}</script>",
    "a module": '<script type="module">{{title}}</script>',
    "a script at all": "<script>alert(1)</script>",
    "a style element": "<style>b{}</style>",
    "a style attribute": '<b style="x">x</b>',
    "an event handler": '<b onclick="x">x</b>',
    "a value in an unquoted attribute": "<b title={{title}}>x</b>",
    "an unquoted attribute": "<b title=x>x</b>",
    "a value as a tag": "<{{title}}>",
    "a value as an attribute": "<b {{title}}>x</b>",
    "a value in a comment": "<!-- {{title}} -->",
    "two values at the beginning of an address": '<a href="{{a}}{{b}}">x</a>',
    "branches that end in different places": '<b title="{{#if a}}"{{else}}x{{/if}}>x</b>',
    "an each that opens a tag": "{{#each t in rows}}<b {{/each}}>x</b>",
    "an if without its end": "{{#if a}}x",
    "an end without its if": "x{{/if}}",
    "a text that is not there": "<p>{{t nothing}}</p>",
    "a text without its value": "<p>{{t held}}</p>",
    "a text in an address": '<a href="/{{t hello}}">x</a>',
    "an icon that is not there": "{{icon nothing}}",
    "a static file that is not there": '<img src="{{asset nothing}}">',
    "a value that is no path": "<p>{{system(1)}}</p>",
}


def build(template, second=None):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "star.svg").write_text('<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>', encoding="utf-8")
        (folder / "manifest").write_text('{"a.svg": "/static/a.0.svg"}', encoding="utf-8")
        (folder / "en.txt").write_text(TEXTS, encoding="utf-8")
        files = [folder / "page.html", folder / "en.txt"]
        files[0].write_text(HEAD + template, encoding="utf-8")
        if second is not None:
            files.append(folder / "xx.txt")
            files[-1].write_text(second, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, TOOL, "--icons", folder, "--manifest", folder / "manifest", "--header",
             folder / "h", "--source", folder / "c", *files], capture_output=True, text=True)
        return (folder / "c").read_text(encoding="utf-8") if done.returncode == 0 else None


def main():
    results = []

    def check(good, name):
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {len(results)} - {name}")

    for name, (template, wanted) in RIGHT.items():
        source = build(template)
        check(source is not None and wanted.replace("<", "<") in source.replace('\\"', '"'), name)
    for name, template in WRONG.items():
        check(build(template) is None, f"does not build: {name}")
    check(build("x", TEXTS) is not None, "a second language with the same keys builds")
    check(build("x", "hello = Hallo\n") is None, "one that lacks a key does not")
    check(build("x", TEXTS.replace("{time}", "{zeit}")) is None, "one with other names does not")
    source = build("<p>{{t hello}}</p>")
    check("Hello &amp; welcome" in source and "Hello & welcome" in source, "texts come plain and escaped")
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
