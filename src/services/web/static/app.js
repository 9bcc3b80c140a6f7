// app.js: what makes the pages better when scripts run. Without it everything works by reloading.
(() => {
    "use strict";
    const body = document.body;
    const words = body.dataset;
    const one = (selector, inside = document) => inside.querySelector(selector);
    const fill = (pattern, values) =>
        pattern.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);

    // Screen readers hear what is put here; later words replace earlier ones.
    const say = (text) => { one("#say").textContent = text; };

    // --- a form is sent once ---------------------------------------------------------------------
    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (form.dataset.sent) {
            event.preventDefault();
            return;
        }
        if (form.dataset.stripe && !form.elements.token.value) return; // Stripe's turn first
        form.dataset.sent = "1";
        for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });
    window.addEventListener("pageshow", (event) => {
        for (const form of document.forms) delete form.dataset.sent;
        if (event.persisted) location.reload(); // the page of before the payment is not true any more
    });

    // --- who is here stays signed in ---------------------------------------------------------------
    // A session ends when nothing is asked for a while; an open page is not nothing.
    if (one("form[action='/auth/signout']"))
        setInterval(() => { fetch("/tickets/new", { method: "HEAD" }).catch(() => {}); }, 300000);

    // --- fresh content in place ------------------------------------------------------------------
    // What people have typed is never taken from under their hands.
    const isTyped = (inside) => [...inside.querySelectorAll("input")].some((input) =>
        input === document.activeElement || input.value !== input.defaultValue);
    let refreshing = false, again = false;
    async function refresh() {
        const old = one("#fresh");
        if (!old) return;
        if (!old.dataset.order && isTyped(old)) return;
        if (refreshing) { again = true; return; }
        refreshing = true;
        try {
            const answer = await fetch(old.dataset.refresh, { headers: { Accept: "text/html" } });
            if (!answer.ok || answer.redirected) return;
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const fresh = one("#fresh", page), big = one(".big", page);
            if (!fresh || fresh.dataset.state === old.dataset.state) return;
            // Why a card was declined stays to be read while the order can still be paid.
            if (one("[role=alert]", old) && ["open", "paying"].includes(fresh.dataset.state)) return;
            const focused = old.contains(document.activeElement);
            old.replaceWith(document.adoptNode(fresh));
            if (big && one(".big")) one(".big").replaceWith(document.adoptNode(big));
            const state = one(".state", fresh);
            if (state) say(state.textContent.trim());
            if (focused) one("#main").focus();
            startClock();
            startCard();
        } catch (error) {
            setTimeout(refresh, 2000);
        } finally {
            refreshing = false;
            if (again) { again = false; refresh(); }
        }
    }

    // --- the countdown ---------------------------------------------------------------------------
    let ticking = 0;
    function startClock() {
        clearInterval(ticking);
        const clock = one(".clock");
        if (!clock) return;
        const ends = Date.parse(clock.dataset.expires);
        const ahead = Date.parse(clock.dataset.now) - Date.now(); // the server's clock counts
        const text = one(".clock-text", clock), bar = one("progress", clock);
        const announced = new Set();
        const tick = () => {
            const left = Math.max(0, Math.ceil((ends - Date.now() - ahead) / 1000));
            const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
            text.textContent = left ? fill(clock.dataset.left, { time }) : clock.dataset.over;
            bar.value = left;
            // Announced sparingly: at five minutes, at one, and at half a minute.
            for (const mark of [300, 60, 30]) {
                if (left > mark || left <= mark - 5 || announced.has(mark)) continue;
                announced.add(mark);
                const spoken = mark === 60 ? clock.dataset.minute
                    : fill(mark > 60 ? clock.dataset.minutes : clock.dataset.seconds,
                        { n: mark > 60 ? mark / 60 : mark });
                say(fill(clock.dataset.left, { time: spoken }));
            }
            if (left) return;
            clearInterval(ticking);
            say(clock.dataset.over);
        };
        tick();
        ticking = setInterval(tick, 1000);
    }

    // --- live ------------------------------------------------------------------------------------
    const shown = { new: words.free, free: words.free, reserved: words.reserved, sold: words.sold };
    function onTicket(ticket) {
        const card = one(`.tickets a[href="/tickets/${ticket.id}"]`);
        const held = ticket.state === "reserved" || ticket.state === "sold";
        if (card) {
            one("b", card).textContent = ticket.title;
            one("em", card).textContent = ticket.price;
            if (held) {
                card.dataset.state = ticket.state;
                card.dataset.label = shown[ticket.state];
            } else {
                delete card.dataset.state;
            }
            say(fill(words.news, { title: ticket.title, state: shown[ticket.state] }));
        } else if (one(".fresh") && !held) {
            one(".fresh").hidden = false;
        }
        if (one(`[data-ticket="${ticket.id}"]`) && !one("#fresh[data-order]")) refresh();
    }
    if (words.live && window.EventSource) {
        const source = new EventSource(words.live);
        source.addEventListener("ticket", (event) => onTicket(JSON.parse(event.data)));
        source.addEventListener("order", refresh);
        source.addEventListener("stale", () => one("#fresh") ? refresh() : location.reload());
        source.onopen = () => {
            body.classList.remove("offline");
            body.dataset.connected = "1"; // what was missed meanwhile comes first
        };
        source.onerror = () => {
            delete body.dataset.connected;
            if (source.readyState === EventSource.CLOSED) return;
            body.classList.add("offline");
        };
        window.addEventListener("pagehide", () => { source.onerror = null; source.close(); });
    }

    // --- Stripe's card field ---------------------------------------------------------------------
    function startCard() {
        const form = one("form[data-stripe]");
        if (!form || form.dataset.ready) return;
        form.dataset.ready = "1";
        const script = document.createElement("script");
        script.src = "https://js.stripe.com/v3/";
        script.onload = () => {
            const stripe = window.Stripe(form.dataset.stripe);
            const card = stripe.elements().create("card");
            const error = one("#card-error", form);
            card.mount(one("#card", form));
            form.addEventListener("submit", async (event) => {
                if (form.elements.token.value) return;
                event.preventDefault();
                const made = await stripe.createToken(card);
                error.hidden = !made.error;
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

    // People see their own time of day where the server wrote its own.
    startClock();
    startCard();
})();
