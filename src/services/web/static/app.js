// app.js: what makes the pages better when scripts run. Without it everything works by reloading.
(() => {
    "use strict";
    const body = document.body;
    const one = (selector, inside = document) => inside.querySelector(selector);
    const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
    const words = one("#words").dataset;
    const fill = (pattern, values) =>
        pattern.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);

    // --- what is announced -----------------------------------------------------------------------
    // Screen readers hear one sentence in five seconds: what concerns the focused thing or one's own
    // money comes first, of everything else only how much there was.
    const PAUSE_MS = 5000;
    let waiting = "", quiet = 0;
    const others = new Set(); // listings that changed, however often
    const say = (text) => { one("#say").textContent = text; };
    function speak() {
        if (waiting) say(waiting);
        else if (others.size) say(others.size === 1 ? words.one : fill(words.many, { n: others.size }));
        waiting = "";
        others.clear();
    }
    function pause() {
        quiet = setTimeout(() => {
            quiet = 0;
            if (!waiting && !others.size) return;
            speak();
            pause();
        }, PAUSE_MS);
    }
    function announce(sentence, listing) {
        if (sentence) waiting = sentence;
        else others.add(listing);
        if (quiet) return;
        if (sentence) speak();
        pause();
    }
    // What changed before one's eyes is marked for ten seconds.
    function mark(element) {
        element.classList.add("changed");
        setTimeout(() => element.classList.remove("changed"), 10000);
    }

    // --- a form is sent once ---------------------------------------------------------------------
    function busy(button) {
        if (!button || button.getAttribute("aria-busy")) return;
        button.setAttribute("aria-busy", "true");
        if (!button.dataset.busy) return;
        button.dataset.idle = button.textContent;
        button.textContent = button.dataset.busy;
    }
    function idle(form) {
        delete form.dataset.sent;
        for (const button of all("button", form)) {
            button.removeAttribute("aria-busy");
            if (!button.dataset.idle) continue;
            button.textContent = button.dataset.idle;
            delete button.dataset.idle;
        }
    }
    document.addEventListener("submit", (event) => {
        const form = event.target, button = event.submitter || one("button", form);
        if (event.defaultPrevented) return; // Stripe's turn first
        if (form.dataset.sent || form.dataset.disarmed) {
            event.preventDefault();
            return;
        }
        if (form.dataset.stripe && !form.elements.token.value) event.preventDefault();
        if (event.defaultPrevented || form.method !== "post") return;
        form.dataset.sent = "1";
        busy(button);
    });

    // A link to a part that is folded up opens it.
    const unfold = () => {
        const part = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
        if (part && part.matches("details")) part.open = true;
    };
    window.addEventListener("hashchange", unfold);
    unfold();

    // --- nothing typed is lost -------------------------------------------------------------------
    // What one types belongs to the page's place in the browser's history: Back, a reload and a
    // browser that closes bring it back. No passwords, nothing hidden.
    const TYPED = "input:not([type=hidden],[type=password],[type=radio],[type=checkbox]), textarea";
    const fields = () => [...document.forms].filter((form) => form.method === "post")
        .flatMap((form) => all(TYPED, form).filter((input) => input.name && !input.readOnly)
            .map((input) => [`${form.getAttribute("action")} ${input.name}`, input]));
    const isTyped = (inside) => all(TYPED, inside).some((input) => !input.readOnly &&
        (input === document.activeElement || input.value !== input.defaultValue));
    document.addEventListener("input", () => {
        const typed = {};
        for (const [name, input] of fields())
            if (input.value !== input.defaultValue) typed[name] = input.value;
        history.replaceState({ ...history.state, typed }, "");
    });
    function putBack() {
        const typed = (history.state && history.state.typed) || {};
        for (const [name, input] of fields())
            if (name in typed && input.value === input.defaultValue) input.value = typed[name];
    }
    window.addEventListener("pageshow", (event) => {
        for (const form of document.forms) idle(form);
        if (!event.persisted) return;
        refreshHeld(); // a page of somebody who has left since does not stay
        refresh();     // the page of before the payment is not true any more
    });

    // --- who is here stays signed in ---------------------------------------------------------------
    // A session ends when nothing is asked for a while; an open page is not nothing.
    if (one("#held")) setInterval(() => { fetch("/held", { method: "HEAD", headers: RENEWS }).catch(() => {}); }, 300000);

    // --- fresh content in place ------------------------------------------------------------------
    // What people have typed is never taken from under their hands: they are told instead.
    // The header tells the server that nobody sees this page as a whole: a notice stays for the next.
    const RENEWS = { Accept: "text/html", "X-Requested-With": "fetch" };
    async function pageOf(address) {
        const answer = await fetch(address, { headers: RENEWS });
        if (!(answer.ok || answer.status === 410) || answer.redirected) return null;
        return new DOMParser().parseFromString(await answer.text(), "text/html");
    }
    function tellOf(old, fresh) {
        const state = one(".state", fresh);
        let moved = one("#moved");
        if (!moved) {
            moved = document.createElement("p");
            moved.id = "moved";
            old.prepend(moved);
        }
        moved.className = state ? state.className : "state held";
        moved.textContent = state ? state.textContent.trim() : words.moved;
        announce(moved.textContent);
    }
    // A click that was meant for the old price does not buy at the new one.
    function disarm(form) {
        if (!form) return;
        form.dataset.disarmed = "1";
        setTimeout(() => { delete form.dataset.disarmed; }, 1000);
    }
    function putFresh(old, page) {
        const fresh = one("#fresh", page), big = one(".big", page), shown = one(".big");
        const was = shown && one("em", shown).textContent, now = big && one("em", big).textContent;
        const focused = old.contains(document.activeElement) && document.activeElement;
        old.replaceWith(document.adoptNode(fresh));
        if (big && shown) shown.replaceWith(document.adoptNode(big));
        if (was && now && was !== now) {
            mark(one(".big em"));
            disarm(one(".buy", fresh));
            announce(fill(words.price, { price: now, was }));
        } else if (fresh.dataset.say) {
            announce(fresh.dataset.say);
        } else if (one(".state", fresh)) {
            announce(one(".state", fresh).textContent.trim());
        }
        if (focused) (one(`.${focused.form ? focused.form.className : "none"} button`, fresh) || one("#main")).focus();
        startClocks();
        startCard();
    }
    let refreshing = false, again = false;
    async function refresh() {
        const old = one("#fresh");
        if (!old) return;
        if (refreshing) { again = true; return; }
        refreshing = true;
        try {
            const page = await pageOf(old.dataset.refresh);
            const fresh = page && one("#fresh", page);
            if (!fresh || !old.isConnected || fresh.dataset.state === old.dataset.state) return;
            // Why a card was declined stays to be read while the order can still be paid.
            if (one("[role=alert]", old) && ["open", "paying"].includes(fresh.dataset.state)) return;
            if (!old.dataset.order && isTyped(old)) tellOf(old, fresh);
            else putFresh(old, page);
        } catch (error) {
            setTimeout(refresh, 2000);
        } finally {
            refreshing = false;
            if (again) { again = false; setTimeout(refresh, 300); }
        }
    }
    // The line that says what one holds, on every page of who is signed in.
    async function refreshHeld() {
        const old = one("#held");
        if (!old) return;
        try {
            const page = await pageOf(old.dataset.refresh), fresh = page && one("#held", page);
            if (!fresh || fresh.dataset.me !== old.dataset.me) { location.reload(); return; }
            if (fresh.innerHTML !== old.innerHTML) old.replaceWith(document.adoptNode(fresh));
            startClocks();
        } catch (error) { /* not live: the next event tries again */ }
    }

    // --- countdowns ------------------------------------------------------------------------------
    const clocks = new Map();
    function startClocks() {
        for (const [clock, timer] of clocks)
            if (!clock.isConnected) { clearInterval(timer); clocks.delete(clock); }
        for (const clock of all("[data-expires]")) if (!clocks.has(clock)) startClock(clock);
    }
    function startClock(clock) {
        const ends = Date.parse(clock.dataset.expires);
        const ahead = Date.parse(clock.dataset.now) - Date.now(); // the server's clock counts
        const text = one(".clock-text", clock) || clock, bar = one("progress", clock);
        const until = one(".clock-until", clock);
        if (until) {
            const time = new Date(ends - ahead).toLocaleTimeString([], { hour: "numeric", minute: "2-digit" });
            until.textContent = fill(until.dataset.until, { time });
        }
        const announced = new Set();
        const tick = () => {
            const left = Math.max(0, Math.ceil((ends - Date.now() - ahead) / 1000));
            const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
            text.textContent = left ? fill(clock.dataset.left, { time }) : clock.dataset.over;
            if (bar) {
                bar.value = left;
                // Announced sparingly: at five minutes, at one, and at half a minute.
                for (const limit of [300, 60, 30]) {
                    if (left > limit || left <= limit - 5 || announced.has(limit)) continue;
                    announced.add(limit);
                    const spoken = limit === 60 ? clock.dataset.minute
                        : fill(limit > 60 ? clock.dataset.minutes : clock.dataset.seconds,
                            { n: limit > 60 ? limit / 60 : limit });
                    say(fill(clock.dataset.left, { time: spoken }));
                }
            }
            if (left) return;
            clearInterval(clocks.get(clock));
            if (bar) say(clock.dataset.over);
        };
        clocks.set(clock, setInterval(tick, 1000));
        tick();
    }

    // --- live ------------------------------------------------------------------------------------
    const shown = { new: words.free, free: words.free, reserved: words.reserved, sold: words.sold, withdrawn: words.withdrawn };
    const isOff = (state) => !["new", "free"].includes(state);
    function showFreshLink() {
        const link = one(".fresh");
        if (!link || !link.hidden) return;
        link.hidden = false;
        announce(link.textContent.trim());
    }
    function putCard(card, ticket) {
        const price = one("em", card);
        one("b", card).textContent = ticket.title;
        if (price.textContent !== ticket.price) {
            price.textContent = ticket.price;
            price.className = ticket.size || ""; // of its letters
            mark(price);
        }
        if (isOff(ticket.state)) {
            card.dataset.state = ticket.state;
            card.dataset.label = shown[ticket.state];
        } else {
            delete card.dataset.state;
        }
    }
    function onTicket(ticket) {
        const card = one(`.tickets a[href="/tickets/${ticket.id}"]`);
        const row = one(`.listing[data-ticket="${ticket.id}"]`);
        const sentence = fill(words.news, { title: ticket.title, state: shown[ticket.state] });
        if (card) {
            putCard(card, ticket);
            announce(card === document.activeElement ? sentence : "", ticket.id);
        } else if (!isOff(ticket.state) && !one("#offers")) {
            showFreshLink();
        }
        if (row) announce(sentence);
        if (one(`[data-ticket="${ticket.id}"]`) && !one("#fresh[data-order]")) refresh();
    }
    // What is for sale of an event, in place: a row that is gone turns grey, and nothing moves.
    function putRow(row, fresh) {
        const was = one(".stub", row).textContent;
        row.classList.remove("off");
        if (row.innerHTML === fresh.innerHTML) return;
        one("a", row).replaceChildren(...one("a", fresh).childNodes);
        if (one(".stub", row).textContent !== was) mark(one(".stub", row));
    }
    function putGone(row) {
        if (row.classList.contains("off")) return;
        const chip = document.createElement("span");
        chip.className = "chip gone";
        chip.textContent = words.gone;
        row.classList.add("off");
        one("a", row).append(chip);
    }
    async function refreshRows() {
        const old = one("#offers");
        if (!old) return;
        const rows = (list) => new Map(all("[data-listing]", list).map((row) => [row.dataset.listing, row]));
        try {
            const page = await pageOf(old.dataset.refresh), now = page && one("#offers", page);
            if (!now) return;
            const shown = rows(old), fresh = rows(now);
            for (const [id, row] of shown) {
                if (fresh.has(id)) putRow(row, fresh.get(id));
                else putGone(row);
            }
            if ([...fresh.keys()].some((id) => !shown.has(id))) showFreshLink();
        } catch (error) { /* the next event tries again */ }
    }
    function onShow(show) {
        for (const line of all(`[data-offers="${show.id}"]`)) {
            const said = show.left ? fill(words.offers, { price: show.price, n: show.left }) : "";
            if (line.textContent === said) continue;
            line.textContent = said;
            mark(line);
        }
        if (one(`#offers[data-show="${show.id}"]`)) refreshRows();
    }
    const hear = {
        show: (data) => onShow(JSON.parse(data)),
        ticket: (data) => onTicket(JSON.parse(data)),
        order: (data) => {
            const shownOrder = one("#fresh[data-order]");
            if (!shownOrder || shownOrder.dataset.order === JSON.parse(data).id || !shownOrder.dataset.order) refresh();
            refreshHeld();
        },
        // More happened than was told. Not all at once: all open pages hear this in one moment.
        stale: () => {
            if (!one("#offers")) showFreshLink();
            setTimeout(() => { refresh(); refreshHeld(); refreshRows(); }, Math.random() * 3000);
        },
        here: () => {},
    };
    let heard = body.dataset.kept ? new Date(body.dataset.kept) : new Date();
    function isLive(live) {
        const line = one("#offline");
        if (live) {
            body.dataset.connected = "1"; // what was missed meanwhile came first
            if (line.textContent) line.textContent = "";
            return;
        }
        delete body.dataset.connected;
        const today = heard.toDateString() === new Date().toDateString();
        const time = heard.toLocaleString([], { hour: "2-digit", minute: "2-digit",
            ...(today ? {} : { day: "numeric", month: "short" }) });
        line.textContent = fill(words.offline, { time });
    }

    // One stream a browser: browsers open six connections to a server, and a stream keeps one. The
    // page that came into view last takes the lock and with it the stream, and passes on what it
    // hears; a page out of sight lets go of both, and asks for what it missed when it is back.
    // Pages of before and after signing in are different visitors and do not share.
    function startLive(address) {
        const me = new URLSearchParams(address.split("?")[1]).get("me") || "";
        const channel = window.BroadcastChannel && new BroadcastChannel(`live ${me}`);
        let source = null, last = "", letGo = null, queue = null, asked = false, away = false;
        const take = ({ type, data, id, live }) => {
            if (type === "state") { isLive(live); return; }
            if (id) last = id;
            heard = new Date();
            hear[type](data);
        };
        const pass = (message) => {
            take(message);
            if (channel) channel.postMessage(message);
        };
        const open = () => {
            const stream = new EventSource(last ? `/live?last=${last}&me=${encodeURIComponent(me)}` : address);
            for (const type of Object.keys(hear))
                stream.addEventListener(type, (event) => {
                    pass({ type, data: event.data, id: event.lastEventId });
                    if (type === "here") pass({ type: "state", live: true });
                });
            stream.onerror = () => pass({ type: "state", live: false });
            source = stream;
            return stream;
        };
        const close = (stream) => {
            if (!stream) return;
            stream.onerror = null;
            stream.close();
            if (source === stream) source = null;
        };
        const wanted = () => !away && document.visibilityState === "visible";
        const lead = (options) => {
            let stream = null, lost = false;
            asked = true;
            navigator.locks.request(`live ${me}`, options, () => new Promise((resolve) => {
                if (lost || !wanted()) { resolve(); return; }
                letGo = resolve;
                stream = open();
            })).catch(() => { lost = true; }).finally(() => {
                close(stream);
                asked = false;
                if (wanted()) wait(); // another page came into view: this one is next
            });
        };
        const wait = () => {
            queue = new AbortController();
            lead({ signal: queue.signal });
        };
        const start = () => {
            if (!wanted() || source || asked) return;
            if (!navigator.locks) open(); // not on plain http
            else lead({ steal: true });   // a page that comes into view knows best what it missed
        };
        const stop = () => {
            close(source);
            if (queue) queue.abort();
            if (letGo) letGo();
            queue = letGo = null;
            delete body.dataset.connected;
        };
        if (channel) channel.onmessage = (event) => { if (wanted()) take(event.data); };
        document.addEventListener("visibilitychange", () => { if (wanted()) start(); else stop(); });
        window.addEventListener("pagehide", () => { away = true; stop(); });
        window.addEventListener("pageshow", () => { away = false; start(); });
        start();
    }
    if (body.dataset.live && window.EventSource) startLive(body.dataset.live);

    // --- Stripe's card field ---------------------------------------------------------------------
    // Nothing can be paid before the field is ready to be typed into.
    const CARD_MS_MAX = 8000;
    function cardLost(form) {
        const error = one("#card-error", form);
        one("#card-lost", form).hidden = false;
        error.hidden = true;
        one("button", form).disabled = true;
    }
    function startCard() {
        const form = one("form[data-stripe]");
        if (!form || form.dataset.ready) return;
        form.dataset.ready = "1";
        const button = one(".pay-now", form), lost = one("#card-lost", form);
        button.hidden = false;
        const script = document.createElement("script");
        const late = setTimeout(() => cardLost(form), CARD_MS_MAX);
        script.src = "https://js.stripe.com/v3/";
        script.onerror = () => { clearTimeout(late); cardLost(form); };
        script.onload = () => {
            const stripe = window.Stripe(form.dataset.stripe);
            const card = stripe.elements().create("card");
            const error = one("#card-error", form);
            card.on("ready", () => {
                clearTimeout(late);
                lost.hidden = true;
                button.disabled = false;
            });
            card.mount(one("#card", form));
            form.addEventListener("submit", async (event) => {
                if (form.elements.token.value) return;
                event.preventDefault();
                if (button.disabled || button.getAttribute("aria-busy")) return;
                busy(button);
                const made = await stripe.createToken(card);
                error.hidden = !made.error;
                idle(form);
                if (made.error) {
                    error.textContent = made.error.message;
                    return;
                }
                form.elements.token.value = made.token.id;
                form.requestSubmit();
            });
        };
        document.head.append(script);
    }

    // --- names while one types ---------------------------------------------------------------------
    const typed = one("#q[list]");
    let asking = null;
    async function suggest() {
        if (asking) asking.abort();
        asking = new AbortController();
        const asked = typed.value;
        try {
            const answer = await fetch("/api/shows/suggestions?q=" + encodeURIComponent(asked),
                { signal: asking.signal });
            if (!answer.ok || typed.value !== asked) return;
            const names = await answer.json();
            one("#names").replaceChildren(...names.map((name) => new Option("", name.text)));
        } catch {
            // the next letter asks again
        }
    }
    if (typed) typed.addEventListener("input", suggest);

    // --- a code that a gate is to read: the screen stays on while it is seen -------------------------
    const keepAwake = () => {
        if (!document.hidden && navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {});
    };
    if (one("[data-awake]")) {
        keepAwake();
        document.addEventListener("visibilitychange", keepAwake);
    }

    // --- a ticket that was opened opens without a network -------------------------------------------
    // It and the list are kept for the one who is signed in: another one, or nobody, ends that.
    const owner = "tickets:" + (one("#held") ? one("#held").dataset.me : "");
    const withTime = (html) => html.replace("<body", `<body data-kept="${new Date().toISOString()}"`);
    async function keepTicket() {
        await navigator.serviceWorker.register("/ticket-worker.js", { scope: "/my-tickets" });
        const cache = await caches.open(owner);
        const files = all("link[rel=stylesheet], link[rel=icon], link[rel=manifest], script[src]")
            .map((each) => each.href || each.src).filter((file) => file.includes("/static/"));
        const had = await Promise.all(files.map((file) => cache.match(file)));
        if (!had.every(Boolean)) // those pages were made for other files
            for (const each of await cache.keys()) await cache.delete(each);
        await cache.addAll(files.filter((file, index) => !had[index]));
        for (const path of ["/my-tickets", location.pathname]) {
            const answer = await fetch(path, { headers: RENEWS });
            if (!answer.ok || answer.redirected) continue;
            const headers = { "Content-Type": answer.headers.get("Content-Type"),
                "Content-Security-Policy": answer.headers.get("Content-Security-Policy") };
            await cache.put(path, new Response(withTime(await answer.text()), { headers }));
        }
        one("[data-keep]").dataset.keep = "done";
    }
    async function forgetOthers() {
        for (const name of await caches.keys())
            if (name.startsWith("tickets:") && name !== owner) await caches.delete(name);
    }
    if ("caches" in window && !body.dataset.kept)
        forgetOthers().then(() => one("[data-keep]") && keepTicket()).catch(() => {}); // it is no worse than without

    // --- the account menu and the theme ------------------------------------------------------------
    const menu = one(".account");
    document.addEventListener("click", (event) => {
        if (menu && menu.open && !menu.contains(event.target)) menu.open = false;
    });
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !menu || !menu.open) return;
        menu.open = false;
        one("summary", menu).focus();
    });
    // Changed in place: nothing that was typed is lost. The cookie is for the next page.
    document.addEventListener("click", (event) => {
        const button = event.target.closest(".themes button");
        if (!button) return;
        event.preventDefault();
        for (const other of button.form.elements.theme)
            other.setAttribute("aria-pressed", String(other === button));
        if (button.value === "system") delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = button.value;
        fetch(button.form.action, { method: "POST", redirect: "manual", keepalive: true,
            body: new URLSearchParams({ theme: button.value }) }).catch(() => {});
    });

    putBack();
    startClocks();
    startCard();
    // After the browser has gone to the address's #part, which takes the focus away.
    const errors = one("#errors");
    if (errors) window.addEventListener("load", () => setTimeout(() => errors.focus()));
})();
