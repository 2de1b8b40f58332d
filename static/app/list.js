// Lists: choosing rows, the order of columns. Without scripts rows can still be ticked and sent.
(() => {
  const ticks = () => [...document.querySelectorAll("td.tick input[name=pick]")];

  function show() {
    const bulk = document.getElementById("bulk");
    if (!bulk) return;
    const all = ticks();
    const picked = all.filter((tick) => tick.checked).length;
    const everything = bulk.elements.all.value === "1";
    const words = bulk.querySelector("[data-picked]");
    words.textContent = everything ? words.dataset.all : words.dataset.picked.replace("{n}", picked);
    const more = bulk.querySelector("[data-pick-all]");
    if (more) more.hidden = everything || picked < all.length;
    const head = document.querySelector("[data-tick-page]");
    if (head) {
      head.checked = picked > 0 && picked === all.length;
      head.indeterminate = picked > 0 && picked < all.length;
    }
  }

  function pick(wanted, everything = false) {
    for (const tick of ticks()) tick.checked = wanted;
    document.getElementById("bulk").elements.all.value = everything ? "1" : "0";
    show();
  }

  let last = null;
  document.addEventListener("click", (event) => {
    const tick = event.target.closest("td.tick input[name=pick]");
    if (tick) {
      const all = ticks();
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(tick)].sort((a, b) => a - b);
        for (const between of all.slice(from, to + 1)) between.checked = tick.checked;
      }
      last = tick;
      document.getElementById("bulk").elements.all.value = "0";
      show();
    } else if (event.target.closest("[data-tick-page]")) pick(event.target.checked);
    else if (event.target.closest("[data-pick-all]")) pick(true, true);
    else if (event.target.closest("[data-pick-none]")) pick(false);

    const move = event.target.closest("[data-move]");
    if (move) {
      const item = move.closest("li");
      if (move.dataset.move === "up") item.previousElementSibling?.before(item);
      else item.nextElementSibling?.after(item);
      move.focus();
    }

    // Dialogs fetch what is in them when they are opened.
    const opener = event.target.closest("[data-dialog]");
    if (opener) document.getElementById(opener.dataset.dialog)?.dispatchEvent(new Event("dialogopen"));
  });
  // Filters left empty do not stand in the address.
  document.addEventListener("formdata", (event) => {
    if (event.target.method !== "get" || !event.target.closest(".crm-list-tools")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
  document.addEventListener("htmx:after:swap", show);
  addEventListener("pageshow", show);
})();
