"""Proves what is told of a page to those who have not come yet: titles, descriptions, addresses, pictures,
what search engines and other programs read, and the files browsers ask for by heart."""

import datetime
import json
import os
import re
import struct
import tempfile
import xml.etree.ElementTree

from boxoffice import Server, create_ticket, pay, reserve, run_cli, wait_order
from check import Cases
from test_safety import read
from web import MARKUP, Person

SERVER = {}


def meta(text):
    """name or property → content, and "canonical", of a page's head."""
    head = text[:text.index("</head>")]
    found = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', head))
    canonical = re.search(r'<link rel="canonical" href="([^"]*)">', head)
    found["title"] = re.search(r"<title>(.*?)</title>", head)[1]
    if canonical:
        found["canonical"] = canonical[1]
    return found


def test_public_pages_say_where_they_are_and_what_they_show(server):
    ticket = create_ticket(server.sign_up(), "Mono Lake, Riverside Arena", 1254)["id"]
    base = f"http://{server.host}:{server.port}"
    client = server.client()
    home, one = (meta(read(client, path).body.decode()) for path in ("/", f"/tickets/{ticket}"))
    assert home["canonical"] == home["og:url"] == base + "/"
    assert one["canonical"] == one["og:url"] == f"{base}/tickets/{ticket}"
    assert one["title"] == "Mono Lake, Riverside Arena \u00b7 $1,254.00 \u00b7 Boxoffice"
    assert "Mono Lake" in one["description"] and "$1,254.00" in one["og:description"]
    assert home["description"] != one["description"] and "robots" not in home and "robots" not in one
    for page in (home, one):
        assert page["og:site_name"] == "Boxoffice" and page["twitter:card"] == "summary_large_image"
        picture = client.get(page["og:image"].removeprefix(base))
        assert picture.status == 200 and picture.headers["Content-Type"] == "image/png"
        assert struct.unpack(">II", picture.body[16:24]) == (1200, 630)
        assert len(picture.body) <= 60_000


def test_personal_and_narrowed_pages_are_not_for_search_engines(server):
    person = server.sign_up()
    with Cases() as case:
        for path in ("/orders", "/selling", "/account", "/account/factor", "/tickets/new", "/auth/signout", "/nothing/here",
                     "/?after=000000000000000000000000"):
            with case(path):
                page = meta(read(person, path).body.decode())
                assert page["robots"] == "noindex" and "canonical" not in page and "og:url" not in page


def test_a_host_that_is_no_name_is_not_repeated(server):
    for host in ('x"><script>', "a b", "evil.example/x", "x" * 300):
        answer = read(server.client(), "/", Host=host)
        if answer.status == 200:
            assert meta(answer.body.decode())["canonical"] == "/", host


def test_programs_read_what_a_ticket_is(server):
    seller = server.sign_up()
    for title in (MARKUP, "</script><script>alert(1)</script>", "plain"):
        ticket = create_ticket(seller, title, 1249.9)["id"]
        text = read(server.client(), f"/tickets/{ticket}").body.decode()
        found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
        assert len(found) == 1, title
        about = json.loads(found[0])
        assert about["@type"] == "Product" and about["name"] == title
        offer = about["offers"]
        assert offer["price"] == "1249.90" and offer["priceCurrency"] == "USD"
        assert offer["availability"] == "https://schema.org/InStock"
        assert offer["url"].endswith(f"/tickets/{ticket}")
    pay(buyer := server.sign_up(), order := reserve(buyer, ticket)["id"])
    wait_order(buyer, order, "complete")
    text = read(server.client(), f"/tickets/{ticket}").body.decode()
    assert "schema.org/InStock" not in text
    home = read(server.client(), "/").body.decode()
    assert json.loads(re.search(r"ld\+json\">(.*?)</script>", home)[1])["@type"] == "WebSite"


def test_an_orders_title_says_how_it_stands(server):
    buyer = server.sign_up()
    ticket = create_ticket(server.sign_up(), "Swan Lake", 55)["id"]
    order = reserve(buyer, ticket)["id"]
    assert meta(read(buyer, f"/orders/{order}").body.decode())["title"] == "Pay $55.00 \u00b7 15 min \u00b7 Boxoffice"
    pay(buyer, order)
    wait_order(buyer, order, "complete")
    assert meta(read(buyer, f"/orders/{order}").body.decode())["title"] == "Paid \u00b7 Swan Lake \u00b7 Boxoffice"


def test_files_that_browsers_ask_for_by_heart_are_there(server):
    client = server.client()
    icon = client.get("/favicon.ico")
    assert icon.status == 200 and icon.body[:4] == b"\0\0\1\0" and icon.headers["Content-Type"] == "image/x-icon"
    touch = client.get("/apple-touch-icon.png")
    assert touch.status == 200 and struct.unpack(">II", touch.body[16:24]) == (180, 180)
    manifest = client.get("/site.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    for entry in manifest.json["icons"]:
        picture = client.get(entry["src"])
        size = int(entry["sizes"].split("x")[0])
        assert struct.unpack(">II", picture.body[16:24]) == (size, size), entry
    moved = client.get("/tickets")
    assert moved.status == 301 and moved.headers["Location"] == "/"


def test_a_browser_takes_the_manifest_and_complains_of_nothing(server):
    with Person(server) as person:
        person.go("/")
        found = person.browser.devtools("Page.getAppManifest")
        assert found["url"].endswith("/site.webmanifest") and found["errors"] == [], found["errors"]
        assert json.loads(found["data"])["name"] == "Boxoffice"
        assert person.browser.complaints() == []


def test_the_sitemap_lists_what_is_for_sale():
    with Server() as server:
        base = f"http://{server.host}:{server.port}"
        seller, client = server.sign_up(), server.client()
        tickets = [create_ticket(seller, f"No. {n}", 20 + n)["id"] for n in range(3)]
        robots = client.get("/robots.txt").body.decode()
        assert f"Sitemap: {base}/sitemap.xml" in robots.splitlines()
        answer = client.get("/sitemap.xml")
        assert answer.headers["Content-Type"].startswith("application/xml")
        root = xml.etree.ElementTree.fromstring(answer.body)
        found = {element.text for element in root.iter() if element.tag.endswith("}loc")}
        assert found == {base + "/", base + "/shows", *(f"{base}/tickets/{ticket}" for ticket in tickets)}
        for address in found:
            assert read(client, address.removeprefix(base)).status == 200


def test_the_sitemap_of_a_large_market_has_the_newest():
    year = datetime.datetime.now(datetime.timezone.utc).year + 1
    venue = {"id": "hall", "name": "Harbour Hall", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin"}
    shows = [{"id": f"night {n}", "venueId": "hall", "title": f"Night {n} of a festival with a name of " + 18 * "many ",
              "performers": ["Mono Lake", "Wren & the Weather", "Été"], "category": "music",
              "startsAt": f"{year}-06-{n % 30 + 1:02}T{n % 24:02}:30"} for n in range(1001)]
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for name, lines in (("venues", [venue]), ("shows", shows)):
            words += [f"--{name}", os.path.join(folder, name)]
            with open(words[-1], "w", encoding="utf-8") as file:
                file.write("".join(json.dumps(line) + "\n" for line in lines))
        data = os.path.join(folder, "data")
        done = run_cli("import", *words, "--data", data, timeout=60)
        assert done.returncode == 0, done
        with Server(data=data) as server:
            seller = server.as_user()
            for n in range(1001):
                create_ticket(seller, f"A ticket of no show, with a title of many words, {n}")
            answer = server.client().get("/sitemap.xml")
            assert answer.status == 200, answer
            assert (answer.body.count(b"/shows/"), answer.body.count(b"/tickets/")) == (500, 500)
