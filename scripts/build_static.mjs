// Collects what the pages take from npm into static/vendor/ (git-ignored): the kit's style sheet, an icon sprite, and
// the bundle of the chart library. Run by `npm run build`; nothing is fetched.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vendor = path.join(root, "static", "vendor");
const modules = path.join(root, "node_modules");

async function copyKit() {
  const sheet = await readFile(path.join(modules, "@tabler/core/dist/css/tabler.min.css"), "utf8");
  // The map is not delivered; its name would make the static files' manifest look for it.
  await writeFile(path.join(vendor, "tabler.css"), sheet.replace(/\/\*# sourceMappingURL=.*?\*\//g, ""));
}

async function makeSprite() {
  const list = await readFile(path.join(root, "frontend", "icons.txt"), "utf8");
  const names = list.split("\n").filter((line) => line && !line.startsWith("#"));
  const symbols = await Promise.all(
    names.map(async (name) => {
      const icon = await readFile(path.join(modules, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
      const inside = icon.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/<path stroke="none"[^>]*>/, "").replace(/\s*\n\s*/g, "");
      return `<symbol id="${name}" viewBox="0 0 24 24">${inside}</symbol>`;
    }),
  );
  await writeFile(
    path.join(vendor, "icons.svg"),
    `<svg xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor">${symbols.join("")}</svg>\n`,
  );
}

function bundleCharts() {
  return build({
    entryPoints: [path.join(root, "frontend", "echarts.mjs")],
    outfile: path.join(vendor, "echarts.js"),
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "echarts",
    target: "es2020",
    legalComments: "eof",
  });
}

await rm(vendor, { recursive: true, force: true });
await mkdir(vendor, { recursive: true });
await Promise.all([copyKit(), makeSprite(), bundleCharts()]);
