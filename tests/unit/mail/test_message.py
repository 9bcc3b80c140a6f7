#!/usr/bin/env python3
"""test_message.py WRITER: what the program writes as mail, read by Python's parser: it says what was to be
said, and nothing that was said can become a header of its own."""
import email
import email.policy
import random
import subprocess
import sys

FROM = "Boxoffice <tickets@example.org>"
SUBJECTS = ["Yours: Front row", "", "Sold: Mono Lake 🎻 «Grüße» שלום, row 5; seat 12", "x" * 200, "é" * 200, "👩‍👩‍👧" * 40,
            "=?UTF-8?B?eA==?=", "=?", "a  b", "tab\tin it", "\"quoted\", and <angled>", "ends in space ", "日本語" * 50]
INJECTED = ["a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org\n\nbody", "a\r\n\r\n<html>", "a\rb", "a\x0bb", "a\x7fb"]
ADDRESSES = ["ada@example.com", "ada+tickets@example.com", "ада@example.com", "a.b-c_d@xn--bcher-kva.example"]
NO_ADDRESSES = ["", "ada", "@example.com", "ada@", "a@b@c", "a b@example.com", "a@example.com\r\nBcc: b@c.de", "<a@b.c>",
                "a@b.c,d@e.f", '"a"@b.c', "a@b.c;", "a(x)@b.c", "a\x00@b.c".replace("\x00", "\x01"), "a\\@b.c"]
BODIES = ["", "one line", ".\r\n.\r\n", "From here\n.\nto there\n", "ü" * 1000, "--=_6b0b9084c99d0c8031000000--\n", "x" * 5000]


def write(writer, sender, to, subject, text, html):
    given = b"".join(field.encode("utf-8", "surrogateescape") + b"\0" for field in (sender, to, subject, text, html))
    done = subprocess.run([writer], input=given, capture_output=True)
    assert done.returncode in (0, 1), done
    return done.stdout if done.returncode == 0 else None


def lines_are_fine(content):
    assert content.endswith(b"\r\n") and content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    head = content.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 or b"=?" not in line for line in head.split(b"\r\n")), head


def read(content):
    lines_are_fine(content)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert not message.defects, message.defects
    assert sorted(message.keys()) == sorted(["Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted",
                                             "MIME-Version", "Content-Type"]), message.keys()
    assert message.get_content_type() == "multipart/alternative" and len(list(message.iter_parts())) == 2
    return message


def one_line(text):
    return "".join(" " if ord(c) < 32 or ord(c) == 127 else c for c in text)


def says(writer, sender, to, subject, text, html):
    message = read(write(writer, sender, to, subject, text, html))
    assert " ".join(message["Subject"].split()) == " ".join(one_line(subject).split()), (subject, message["Subject"])
    # What is UTF-8 in a header (RFC 6532) comes as bytes that nobody has read yet.
    read_to = message["To"].addresses[0].addr_spec.encode("utf-8", "surrogateescape").decode()
    assert read_to == to, message["To"]
    for kind, wanted in (("plain", text), ("html", html)):
        part = message.get_body((kind,))
        assert part.get_payload(decode=True).decode() == wanted, (kind, wanted)
    return message


def main():
    writer, results, chance = sys.argv[1], [], random.Random(6)

    def check(name, test, *words):
        try:
            test(*words)
            good = True
        except AssertionError as error:
            print(f"# {error!r}"[:600])
            good = False
        results.append(good)
        print(f"{'ok' if good else 'not ok'} {len(results)} - {name}")

    def dated():
        message = says(writer, FROM, "ada@example.com", "x", "y", "z")
        assert message["Date"].datetime.isoformat() == "2026-11-29T02:46:44+00:00", message["Date"]
        assert message["From"].addresses[0].display_name == "Boxoffice"
        assert message["Message-ID"] == "<6b0b9084c99d0c8031000000@example.org>"

    def refused(to):
        assert write(writer, FROM, to, "x", "y", "z") is None, to

    def named(name):
        message = says(writer, f"{name} <tickets@example.org>", "ada@example.com", "x", "y", "z")
        # Some versions of the parser leave a space where the header was folded between two encoded words.
        shown = message["From"].addresses[0].display_name
        assert shown.replace(" ", "") == name.replace(" ", ""), message["From"]

    check("date, sender and id", dated)
    for subject in SUBJECTS + INJECTED:
        check(f"subject {subject[:30]!r}", says, writer, FROM, "ada@example.com", subject, "text", "<p>html</p>")
    for address in ADDRESSES:
        check(f"to {address}", says, writer, FROM, address, "x", "text", "html")
    for address in NO_ADDRESSES:
        check(f"not to {address!r}", refused, address)
    for name in ("Büro", "Ada, and others", "日本語" * 12, "O'Hara"):
        check(f"from {name}", named, name)
    for body in BODIES:
        check(f"body {body[:20]!r}", says, writer, FROM, "ada@example.com", "x", body, body)

    def any_text():
        for _ in range(200):
            subject, body = ("".join(chance.choice("ab é🎻\r\n\t=?_.<>\"ש\u202e") for _ in range(chance.randrange(120)))
                             for _ in range(2))
            says(writer, FROM, "ada@example.com", subject, body, body)

    check("any text", any_text)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
