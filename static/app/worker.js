// Service worker of the visits pages: without a network it answers with the pages kept by offline.js, which are encrypted.
const DATABASE = "crm-offline";
const STATIC = "crm-static";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

function read(store, key) {
  return new Promise((resolve) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.transaction.abort(); // nothing was kept here
    opening.onerror = () => resolve(null);
    opening.onsuccess = () => {
      const database = opening.result;
      const request = database.transaction(store).objectStore(store).get(key);
      request.onsuccess = () => resolve(request.result || null);
      request.onerror = () => resolve(null);
    };
  });
}

async function kept(url) {
  const [key, page] = await Promise.all([read("keys", "key"), read("pages", url.pathname + url.search)]);
  if (!key || !page) return null;
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: page.iv }, key.key, page.data);
  return new Response(text, { headers: { "Content-Type": "text/html; charset=utf-8", "X-Kept": "1" } });
}

async function page(request) {
  try {
    return await fetch(request);
  } catch (problem) {
    const found = await kept(new URL(request.url));
    if (found) return found;
    throw problem;
  }
}

async function asset(request) {
  const cache = await caches.open(STATIC);
  const found = await cache.match(request);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) cache.put(request, answer.clone());
  return answer;
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (event.request.mode === "navigate") event.respondWith(page(event.request));
  else if (url.pathname.startsWith("/static/")) event.respondWith(asset(event.request));
});
