// Runs before the first paint, so that neither the theme nor the folded navigation flashes.
(() => {
  const root = document.documentElement;
  const device = matchMedia("(prefers-color-scheme: dark)");

  function kept(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off
    }
  }

  function apply() {
    const chosen = root.dataset.theme === "dark" || (root.dataset.theme === "auto" && device.matches);
    const dark = chosen && !("paper" in root.dataset);
    const theme = dark ? "dark" : "light";
    if (root.dataset.bsTheme === theme) return;
    root.dataset.bsTheme = theme;
    document.dispatchEvent(new Event("crm:theme"));
  }

  // Signed in, the account's setting holds; before that, what this device chose last.
  if (root.dataset.theme === "auto" && ["light", "dark"].includes(kept("theme"))) root.dataset.theme = kept("theme");
  if (kept("side") === "folded") root.dataset.side = "folded";
  apply();
  device.addEventListener("change", apply);
  document.addEventListener("crm:theme-choice", apply);
  // Paper is white: light letters would not be seen on it.
  addEventListener("beforeprint", () => {
    root.dataset.paper = "";
    apply();
  });
  addEventListener("afterprint", () => {
    delete root.dataset.paper;
    apply();
  });
})();
