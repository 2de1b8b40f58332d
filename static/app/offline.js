// Visits without a network: an opened day and its visits are kept on the phone, notes wait there and are sent once.
// All of it is encrypted with a key that cannot be taken out of the browser; signing out deletes key, pages and notes.
(() => {
  const here = document.currentScript;
  const DATABASE = "crm-offline";
  const user = here.dataset.user || "";
  const words = here.dataset;
  if (!("indexedDB" in window) || !window.crypto?.subtle) return;

  function open() {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open(DATABASE, 1);
      opening.onupgradeneeded = () => {
        for (const name of ["keys", "pages", "notes"]) opening.result.createObjectStore(name);
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }

  function act(database, store, mode, verb, ...values) {
    return new Promise((resolve, reject) => {
      const request = database.transaction(store, mode).objectStore(store)[verb](...values);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function wipe() {
    await new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(DATABASE);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
    await caches?.delete("crm-static");
  }

  // The log-in page: whoever is here has signed out or was signed out. Notes that wait stay for their writer, encrypted.
  if ("signedOut" in here.dataset) {
    (async () => {
      const names = (await indexedDB.databases?.()) || [];
      if (!names.some((one) => one.name === DATABASE)) return;
      const database = await open();
      const waiting = await act(database, "notes", "readonly", "count");
      if (waiting) await act(database, "pages", "readwrite", "clear");
      database.close();
      if (!waiting) await wipe();
    })();
    return;
  }

  async function keyOf(database) {
    const found = await act(database, "keys", "readonly", "get", "key");
    if (found?.user === user) return found.key;
    // Somebody else was signed in on this device.
    for (const store of ["pages", "notes"]) await act(database, store, "readwrite", "clear");
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await act(database, "keys", "readwrite", "put", { key, user }, "key");
    return key;
  }

  async function seal(key, text) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(text));
    return { iv, data };
  }

  const unseal = async (key, kept) =>
    new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.iv }, key, kept.data));

  const tell = (text, level = "success") =>
    document.dispatchEvent(new CustomEvent("crm:toast", { detail: { text, level } }));

  const token = () => document.querySelector('input[name="csrfmiddlewaretoken"]')?.value || "";

  // --- Notes -----------------------------------------------------------------------------------------------------------

  const post = (action, fields) => {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", token() || body.get("csrfmiddlewaretoken"));
    return fetch(action, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" });
  };

  let sending = false;
  async function flush() {
    if (sending || !navigator.onLine) return;
    sending = true;
    try {
      const database = await open();
      const key = await keyOf(database);
      let sent = 0;
      for (const name of await act(database, "notes", "readonly", "getAllKeys")) {
        const { action, fields } = JSON.parse(await unseal(key, await act(database, "notes", "readonly", "get", name)));
        let answer;
        try {
          answer = await post(action, fields);
        } catch {
          break; // still no network
        }
        if (answer.ok) {
          await act(database, "notes", "readwrite", "delete", name);
          sent += 1;
        } else if (answer.status === 422 || answer.status === 404) {
          tell(words.refused, "error"); // stays on the phone until it is put right
        }
      }
      database.close();
      document.documentElement.dataset.notesSent = String(sent + Number(document.documentElement.dataset.notesSent || 0));
      if (sent) tell(words.sent.replace("{n}", sent));
      await show();
    } finally {
      sending = false;
    }
  }

  async function show() {
    const place = document.querySelector("div[data-waiting]");
    if (!place) return;
    const database = await open();
    const count = await act(database, "notes", "readonly", "count");
    database.close();
    place.hidden = !count;
    place.querySelector("p").textContent = words.waiting.replace("{n}", count);
  }

  async function wait(form) {
    const database = await open();
    const key = await keyOf(database);
    const fields = [...new FormData(form)].map(([name, value]) => [name, String(value)]);
    const name = form.elements.key.value;
    await act(database, "notes", "readwrite", "put", await seal(key, JSON.stringify({ action: form.action, fields })), name);
    database.close();
    form.querySelectorAll("button, input, select, textarea").forEach((field) => (field.disabled = true));
    document.documentElement.dataset.noteKept = name;
    tell(words.kept);
    await show();
  }

  const form = document.querySelector("form[data-note]");
  form?.addEventListener("submit", async (event) => {
    if (form.dataset.direct) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    let answer = null;
    if (navigator.onLine) {
      try {
        answer = await post(form.action, new FormData(form));
      } catch {
        answer = null;
      }
    }
    if (answer === null) {
      await wait(form);
    } else if (answer.ok) {
      location.assign(form.dataset.record);
    } else {
      form.dataset.direct = "1"; // the server says at the fields what is wrong
      form.submit();
    }
  });

  // --- The opened day --------------------------------------------------------------------------------------------------

  async function keep() {
    const stops = document.querySelector("[data-stops]");
    if (!stops || !navigator.onLine || !("serviceWorker" in navigator)) return;
    await navigator.serviceWorker.register(words.worker);
    const database = await open();
    const key = await keyOf(database);
    const pages = [location.href, ...[...stops.querySelectorAll("a.crm-stop-name")].map((link) => link.href)];
    const assets = new Set();
    for (const address of pages) {
      const answer = await fetch(address);
      if (!answer.ok || answer.redirected) continue;
      const text = await answer.text();
      const url = new URL(address);
      await act(database, "pages", "readwrite", "put", await seal(key, text), url.pathname + url.search);
      for (const [, asset] of text.matchAll(/(?:src|href)="(\/static\/[^"#]+)/g)) assets.add(asset);
    }
    database.close();
    const cache = await caches.open("crm-static");
    await Promise.all([...assets].map((asset) => cache.add(asset).catch(() => {})));
    document.documentElement.dataset.dayKept = String(pages.length);
  }

  window.addEventListener("online", flush);
  show();
  flush().then(keep).catch(() => {}); // storage full or switched off: everything works but offline
})();
