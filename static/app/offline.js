// Visits without a network: an opened day and its visits are kept on the phone, notes wait there and are sent once.
// All of it is encrypted with a key that cannot be taken out of the browser; signing out deletes key, pages and notes.
(() => {
  const here = document.currentScript;
  const DATABASE = "crm-offline";
  const user = here.dataset.user || "";
  const words = here.dataset;
  const marks = document.documentElement.dataset;
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

  async function seal(key, bytes) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
  }

  const tell = (text, level = "success") =>
    document.dispatchEvent(new CustomEvent("crm:toast", { detail: { text, level } }));

  const token = () => document.querySelector('input[name="csrfmiddlewaretoken"]')?.value || "";

  // --- Notes ---

  // Photos leave the phone small; what cannot be made smaller here is judged by the server.
  async function shrunk(file) {
    try {
      const image = await createImageBitmap(file);
      const scale = Math.min(1, 1600 / Math.max(image.width, image.height));
      const canvas = new OffscreenCanvas(Math.round(image.width * scale), Math.round(image.height * scale));
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
    } catch {
      return file;
    }
  }

  async function bodyOf(form) {
    const body = new FormData(form);
    const photos = body.getAll("photos").filter((photo) => photo.size);
    body.delete("photos");
    for (const photo of photos) body.append("photos", await shrunk(photo));
    body.set("action", form.action);
    return body;
  }

  const post = (body) => {
    body.set("csrfmiddlewaretoken", token() || body.get("csrfmiddlewaretoken"));
    return fetch(body.get("action"), { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" });
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
        const kept = await act(database, "notes", "readonly", "get", name);
        const bytes = await crypto.subtle.decrypt({ name: "AES-GCM", iv: kept.iv }, key, kept.data);
        const body = await new Response(bytes, { headers: { "Content-Type": kept.type } }).formData();
        const answer = await post(body).catch(() => null);
        if (!answer) break; // still no network
        if (answer.ok) {
          await act(database, "notes", "readwrite", "delete", name);
          sent += 1;
        } else if (answer.status === 422 || answer.status === 404) {
          tell(words.refused, "error"); // stays on the phone until it is put right
        }
      }
      database.close();
      marks.notesSent = String(sent + Number(marks.notesSent || 0));
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

  async function wait(form, body) {
    const database = await open();
    const key = await keyOf(database);
    const packed = new Response(body);
    const kept = await seal(key, await packed.arrayBuffer());
    const name = form.elements.key.value;
    await act(database, "notes", "readwrite", "put", { ...kept, type: packed.headers.get("Content-Type") }, name);
    database.close();
    form.querySelectorAll("button, input, select, textarea").forEach((field) => (field.disabled = true));
    marks.noteKept = name;
    tell(words.kept);
    await show();
  }

  const form = document.querySelector("form[data-note]");
  form?.addEventListener("submit", async (event) => {
    if (form.dataset.direct) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const body = await bodyOf(form);
    const answer = navigator.onLine ? await post(body).catch(() => null) : null;
    if (answer?.ok) {
      location.assign(form.dataset.record);
    } else if (answer?.status === 422) {
      form.dataset.direct = "1"; // the server says at the fields what is wrong
      form.submit();
    } else {
      await wait(form, body); // no network, a server that is down, a session that ended
    }
  });

  // --- The opened day ---

  async function keep() {
    const stops = document.querySelector("[data-stops]");
    if (!stops || !words.dayUrl || !navigator.onLine || !("serviceWorker" in navigator)) return;
    await navigator.serviceWorker.register(words.worker);
    const database = await open();
    const key = await keyOf(database);
    const pages = {};
    const day = await fetch(location.href);
    if (day.ok && !day.redirected) pages[location.pathname + location.search] = await day.text();
    const visits = await fetch(words.dayUrl, { headers: { Accept: "application/json" } });
    if (visits.ok && !visits.redirected) Object.assign(pages, (await visits.json()).pages);
    const assets = new Set();
    for (const [address, text] of Object.entries(pages)) {
      await act(database, "pages", "readwrite", "put", await seal(key, new TextEncoder().encode(text)), address);
      for (const [, asset] of text.matchAll(/(?:src|href)="(\/static\/[^"#]+)/g)) assets.add(asset);
    }
    database.close();
    const cache = await caches.open("crm-static");
    await Promise.all([...assets].map((asset) => cache.add(asset).catch(() => {})));
    marks.dayKept = String(Object.keys(pages).length);
  }

  window.addEventListener("online", flush);
  show();
  flush().then(keep).catch(() => {}); // storage full or switched off: everything works but offline
})();
