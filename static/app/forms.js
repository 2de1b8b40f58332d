// Forms: drafts that outlive a reload or a lost line, one press per submit, controls that submit on change.
(() => {
  const PREFIX = "draft:";

  function store(key, value) {
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // storage is full or switched off: the form works without drafts
    }
  }

  function load(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  }

  const keyOf = (form) => `${PREFIX}${location.pathname}#${form.id || form.getAttribute("action") || ""}`;

  // Personal data never goes into the browser's storage, nor do secrets and files.
  function fields(form) {
    return [...form.elements].filter(
      (field) =>
        field.name &&
        !["hidden", "password", "file", "submit", "button"].includes(field.type) &&
        !field.closest("[data-personal]"),
    );
  }

  function read(form) {
    const values = {};
    for (const field of fields(form)) {
      const ticks = field.type === "checkbox" || field.type === "radio";
      if (ticks && !field.checked) continue;
      const value = field.type === "select-multiple" ? [...field.selectedOptions].map((o) => o.value) : [field.value];
      values[field.name] = (values[field.name] || []).concat(value);
    }
    return values;
  }

  function fill(form, values) {
    for (const field of fields(form)) {
      const wanted = values[field.name] || [];
      if (field.type === "checkbox" || field.type === "radio") field.checked = wanted.includes(field.value);
      else if (field.type === "select-multiple") {
        for (const option of field.options) option.selected = wanted.includes(option.value);
      } else if (field.name in values) field.value = wanted[0];
    }
    form.dispatchEvent(new Event("crm:restored", { bubbles: true }));
  }

  function offer(form, draft, pristine) {
    const template = document.getElementById("draft-note");
    if (!template) return;
    const note = template.content.firstElementChild.cloneNode(true);
    note.querySelector("button").addEventListener("click", () => {
      fill(form, pristine);
      store(keyOf(form), null);
      note.remove();
    });
    form.prepend(note);
  }

  function setUp(form) {
    if (form.dataset.draftReady) return;
    form.dataset.draftReady = "yes";
    const key = keyOf(form);
    const pristine = read(form);
    const draft = load(key);
    if (draft && !form.querySelector(".errorlist") && JSON.stringify(draft.values) !== JSON.stringify(pristine)) {
      fill(form, draft.values);
      offer(form, draft, pristine);
    }
    let timer = 0;
    const save = () => {
      clearTimeout(timer);
      timer = setTimeout(() => store(key, { values: read(form) }), 300);
    };
    form.addEventListener("input", save);
    form.addEventListener("change", save);
    form.addEventListener("submit", () => {
      clearTimeout(timer);
      store(key, { values: read(form), sent: true });
    });
    form.addEventListener("reset", () => store(key, null));
  }

  // A page reached by going forward means that what was sent has arrived; a reload or a step back means it may not have.
  const how = performance.getEntriesByType("navigation")[0]?.type;
  if (how === "navigate") {
    for (const key of Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX))) {
      if (load(key)?.sent) store(key, null);
    }
  }

  const drafts = (within) => within.querySelectorAll?.("form[data-draft]").forEach(setUp);
  drafts(document);
  document.addEventListener("htmx:after:swap", () => drafts(document));

  // One press is enough: the button rests until the page changes.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "get" || form.hasAttribute("data-again")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
    }
  });

  // <form data-submit-on-change>: filters that act at once; the button stays for those without scripts.
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.hasAttribute("data-submit-on-change")) form.requestSubmit();
  });
})();
