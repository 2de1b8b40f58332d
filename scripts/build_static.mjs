// Collects what the pages take from npm into static/vendor/ (git-ignored): the part of the kit's style sheet that pages
// use, an icon sprite, and the bundle of the chart library. Run by `npm run build`; nothing is fetched.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { trim } from "./trim_css.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const vendor = path.join(root, "static", "vendor");
const own = path.join(root, "static", "app");
const modules = path.join(root, "node_modules");

async function copyKit() {
  const sheet = await readFile(path.join(modules, "@tabler/core/dist/css/tabler.min.css"), "utf8");
  const licence = sheet.match(/\/\*![\s\S]*?\*\//)[0];
  const names = (await readdir(own)).filter((name) => name.endsWith(".css"));
  const ours = await Promise.all(names.map((name) => readFile(path.join(own, name), "utf8")));
  const kept = trim(sheet, new Set(await lines("kit.txt")), ours.join("\n"));
  await writeFile(path.join(vendor, "tabler.css"), `@charset "UTF-8";\n${licence}\n${kept.replace(/^@charset[^;]*;/, "")}\n`);
}

async function lines(name) {
  const text = await readFile(path.join(root, "frontend", name), "utf8");
  return text.split("\n").filter((line) => line && !line.startsWith("#"));
}

async function makeSprite() {
  const names = await lines("icons.txt");
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
