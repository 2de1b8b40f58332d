// Leaves out of a style sheet what no page uses: rules that need a class outside a given set, key frames and custom
// properties that nothing refers to. Knows just enough CSS for a well-formed, minified sheet.

/** The text with the class rules kept that need only `classes`; `others` are sheets that use its properties. */
export function trim(sheet, classes, others = "") {
  const nodes = keepRules(parse(sheet), classes);
  const properties = reachable(nodes, others);
  const text = write(nodes, properties);
  const animated = text + others;
  return write(
    nodes.filter((node) => !isKeyframes(node) || animated.includes(node.head.split(/\s+/)[1])),
    properties,
  );
}

function parse(text) {
  const nodes = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    at = skip(text, at);
    if (text[at] === ";") {
      nodes.push({ head: text.slice(start, at).trim(), body: null });
      start = at + 1;
    } else if (text[at] === "{") {
      const end = closing(text, at);
      const head = text.slice(start, at).replace(/\/\*[\s\S]*?\*\//g, "").trim();
      const inside = text.slice(at + 1, end);
      const nested = /^@(media|supports|layer|container)/.test(head);
      nodes.push({ head, body: nested ? null : inside, nodes: nested ? parse(inside) : null });
      at = end;
      start = end + 1;
    }
  }
  return nodes;
}

/** Past a string, a comment or a bracket that begins here. */
function skip(text, at) {
  const begin = text[at];
  if (begin === '"' || begin === "'") {
    let end = at + 1;
    while (text[end] !== begin) end += text[end] === "\\" ? 2 : 1;
    return end;
  }
  if (text.startsWith("/*", at)) return text.indexOf("*/", at) + 1;
  if (begin === "(" || begin === "[") {
    let end = at + 1;
    while (text[end] !== (begin === "(" ? ")" : "]")) end = skip(text, end) + 1;
    return end;
  }
  if (begin === "\\") return at + 1;
  return at;
}

function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    at = skip(text, at);
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}") {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new Error("a style sheet with an open brace");
}

function split(text, mark) {
  const parts = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    at = skip(text, at);
    if (text[at] === mark) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim()).filter(Boolean);
}

function keepRules(nodes, classes) {
  const kept = [];
  for (const node of nodes) {
    if (node.nodes) {
      const inside = keepRules(node.nodes, classes);
      if (inside.length) kept.push({ ...node, nodes: inside });
    } else if (node.head.startsWith("@")) kept.push(node);
    else {
      const selectors = split(node.head, ",").filter((selector) => fits(selector, classes));
      if (selectors.length) kept.push({ ...node, head: selectors.join(",") });
    }
  }
  return kept;
}

function fits(selector, classes) {
  // What a selector excludes it does not need.
  const needed = selector.replace(/:not\([^)]*\)/g, "").replace(/\[[^\]]*\]/g, "");
  return [...needed.matchAll(/\.((?:\\.|[\w-])+)/g)].every(([, name]) => classes.has(name));
}

const isKeyframes = (node) => /^@(-webkit-)?keyframes/.test(node.head);
const isProperty = (declaration) => declaration.startsWith("--");
const referred = (text) => [...text.matchAll(/var\(\s*(--[\w-]+)/g)].map(([, name]) => name);

function declarations(nodes) {
  return nodes.flatMap((node) => (node.nodes ? declarations(node.nodes) : node.body ? split(node.body, ";") : []));
}

function reachable(nodes, others) {
  const all = declarations(nodes);
  const values = new Map();
  for (const declaration of all.filter(isProperty)) {
    const name = declaration.slice(0, declaration.indexOf(":")).trim();
    values.set(name, [...(values.get(name) || []), declaration]);
  }
  const found = new Set();
  const waiting = [...all.filter((one) => !isProperty(one)), others].flatMap(referred);
  while (waiting.length) {
    const name = waiting.pop();
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...(values.get(name) || []).flatMap(referred));
  }
  return found;
}

function write(nodes, properties) {
  return nodes
    .map((node) => {
      if (node.nodes) {
        const inside = write(node.nodes, properties);
        return inside && `${node.head}{${inside}}`;
      }
      if (node.body === null) return `${node.head};`;
      if (isKeyframes(node)) return `${node.head}{${node.body}}`;
      const kept = split(node.body, ";").filter(
        (one) => !isProperty(one) || properties.has(one.slice(0, one.indexOf(":")).trim()),
      );
      return kept.length ? `${node.head}{${kept.join(";")}}` : "";
    })
    .filter(Boolean)
    .join("");
}
