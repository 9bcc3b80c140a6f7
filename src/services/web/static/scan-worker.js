// scan-worker.js: the page of gates opens without a network once it was opened with one. What it is
// made of the page itself has put into the cache (scan.js).
"use strict";
const KEPT = "scan";
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

const kept = (request) => caches.open(KEPT).then((cache) =>
    cache.match(request, { ignoreSearch: true, ignoreVary: true }));

self.addEventListener("fetch", (event) => {
    const { request } = event, url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== self.location.origin) return;
    if (request.mode === "navigate" && url.pathname === "/scan")
        event.respondWith(fetch(request).catch(async () => (await kept("/scan")) || Response.error()));
    else if (url.pathname.startsWith("/static/") || url.pathname === "/scan.webmanifest")
        event.respondWith(kept(request).then((found) => found || fetch(request)));
});
