"""Proves that every page fits: any width from 280 px, letters at 100 and 200 %, a long address, long and
right-to-left titles, the dearest price; on paper and in forced colours, too."""

import base64
import datetime

from boxoffice import Server, buy, create_ticket, reserve
from check import Cases
from test_everybody import LISTED, Theatre
from web import Person, axe

WIDTHS = range(280, 1448, 8)
LONG_EMAIL = "a" * 60 + "@example.org"
DEAR = [LISTED[0], ("Hamilton, stalls row F 12", 123456.78), *LISTED[2:-2], ("The Lehman Trilogy, upper circle, restricted view, row ZZ", 999999.99),
        ("\u062d\u0641\u0644\u0629 \u0641\u064a\u0631\u0648\u0632 (VIP)", 12345.67)]
# The page as it stands, in a frame of its own that takes one width after the other: what is too wide, and of
# each element with an amount whether it stands on one line, and within its stub. A frame has a window's
# widths, so media and container queries, vw and what is fixed are the frame's; MEASURED shows that.
SWEEP = """
    const [widths, done] = arguments, bad = [];
    const broken = (page) => [...page.querySelectorAll(".tk em, .stub, .receipt dd, .pay h2, .pay button")]
        .filter((e) => e.offsetParent && e.textContent.includes("$")).flatMap((e) => {
            const text = [...e.childNodes].find((n) => n.nodeType === 3 && n.data.includes("$"));
            const range = page.createRange(), at = text.data.indexOf("$");
            range.setStart(text, at);
            range.setEnd(text, at + text.data.slice(at).match(/^[$][0-9,.]+/)[0].length);
            const lines = new Set([...range.getClientRects()].map((r) => Math.round(r.top)));
            const inner = range.getBoundingClientRect(), outer = e.getBoundingClientRect();
            return lines.size > 1 || inner.left < outer.left - 1 || inner.right > outer.right + 1
                ? [e.tagName + "." + e.className + ": " + text.data] : []; });
    const copy = document.documentElement.cloneNode(true), frame = document.createElement("iframe");
    copy.querySelectorAll("script").forEach((script) => script.remove());
    for (const [name, value] of [["border", "0"], ["height", "900px"], ["position", "fixed"]])
        frame.style[name] = value;
    frame.srcdoc = "<!doctype html>" + copy.outerHTML;
    frame.onload = () => {
        const page = frame.contentDocument, sizes = {};
        for (const card of page.querySelectorAll(".tickets > li")) card.style.contentVisibility = "visible";
        for (const width of widths) {
            frame.style.width = width + "px";
            const root = page.documentElement, size = (what) => page.querySelector(what).getBoundingClientRect();
            sizes[width] = [frame.contentWindow.innerWidth, size("main").width, size("main .tk, main h1").height];
            if (root.scrollWidth > width) bad.push(`${root.scrollWidth} px in ${width}`);
            bad.push(...broken(page).map((line) => `${width}: ${line}`));
        }
        frame.remove();
        done([bad, sizes]);
    };
    document.body.append(frame);"""
MEASURED = """
    for (const card of document.querySelectorAll(".tickets > li")) card.style.contentVisibility = "visible";
    const size = (what) => document.querySelector(what).getBoundingClientRect();
    return [innerWidth, size("main").width, size("main .tk, main h1").height];"""


class LongTheatre(Theatre):
    """Everybody has an address of 72 characters."""

    def __init__(self, server):
        sign_up, made = server.sign_up, []

        def sign_up_long(email=None):
            made.append(email)
            return sign_up(f"{len(made)}{LONG_EMAIL[len(str(len(made))):]}")
        server.sign_up = sign_up_long
        try:
            super().__init__(server, DEAR)
        finally:
            del server.sign_up
        assert len(self.buyer.email) == 72


def set_width(browser, width, height=900):
    browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)


def too_wide(browser):
    return browser.run("const e = document.documentElement;"
                       "return e.scrollWidth > innerWidth ? e.scrollWidth : 0")


def fits_everywhere(text):
    with Server() as server, Cases() as case:
        for name, person in LongTheatre(server).visits(server, text=text):
            with case(name):
                bad, sizes = person.browser.run_async(SWEEP, list(WIDTHS))
                assert not bad, bad
                for width in (280, 768, 1440):  # the frame is the page
                    set_width(person.browser, width)
                    assert not too_wide(person.browser)
                    seen = person.browser.run(MEASURED)
                    assert all(abs(a - b) < 1 for a, b in zip(sizes[str(width)], seen)), (width, sizes[str(width)], seen)


def test_nothing_scrolls_sideways_and_no_amount_breaks_at_any_width():
    fits_everywhere(100)


def test_the_same_with_letters_twice_as_large():
    fits_everywhere(200)


def test_the_menus_fit_too_and_nothing_in_them_wraps():
    with Server() as server, Cases() as case:
        theatre = LongTheatre(server)
        for text in (100, 200):
            with Person(server, theatre.buyer, text=text) as person:
                browser = person.go("/orders").browser
                browser.click(".account summary")
                for width in (280, 320, 360, 480, 640, 768, 820, 912, 1024, 1280, 1440):
                    with case(f"{width} px, {text} %"):
                        set_width(browser, width)
                        assert not too_wide(browser)
                        wrapped = browser.run("""
                            return [...document.querySelectorAll(".brand, .menu a, .tabs a, .account summary")]
                                .filter((e) => e.offsetParent).flatMap((e) => {
                                    const texts = [...e.querySelectorAll("span, bdi")].filter((s) => s.offsetWidth > 1);
                                    const high = texts.some((s) => s.getClientRects().length > 1 ||
                                        s.offsetHeight > 2 * parseFloat(getComputedStyle(s).fontSize));
                                    const cut = texts.some((s) => !s.matches(".email") &&
                                        s.scrollWidth > s.closest("a").clientWidth + 1);
                                    return high || cut ? [e.textContent] : []; });""")
                        assert not wrapped, wrapped
                        sheet = browser.run("const r = document.querySelector('.sheet').getBoundingClientRect();"
                                            "return [r.left, r.right, innerWidth]")
                        assert sheet[0] >= 0 and sheet[1] <= sheet[2], sheet
                        top = browser.run("return document.querySelector('.top').offsetHeight")
                        assert top <= 62 * text / 100, f"the bar is {top} px high"


def test_axe_finds_nothing_with_letters_twice_as_large():
    with Server() as server, Cases() as case:
        theatre = LongTheatre(server)
        for dark in (False, True):
            for name, person in theatre.visits(server, text=200, dark=dark, width=400, height=800):
                with case(f"{name}, {'dark' if dark else 'light'}"):
                    found = axe(person.browser)
                    assert not found, "\n".join(found)


def test_axe_finds_nothing_in_the_open_account_menu(server):
    with Person(server, server.sign_up()) as person, Cases() as case:
        for width in (360, 1280):
            with case(f"{width} px"):
                set_width(person.browser, width)
                person.go("/").browser.click(".account summary")
                person.browser.find(".account[open]")
                found = axe(person.browser)
                assert not found, "\n".join(found)


def test_on_a_phone_the_first_ticket_is_in_the_upper_half_where_no_event_is_on():
    with Server() as server, Person(server, width=360, height=740) as person:
        create_ticket(server.sign_up(), "First of all")
        person.go("/")
        assert person.browser.run(
            "return document.querySelector('.tickets .tk').getBoundingClientRect().top") <= 370


def test_text_one_types_into_is_not_smaller_than_16_px(server):
    seller = server.sign_up()
    create_ticket(seller, "Priced in place")
    with Person(server, seller, width=360, height=740) as person, Cases() as case:
        for path in ("/selling", "/tickets/new", "/auth/signin"):
            with case(path):
                small = person.go(path).browser.run(
                    "return [...document.querySelectorAll('input:not([type=hidden])')]"
                    ".filter((e) => parseFloat(getComputedStyle(e).fontSize) < 16).length")
                assert small == 0


def test_what_is_not_yours_is_no_number(server):
    order = reserve(server.sign_up(), create_ticket(server.sign_up())["id"])
    with Person(server, server.sign_up()) as person:
        browser = person.go(f"/orders/{order['id']}").browser
        assert "not yours" in browser.text("h1") and "401" not in browser.text("main .narrow h1, main")


def test_a_title_has_its_own_direction_and_leaves_its_surroundings_theirs():
    with Server() as server, Cases() as case:
        titles = [("\u062d\u0641\u0644\u0629 \u0641\u064a\u0631\u0648\u0632 (VIP)", 20 + n) for n in range(7)]
        for name, person in Theatre(server, titles).visits(server):
            with case(name):
                astray = person.browser.run("""
                    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
                    const bad = [];
                    for (let n = walker.nextNode(); n; n = walker.nextNode()) {
                        const e = n.parentElement, own = e.closest("bdi, [dir=auto]");
                        if (/[\u0600-\u06ff]/.test(n.data) && !own) bad.push(e.tagName + ": " + n.data);
                        if (own && getComputedStyle(own).direction === "rtl" && own.contains(
                            document.querySelector("main em"))) bad.push("price inside"); }
                    for (const e of document.querySelectorAll("main input[name=title]"))
                        if (e.value && getComputedStyle(e).direction !== "rtl") bad.push("input");
                    return bad;""")
                assert not astray, astray


def test_paper_is_black_on_white_and_without_what_one_presses():
    with Server() as server:
        theatre = Theatre(server, LISTED)
        with Person(server, theatre.buyer, dark=True) as person, Cases() as case:
            for name in ("receipt", "orders", "ticket"):
                with case(name):
                    browser = person.go(theatre.pages[name][1]).browser
                    browser.devtools("Emulation.setEmulatedMedia", media="print")
                    shown = browser.run("""
                        return [...document.querySelectorAll("button, form, nav, .sandbox, .top, .btn, .tabs > nav")]
                            .filter((e) => e.offsetParent).map((e) => e.tagName + "." + e.className);""")
                    assert not shown, shown
                    pale = browser.run("""
                        const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
                            return (r + g + b) / 3; };
                        return [...document.querySelectorAll("main *")].filter((e) => e.offsetParent &&
                            [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) &&
                            light(getComputedStyle(e).color) > 90).map((e) => e.className + e.textContent);""")
                    assert not pale, pale
                    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
                    pdf = browser.devtools("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"]
                    assert base64.b64decode(pdf).count(b"/Type /Page\n") <= 2 or name == "orders"
                    browser.devtools("Emulation.setEmulatedMedia", media="")


def test_the_time_left_is_seen_in_forced_colours(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as person:
        person.browser.media("forced-colors", "active")
        browser = person.go(f"/orders/{order['id']}").browser
        border, style = browser.run("const s = getComputedStyle(document.querySelector('progress'));"
                                    "return [s.borderTopStyle, s.forcedColorAdjust]")
        assert border == "solid" and style == "none"


def test_a_receipt_names_day_and_buyer(server):
    buyer = server.sign_up()
    order = buy(buyer, create_ticket(server.sign_up(), "For the records", 1250)["id"])
    with Person(server, buyer) as person:
        browser = person.go(f"/orders/{order['id']}").browser
        receipt = browser.text(".receipt")
        assert buyer.email in receipt and "$1,250.00" in receipt, receipt
        made = datetime.datetime.fromtimestamp(int(order["id"][:8], 16), datetime.timezone.utc)
        assert made.strftime("%B %Y, %H:%M UTC") in receipt, receipt


def test_the_end_of_a_hold_is_told_in_ones_own_time(server):
    buyer = server.sign_up()
    order = reserve(buyer, create_ticket(server.sign_up())["id"])
    with Person(server, buyer) as person:
        person.browser.devtools("Emulation.setTimezoneOverride", timezoneId="Asia/Kathmandu")
        browser = person.go(f"/orders/{order['id']}").browser
        own = browser.run("return new Date(arguments[0]).toLocaleTimeString([], {hour: 'numeric', minute: '2-digit'})",
                          order["expiresAt"])
        browser.wait_text(".clock", own)
