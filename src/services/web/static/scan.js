// scan.js: a gate. It reads codes with the camera, a scanner that types, or by hand; asks the market
// whether to let somebody in, and decides by itself where there is no network: by the signature and
// the latest list of void and used serials. What it did so it tells later, once each.
(() => {
    "use strict";
    const door = document.querySelector("#door"), words = door.dataset;
    const one = (selector) => document.querySelector(selector);
    const fill = (pattern, values) =>
        pattern.replace(/\{(\w+)\}/g, (whole, name) => name in values ? values[name] : whole);
    const clock = (time) => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const ASK_MS = 3000, REFRESH_MS = 10000, AT_ONCE = 100, SAME_MS = 3000, LATEST = 10;
    const KEY = "gate-key", KEPT = "scan";
    let key = localStorage.getItem(KEY) || "", refused = false;

    // --- what outlives the page --------------------------------------------------------------------
    const opened = new Promise((resolve, reject) => {
        const asked = indexedDB.open("gate", 1);
        asked.onupgradeneeded = () => {
            asked.result.createObjectStore("queue", { keyPath: "id" });
            asked.result.createObjectStore("used", { keyPath: "serial" });
            asked.result.createObjectStore("state");
        };
        asked.onsuccess = () => resolve(asked.result);
        asked.onerror = () => reject(asked.error);
    });
    async function store(name, mode, act) {
        const change = (await opened).transaction(name, mode), asked = act(change.objectStore(name));
        return new Promise((resolve, reject) => {
            change.oncomplete = () => resolve(asked && asked.result);
            change.onabort = change.onerror = () => reject(change.error);
        });
    }
    const queued = () => store("queue", "readonly", (queue) => queue.getAll());
    const put = (name, value, at) => store(name, "readwrite", (all) => all.put(value, at));

    // --- what is known without a network -------------------------------------------------------------
    let list = null; // the snapshot, its serials in sets
    const used = new Map(); // serial: when and where somebody was let in by it, as far as this gate saw
    const eights = (text) => text.match(/.{8}/g) || [];
    const twelves = (text) => (text.match(/.{12}/g) || []).map((each) =>
        [each.slice(0, 8), parseInt(each.slice(8), 16)]);
    function take(snapshot) {
        const whole = !list || !("since" in snapshot);
        list = {
            ...snapshot,
            voided: new Set([...(whole ? [] : list.voided), ...eights(snapshot.void)]),
            used: new Set([...(whole ? [] : list.used), ...eights(snapshot.used)]),
            versions: new Map([...(whole ? [] : list.versions), ...twelves(snapshot.versions)]),
            keys: snapshot.keys,
        };
        for (const serial of list.voided) list.used.delete(serial);
        return put("state", { ...list, etag: snapshot.etag }, "list");
    }
    async function refresh() {
        const headers = { Authorization: `Bearer ${key}` };
        if (list && list.etag) headers["If-None-Match"] = list.etag;
        const answer = await fetch("/api/gates/me/snapshot" + (list ? `?since=${list.upTo}` : ""),
            { headers, cache: "no-store", signal: AbortSignal.timeout(3 * ASK_MS) });
        if (answer.status === 200)
            await take({ ...await answer.json(), etag: answer.headers.get("ETag") });
        else if (answer.status === 304)
            await take({ ...list, since: list.upTo, void: "", used: "", versions: "", madeAt: new Date().toISOString() });
        else await notTaken(answer);
        return answer.status;
    }
    async function notTaken(answer) {
        if (answer.status !== 401) throw new Error(`answered ${answer.status}`);
        const code = (await answer.json()).errors[0].code;
        refused = true;
        unpaired(code === "gate_revoked" ? words.keyRevoked : words.keyWrong);
    }

    // --- codes -------------------------------------------------------------------------------------
    // Crockford's base 32: show, ticket, serial, version and key in 32 bytes, then their signature.
    const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", CODE_CHARS = 154, SERIAL_CHARS = 8;
    const plain = (text) => text.trim().toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1");
    function bytesOf(text) {
        const bytes = new Uint8Array(Math.floor(text.length * 5 / 8));
        let bits = 0, value = 0, at = 0;
        for (const letter of text) {
            value = (value << 5 | LETTERS.indexOf(letter)) & 0xfff;
            bits += 5;
            if (bits < 8) continue;
            bits -= 8;
            bytes[at++] = value >> bits;
        }
        return bytes;
    }
    const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const idNew = () => hex(crypto.getRandomValues(new Uint8Array(12)));
    const unbase64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")),
        (letter) => letter.charCodeAt(0));
    // null: this browser cannot.
    async function signed(bytes, kid) {
        const jwk = list.keys.find((each) => each.kid === String(kid));
        if (!jwk) return false;
        try {
            const verifier = await crypto.subtle.importKey("raw", unbase64(jwk.x), { name: "Ed25519" }, false, ["verify"]);
            const purpose = new TextEncoder().encode("boxoffice entry 1");
            const message = new Uint8Array(purpose.length + 32);
            message.set(purpose);
            message.set(bytes.subarray(0, 32), purpose.length);
            return await crypto.subtle.verify({ name: "Ed25519" }, verifier, bytes.subarray(32), message);
        } catch (error) {
            return null;
        }
    }
    function serialOf(text) {
        const code = plain(text);
        if (code.length === CODE_CHARS && [...code].every((letter) => LETTERS.includes(letter))) {
            const bytes = bytesOf(code).subarray(24, 29);
            let serial = "", number = 0n;
            for (const byte of bytes) number = number << 8n | BigInt(byte);
            for (let place = 7n; place >= 0n; place--) serial += LETTERS[Number(number >> 5n * place & 31n)];
            return serial;
        }
        return code.replace(/[ -]/g, "");
    }
    // What this gate says by itself.
    async function decide(text) {
        const code = plain(text);
        if (code.replace(/[ -]/g, "").length === SERIAL_CHARS) return { answer: "needs", about: words.needsSerial };
        if (!list) return { answer: "needs", about: words.needsAbout };
        if (![...code].every((letter) => LETTERS.includes(letter))) return { answer: "not_ours", reason: "no_code" };
        if (code.length !== CODE_CHARS)
            return { answer: "not_ours", reason: code.length < CODE_CHARS ? "truncated" : "too_long" };
        const bytes = bytesOf(code), right = await signed(bytes, bytes[31]);
        if (right === null) return { answer: "needs", about: words.needsAbout };
        if (!right) return { answer: "not_ours", reason: "forged" };
        const serial = serialOf(text), version = bytes[29] << 8 | bytes[30];
        if (!list.shows.includes(hex(bytes.subarray(0, 12)))) return { answer: "other_show", serial };
        if (list.show.status === "cancelled") return { answer: "void", reason: "cancelled", serial };
        if (list.voided.has(serial)) return { answer: "void", reason: "refunded", serial };
        if (version !== (list.versions.get(serial) || 0)) return { answer: "void", reason: "transferred", serial };
        if (used.has(serial)) return { answer: "already_admitted", serial, first: used.get(serial) };
        if (list.used.has(serial)) return { answer: "already_admitted", serial };
        return { answer: "admitted", serial };
    }

    // --- scanning ------------------------------------------------------------------------------------
    let count = 0, busy = Promise.resolve();
    async function ask(scan) {
        const answer = await fetch(`/api/scans?clock=${new Date().toISOString()}`, {
            method: "POST", body: JSON.stringify(scan), signal: AbortSignal.timeout(ASK_MS),
            headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" } });
        if (answer.status === 200) return answer.json();
        await notTaken(answer);
        return null;
    }
    async function let_in(serial, at, gate) {
        count++;
        used.set(serial, { at, gate });
        await put("used", { serial, at, gate });
    }
    async function scan(code) {
        const sent = { id: idNew(), code, at: new Date().toISOString() };
        let said = null, online = true;
        try {
            said = await ask(sent);
            if (!said) return;
        } catch (error) {
            online = false;
            said = await decide(code);
        }
        if (said.answer === "admitted") {
            // It counts from the moment it is kept: told of later under the id that was sent before.
            if (!online) await put("queue", { ...sent, admitted: true });
            await let_in(said.serial, said.at || sent.at, list ? list.gate : { name: "" });
        }
        show(said, online);
        tell(online);
    }
    function scanned(code) {
        if (!code.trim()) return;
        busy = busy.then(() => scan(code)).catch((error) => { one("#note").textContent = String(error); });
    }

    // --- what was done without a network is told later --------------------------------------------------
    async function upload() {
        for (let waiting = await queued(); waiting.length && !refused; waiting = await queued()) {
            const some = waiting.slice(0, AT_ONCE), answers = await ask(some);
            if (!answers) return;
            for (const said of answers) if (said.answer !== "admitted") wrong(said, some.find((each) => each.id === said.id));
            await store("queue", "readwrite", (queue) => { for (const each of some) queue.delete(each.id); });
        }
    }
    function wrong(said, sent) {
        const line = document.createElement("li"), serial = serialOf(sent.code);
        line.textContent = said.first
            ? fill(words.wrong, { serial, gate: said.first.gate.name, time: clock(said.first.at) })
            : fill(words.wrongOther, { serial });
        one("#wrong").append(line);
        one("#wrong").hidden = false;
    }
    let going = false;
    async function beat() {
        if (!key || refused || going) return;
        going = true;
        try {
            await upload();
            await refresh();
            await tell(true);
        } catch (error) {
            await tell(false);
        }
        going = false;
    }

    // --- what people see and hear ------------------------------------------------------------------------
    const CLASSES = { admitted: "in", already_admitted: "again", void: "out", other_day: "out", other_show: "out" };
    const placeOf = (said) => [said.section, said.row, said.seat].filter(Boolean).join(" \u00b7 ") || said.serial || "";
    function aboutOf(said) {
        const place = placeOf(said);
        if (said.about) return said.about;
        if (said.reason && words[said.reason]) return fill(words[said.reason], { place });
        if (said.first) return fill(words.again, { time: clock(said.first.at), gate: said.first.gate.name, place });
        if (said.answer.startsWith("other_") && said.show)
            return fill(words.other, { title: said.show.title, time: said.show.startsAtLocal.slice(0, 16).replace("T", " ") });
        return place;
    }
    let sounds = null;
    function sound(answer) {
        try {
            sounds = sounds || new AudioContext();
            const tone = sounds.createOscillator(), loud = sounds.createGain(), good = answer === "admitted";
            tone.frequency.value = good ? 880 : 220;
            loud.gain.value = 0.2;
            tone.connect(loud).connect(sounds.destination);
            tone.start();
            tone.stop(sounds.currentTime + (good ? 0.15 : 0.5));
        } catch (error) { /* without sound, then */ }
        if (navigator.vibrate) navigator.vibrate(answer === "admitted" ? 80 : [200, 100, 200]);
    }
    function show(said, online) {
        const result = one("#result"), [word, about, notes] = result.children;
        word.textContent = words[said.answer];
        about.textContent = aboutOf(said);
        notes.replaceChildren(...(said.restrictions || []).map((text) => {
            const note = document.createElement("li");
            note.textContent = text;
            return note;
        }));
        result.className = `scan ${CLASSES[said.answer] || "unknown"}`;
        result.dataset.answer = said.answer;
        result.dataset.online = online;
        result.hidden = false;
        sound(said.answer);
        const line = document.createElement("li");
        line.textContent = `${clock(Date.now())} ${words[said.answer]}: ${about.textContent}`;
        one("#latest").prepend(line);
        while (one("#latest").children.length > LATEST) one("#latest").lastChild.remove();
        one("#past").hidden = false;
    }
    async function tell(online) {
        const waiting = (await queued()).length;
        one("#network").textContent = online ? words.online : words.offline;
        one("#network").className = online ? "chip good" : "chip held";
        one("#queue").textContent = waiting ? fill(words.queue, { n: waiting }) : words.sent;
        one("#count").textContent = fill(words.count, { n: count });
        if (list) one("#gate").textContent = fill(words.gate, { gate: list.gate.name, title: list.show.title });
        const opens = list && Date.parse(list.show.doorsAt || list.show.startsAt);
        const old = list && Date.parse(list.madeAt) < opens && Date.now() >= opens;
        one("#stale").textContent = !list ? words.listNone : old
            ? fill(words.listOld, { time: new Date(list.madeAt).toLocaleString() })
            : fill(words.list, { time: clock(list.madeAt) });
        one("#stale").hidden = online && !old;
    }

    // --- pairing -------------------------------------------------------------------------------------
    function paired() {
        one("#pair").hidden = true;
        one("#key").required = false;
        for (const part of ["#state", "#tools"]) one(part).hidden = false;
        one("#code").focus();
    }
    function unpaired(why) {
        one("#pair").hidden = false;
        one("#key").value = "";
        one("#key-error").textContent = why;
        one("#key-error").hidden = !why;
        one("#key").classList.toggle("is-invalid", Boolean(why));
        one("#key").focus();
    }
    async function pair(typed) {
        key = typed;
        refused = false;
        list = null;
        if (await refresh() !== 200) return;
        localStorage.setItem(KEY, key);
        paired();
        await tell(true);
    }
    async function forget() {
        if ((await queued()).length && !refused) {
            one("#note").textContent = words.wait;
            return;
        }
        localStorage.removeItem(KEY);
        for (const name of ["queue", "used", "state"]) await store(name, "readwrite", (all) => all.clear());
        location.reload();
    }
    function empty(input) {
        input.value = "";
        input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    one("#scan").addEventListener("submit", (event) => {
        event.preventDefault();
        const code = one("#code").value, typed = one("#pair").hidden ? "" : one("#key").value.trim();
        empty(one("#code"));
        if (typed) busy = busy.then(() => pair(typed)).then(() => refused || scanned(code)).catch(() => tell(false));
        else scanned(code);
    });
    // A scanner types wherever the focus is.
    document.addEventListener("keydown", (event) => {
        if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
        if (!event.target.matches("input, textarea, select, button, a, summary")) one("#code").focus();
    });

    // --- the camera ------------------------------------------------------------------------------------
    let stream = null, last = { code: "", at: 0 };
    async function look(reader) {
        const video = one("#video");
        if (!stream) return;
        try {
            for (const found of await reader.detect(video)) {
                if (found.rawValue === last.code && Date.now() - last.at < SAME_MS) continue;
                last = { code: found.rawValue, at: Date.now() };
                scanned(found.rawValue);
            }
        } catch (error) { /* no picture yet */ }
        setTimeout(() => look(reader), 100);
    }
    async function camera() {
        const video = one("#video");
        if (stream) {
            for (const track of stream.getTracks()) track.stop();
            stream = null;
        } else {
            try {
                stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
                video.srcObject = stream;
                await video.play();
                look(new BarcodeDetector({ formats: ["qr_code"] }));
            } catch (error) {
                stream = null;
                one("#note").textContent = words.cameraRefused;
            }
        }
        video.hidden = !stream;
        one("#camera").textContent = stream ? words.stop : words.camera;
    }
    if ("BarcodeDetector" in window && navigator.mediaDevices) one("#camera").addEventListener("click", camera);
    else {
        one("#camera").hidden = true;
        one("#note").textContent = words.cameraNone;
    }
    one("#forget").addEventListener("click", forget);

    // --- it opens without a network ------------------------------------------------------------------------
    async function keep() {
        if (!("serviceWorker" in navigator)) return;
        await navigator.serviceWorker.register("/scan-worker.js", { scope: "/scan" });
        const files = [...document.querySelectorAll("link[rel=stylesheet], link[rel=icon], link[rel=manifest], script[src]")]
            .map((each) => each.href || each.src).concat(new URL("/scan", location).href);
        const cache = await caches.open(KEPT);
        await Promise.all(files.map((file) => fetch(file, { credentials: "omit" }).then((answer) =>
            answer.ok && cache.put(file, answer))));
        for (const request of await cache.keys()) if (!files.includes(request.url)) await cache.delete(request);
        door.dataset.kept = "";
    }

    async function begin() {
        for (const each of await store("used", "readonly", (all) => all.getAll())) used.set(each.serial, each);
        count = used.size;
        list = await store("state", "readonly", (all) => all.get("list")) || null;
        if (key) paired();
        if (key) await tell(navigator.onLine);
        door.dataset.ready = "";
        await beat();
    }
    begin();
    keep().catch(() => {});
    window.addEventListener("online", beat);
    setInterval(beat, REFRESH_MS);
})();
