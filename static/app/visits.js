// Visits: reorder a day, drag in the calendar, the note by taps. Everything also works without a mouse.
(() => {
  if (window.crmVisits) return;
  window.crmVisits = true;

  // --- Order of a day ---
  const stops = document.querySelector("[data-stops]");
  const form = document.querySelector("form[data-order]");
  if (stops && form) {
    const planned = () => [...stops.querySelectorAll('[draggable="true"]')];
    const send = () => {
      form.querySelectorAll('input[name="order"]').forEach((input) => input.remove());
      for (const stop of planned()) {
        const input = document.createElement("input");
        input.type = "hidden";
        input.name = "order";
        input.value = stop.dataset.visit;
        form.append(input);
      }
      form.requestSubmit();
    };
    let dragged = null;
    stops.addEventListener("dragstart", (event) => {
      dragged = event.target.closest('[draggable="true"]');
      dragged?.classList.add("crm-drag");
      event.dataTransfer.effectAllowed = "move";
    });
    stops.addEventListener("dragover", (event) => {
      const over = event.target.closest('[draggable="true"]');
      if (!dragged || !over || over === dragged) return;
      event.preventDefault();
      const box = over.getBoundingClientRect();
      over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
    });
    stops.addEventListener("drop", (event) => event.preventDefault());
    stops.addEventListener("dragend", () => {
      if (!dragged) return;
      dragged.classList.remove("crm-drag");
      dragged = null;
      send();
    });
    stops.addEventListener("click", (event) => {
      const button = event.target.closest("[data-up], [data-down]");
      if (!button) return;
      const row = planned();
      const here = row.indexOf(button.closest("[data-visit]"));
      const there = row[here + ("up" in button.dataset ? -1 : 1)];
      if (!there) return;
      there["up" in button.dataset ? "before" : "after"](row[here]);
      send();
    });
  }

  // --- Calendar ---
  const calendar = document.querySelector("[data-calendar]");
  const mover = document.querySelector("form[data-move]");
  if (calendar && mover) {
    let slot = null;
    const clear = () => calendar.querySelectorAll(".crm-drop").forEach((day) => day.classList.remove("crm-drop"));
    calendar.addEventListener("dragstart", (event) => {
      slot = event.target.closest("[data-visit]");
      slot?.classList.add("crm-drag");
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", slot?.dataset.visit || "");
    });
    calendar.addEventListener("dragover", (event) => {
      const day = event.target.closest("[data-date]");
      if (!slot || !day) return;
      event.preventDefault();
      if (!day.classList.contains("crm-drop")) clear();
      day.classList.add("crm-drop");
    });
    calendar.addEventListener("dragend", () => {
      slot?.classList.remove("crm-drag");
      slot = null;
      clear();
    });
    calendar.addEventListener("drop", async (event) => {
      const day = event.target.closest("[data-date]");
      if (!slot || !day) return;
      event.preventDefault();
      const moved = slot;
      if (day === moved.closest("[data-date]")) return;
      const body = new FormData(mover);
      body.set("version", moved.dataset.version);
      body.set("date", day.dataset.date);
      body.set("start", moved.dataset.start);
      const url = mover.dataset.move.replace("/0/", `/${moved.dataset.visit}/`);
      let answer = null;
      try {
        answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      } catch {
        answer = null;
      }
      if (answer?.ok) {
        location.reload(); // the message with its undo stands on the page
        return;
      }
      const told = answer ? await answer.json().catch(() => ({})) : {};
      document.dispatchEvent(
        new CustomEvent("crm:toast", { detail: { text: told.text || String(answer?.status || "–"), level: "error" } }),
      );
    });
  }

  // --- Note ---
  const note = document.querySelector("form[data-note]");
  const feeling = note?.querySelector("[data-feeling]");
  if (note && feeling) {
    const follow = () => {
      const absent = note.querySelector('input[name="outcome"]:checked')?.value === "absent";
      feeling.classList.toggle("crm-off", absent);
      feeling.querySelectorAll("input").forEach((input) => {
        input.disabled = absent;
        input.required = !absent;
      });
    };
    note.addEventListener("change", follow);
    follow();
  }
})();
