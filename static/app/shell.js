// The frame: menus, folding, theme, search, toasts, dialogs, time-out. No page needs any of it to be read.
(() => {
  const root = document.documentElement;
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  // Keys typed into an input method belong to it (229: browsers that do not say isComposing).
  const composing = (event) => event.isComposing || event.keyCode === 229;

  function keep(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // storage is switched off: the choice lasts for this page
    }
  }

  function csrf() {
    return JSON.parse(document.body.getAttribute("hx-headers:inherited") || "{}")["X-CSRFToken"] || "";
  }

  // --- Menus -------------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    for (const open of $$("details.crm-menu[open], details.crm-help[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const open = event.target.closest?.("details.crm-menu[open], details.crm-help[open]");
    if (!open || composing(event)) return;
    const items = $$("a, button, input, select", $(".crm-menu-panel", open) || open);
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") {
      open.open = false;
      $("summary", open).focus();
    } else if (event.key === "ArrowDown" && at < items.length - 1) items[at + 1].focus();
    else if (event.key === "ArrowUp" && at > 0) items[at - 1].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // --- Folding, theme ------------------------------------------------------------------------------------------------

  const fold = $("[data-fold]");
  const showFold = () => fold?.setAttribute("aria-expanded", String(root.dataset.side !== "folded"));
  showFold();
  fold?.addEventListener("click", () => {
    if (root.dataset.side === "folded") delete root.dataset.side;
    else root.dataset.side = "folded";
    keep("side", root.dataset.side || "open");
    showFold();
    dispatchEvent(new Event("resize"));
  });

  const showTheme = () => {
    for (const button of $$("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
    }
  };
  showTheme();
  for (const button of $$("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      root.dataset.theme = button.dataset.themeChoice;
      keep("theme", root.dataset.theme);
      document.dispatchEvent(new Event("crm:theme-choice"));
      showTheme();
      const menu = button.closest("details");
      menu.open = false;
      if (menu.dataset.url) {
        const body = new URLSearchParams({ theme: root.dataset.theme });
        fetch(menu.dataset.url, { method: "POST", body, headers: { "X-CSRFToken": csrf() } }).catch(() => {});
      }
    });
  }

  // --- Search ----------------------------------------------------------------------------------------------------------

  const box = $("[data-search]");
  if (box) setUpSearch($("input", box), $(".crm-search-panel", box), $("#search-hits"), $(".crm-search-foot", box));

  function setUpSearch(input, panel, hits, foot) {
    let timer = 0;
    let asked = null;
    let chosen = -1;
    const options = () => $$(".crm-hit", hits);

    function close() {
      panel.hidden = true;
      chosen = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function choose(index) {
      const all = options();
      if (!all.length) return;
      chosen = (index + all.length) % all.length;
      all.forEach((hit, i) => hit.setAttribute("aria-selected", String(i === chosen)));
      input.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    }

    // Pages of the navigation whose name holds the words; the server finds the clients.
    function pages(words) {
      const found = $$(".crm-nav [data-place]").filter((link) => link.textContent.toLowerCase().includes(words));
      if (!found.length) return [];
      const head = document.createElement("div");
      head.className = "crm-hit-group";
      head.setAttribute("role", "presentation");
      head.textContent = foot.dataset.pages;
      return [head, ...found.map((link) => {
        const hit = document.createElement("a");
        hit.className = "crm-hit";
        hit.href = link.href;
        hit.append($(".icon", link).cloneNode(true), $(".crm-side-text", link).textContent);
        return hit;
      })];
    }

    async function ask() {
      const words = input.value.trim();
      asked?.abort();
      if (!words) return close();
      asked = new AbortController();
      const { signal } = asked;
      try {
        const answer = await fetch(`${input.dataset.url}?${new URLSearchParams({ q: words })}`, {
          headers: { "HX-Request": "true" },
          signal,
        });
        if (!answer.ok) throw new Error(answer.status);
        const html = await answer.text();
        if (signal.aborted) return;
        hits.innerHTML = html;
        foot.textContent = "";
      } catch (error) {
        if (signal.aborted) return;
        hits.replaceChildren();
        foot.textContent = foot.dataset.failed;
      }
      hits.append(...pages(words.toLowerCase()));
      options().forEach((hit, i) => {
        hit.id = `hit-${i}`;
        hit.setAttribute("role", "option");
        hit.tabIndex = -1;
      });
      if (!options().length && !foot.textContent) foot.textContent = foot.dataset.none;
      panel.hidden = false;
      input.setAttribute("aria-expanded", "true");
      chosen = -1;
      if (options().length) choose(0);
    }

    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 150);
    };
    input.addEventListener("input", (event) => {
      if (!event.isComposing) later();
    });
    input.addEventListener("compositionend", later);
    input.addEventListener("focus", () => {
      if (input.value.trim() && hits.childElementCount) panel.hidden = false;
    });
    input.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Enter" && chosen >= 0 && !panel.hidden) {
        const hit = options()[chosen];
        if (event.ctrlKey || event.metaKey) window.open(hit.href, "_blank", "noopener");
        else location.assign(hit.href);
      } else if (event.key === "Escape") {
        if (panel.hidden) input.blur();
        close();
      } else return;
      event.preventDefault();
    });
    document.addEventListener("click", (event) => {
      if (!box.contains(event.target)) close();
    });
    document.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
      const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
      const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      if (!slash && !control) return;
      event.preventDefault();
      input.focus();
      input.select();
    });
  }

  // --- Toasts ------------------------------------------------------------------------------------------------------------

  const toasts = $("#toasts");

  function arm(toast) {
    $(".crm-toast-close", toast)?.addEventListener("click", () => toast.remove());
    if (toast.classList.contains("crm-toast-error")) return; // stays until it is read
    let timer = 0;
    const start = () => {
      timer = setTimeout(() => toast.remove(), 8000);
    };
    toast.addEventListener("mouseenter", () => clearTimeout(timer));
    toast.addEventListener("mouseleave", start);
    toast.addEventListener("focusin", () => clearTimeout(timer));
    start();
  }
  $$(".crm-toast", toasts).forEach(arm);

  // A fragment's answer may carry HX-Trigger: {"crm:toast": {"text": …, "level": …, "undo": "/…"}}.
  function tell({ text, level = "success", undo = "" }) {
    const toast = document.createElement("div");
    toast.className = `crm-toast crm-toast-${level}`;
    toast.setAttribute("role", level === "error" ? "alert" : "status");
    const words = document.createElement("p");
    words.textContent = text;
    toast.append(words);
    if (undo) {
      const form = document.createElement("form");
      form.method = "post";
      form.action = undo;
      const token = document.createElement("input");
      Object.assign(token, { type: "hidden", name: "csrfmiddlewaretoken", value: csrf() });
      const button = document.createElement("button");
      button.className = "crm-toast-undo";
      button.textContent = toasts.dataset.undo;
      form.append(token, button);
      toast.append(form);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "crm-toast-close";
    close.setAttribute("aria-label", toasts.dataset.close);
    close.textContent = "×";
    toast.append(close);
    toasts.append(toast);
    arm(toast);
  }
  document.addEventListener("crm:toast", (event) => tell(event.detail));
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, () => tell({ text: toasts.dataset.failed, level: "error" }));
  }

  // --- Dialogs: <button data-dialog="id">, <button data-close> ---------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog")?.close();
  });

  // --- Time-out: a session ends at a fixed time, and before that when nothing is asked for a while ----------------------

  const dialog = $("#timeout");
  const { sessionEnds, sessionIdle, sessionUrl } = document.body.dataset;
  const loaded = Date.now();
  const ends = Number(sessionEnds) * 1000;
  // The server notes a sign of life once a minute at most.
  const idle = (Number(sessionIdle) - 60) * 1000;
  const warnFrom = Math.min(5, idle / 180000);
  let warned = false;
  let asked = loaded;

  function note() {
    asked = Date.now();
    keep("asked", String(asked));
  }

  // Another tab of the same session keeps this one alive too.
  function lastAsked() {
    try {
      return Math.max(asked, Number(localStorage.getItem("asked")) || 0);
    } catch {
      return asked;
    }
  }

  function cover() {
    // What is on the screen belongs to a person who may have left. It stays covered: the next to sign in may be another.
    document.body.classList.add("crm-over");
    $("[data-left]", dialog).hidden = true;
    $("[data-over]", dialog).hidden = false;
    if (!dialog.open) dialog.showModal();
  }

  function watchTheEnd() {
    if (document.body.classList.contains("crm-over")) return;
    const left = (Math.min(ends, lastAsked() + idle) - Date.now()) / 60000;
    if (left <= 0) {
      cover();
    } else if (left > warnFrom) {
      if (warned && dialog.open) dialog.close();
      warned = false;
    } else {
      $("[data-left] span", dialog).textContent = Math.ceil(left);
      if (!warned) dialog.showModal();
      warned = true;
    }
  }

  // Whoever goes on is there: say so to the server, which knows whether the session still holds.
  async function goOn() {
    if (document.body.classList.contains("crm-over")) return;
    try {
      const answer = await fetch(sessionUrl, { redirect: "manual" });
      if (answer.status === 204) note();
      else if (answer.type === "opaqueredirect") cover();
    } catch {
      // no network: the clock goes on
    }
  }

  if (dialog && sessionEnds) {
    note();
    watchTheEnd();
    setInterval(watchTheEnd, 15000);
    document.addEventListener("htmx:after:request", note);
    dialog.addEventListener("close", goOn);
    dialog.addEventListener("cancel", (event) => {
      if (document.body.classList.contains("crm-over")) event.preventDefault();
    });
  }

  // --- Paper ------------------------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // --- Progress of a page that takes its time ----------------------------------------------------------------------------

  const busy = document.createElement("div");
  busy.className = "crm-busy";
  document.body.append(busy);
  let waiting = 0;
  const begin = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => busy.classList.add("is-on"), 400);
  };
  const end = () => {
    clearTimeout(waiting);
    busy.classList.remove("is-on");
  };
  document.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) begin();
  });
  document.addEventListener("htmx:before:request", begin);
  document.addEventListener("htmx:after:request", end);
  addEventListener("pageshow", end);
})();
