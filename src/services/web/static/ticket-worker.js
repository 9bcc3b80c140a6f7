// ticket-worker.js: a ticket that was opened once opens without a network. What is kept, and for
// whom, the page itself decides (app.js).
"use strict";
const WAIT_MS = 3000; // a network that does not answer is none
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The cache it is in, and the answer; nobody but the one who is signed in has one.
async function kept(request) {
    for (const name of (await caches.keys()).filter((each) => each.startsWith("tickets:"))) {
        const cache = await caches.open(name);
        const answer = await cache.match(request, { ignoreVary: true });
        if (answer) return { cache, answer };
    }
    return null;
}

async function page(request) {
    const found = await kept(request);
    if (!found) return fetch(request);
    const late = new Promise((resolve) => { setTimeout(resolve, WAIT_MS); });
    const answer = await Promise.race([fetch(request).catch(() => null), late]);
    if (!answer || answer.status >= 500) return found.answer;
    if (answer.status >= 400) await found.cache.delete(request, { ignoreVary: true }); // theirs no more
    return answer;
}

self.addEventListener("fetch", (event) => {
    const { request } = event, url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== self.location.origin) return;
    if (request.mode === "navigate") event.respondWith(page(request));
    else if (url.pathname.startsWith("/static/"))
        event.respondWith(kept(request).then((found) => found ? found.answer : fetch(request)));
});
