// The builder of a segment's rule: groups and conditions, told to the server as JSON, counted as they change.
(() => {
  const root = document.querySelector("[data-segment]");
  if (!root) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { fields, gone, ops, words } = read("segment-fields");
  const byKey = Object.fromEntries(fields.map((field) => [field.key, field]));
  const hidden = root.querySelector("[name=rule]");
  const place = root.querySelector("[data-rule]");
  const result = root.querySelector("[data-result]");
  let rule = hidden.value ? JSON.parse(hidden.value) : { all: [fresh()] };
  let timer = 0;
  let asked = null;

  function fresh() {
    return { field: fields[0].key, op: Object.keys(ops[fields[0].kind])[0], value: null };
  }

  function make(tag, more = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(more)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  const select = (label, choices, value, change, multiple = false) => {
    const node = make("select", { class: "form-select", "aria-label": label, multiple, onchange: () => change(node) });
    const wanted = (Array.isArray(value) ? value : [value]).map(String);
    for (const [key, text, group] of choices) {
      const option = make("option", { value: key, selected: wanted.includes(String(key)) }, text);
      let parent = node;
      if (group) {
        parent = [...node.children].find((child) => child.label === group) ?? node.appendChild(make("optgroup", { label: group }));
      }
      parent.append(option);
    }
    return node;
  };

  const input = (type, label, value, change) => {
    const node = make("input", { class: "form-control", type, "aria-label": label, step: type === "number" ? "any" : null });
    node.value = value ?? "";
    node.addEventListener("input", () => change(node.value));
    return node;
  };

  function values(condition, field) {
    const set = (value) => {
      condition.value = value;
      changed();
    };
    const { op } = condition;
    if (["empty", "yes", "no"].includes(op)) {
      condition.value = null;
      return [];
    }
    if (field.kind === "choice") {
      condition.value = Array.isArray(condition.value) ? condition.value : [];
      const keys = (node) => set([...node.selectedOptions].map((option) => option.value));
      return [select(field.label, field.choices, condition.value, keys, true)];
    }
    if (field.kind === "history") {
      const value = (condition.value = condition.value?.keys ? condition.value : { on: "", keys: [] });
      return [
        input("date", words.day, value.on, (on) => set({ ...condition.value, on })),
        select(field.label, field.choices, value.keys, (node) => set({ ...condition.value, keys: [...node.selectedOptions].map((o) => o.value) }), true),
      ];
    }
    if (op === "between") {
      const value = (condition.value = Array.isArray(condition.value) ? condition.value : ["", ""]);
      return [0, 1].map((i) =>
        input("number", `${field.label} ${i + 1}`, value[i], (text) => {
          const ends = [...condition.value];
          ends[i] = text;
          set(ends);
        }),
      );
    }
    if (Array.isArray(condition.value) || typeof condition.value === "object") condition.value = null;
    const type = op.endsWith("_days") || ["number", "money"].includes(field.kind) ? "number" : field.kind === "date" ? "date" : "text";
    return [input(type, field.label, condition.value, set), ...(field.kind === "money" ? [make("span", { class: "crm-quiet" }, words.yuan)] : [])];
  }

  function condition(group, member, path) {
    const field = byKey[member.field] ?? { key: member.field, label: member.field, kind: "text", choices: [] };
    const known = byKey[member.field] ? [] : [[member.field, `${gone[member.field] ?? member.field} ?`, null]];
    const line = make("div", { class: "crm-rule-line", "data-path": path });
    line.append(
      select(words.field, [...known, ...fields.map(({ key, label, group: name }) => [key, label, name])], member.field, (node) => {
        const next = byKey[node.value];
        Object.assign(member, { field: node.value, op: Object.keys(ops[next.kind])[0], value: null });
        draw();
      }),
      select(words.question, Object.entries(ops[field.kind]), member.op, (node) => {
        member.op = node.value;
        draw();
      }),
      ...values(member, field),
      make("button", { type: "button", class: "btn btn-sm", onclick: () => remove(group, member) }, words.remove),
    );
    return line;
  }

  function remove(group, member) {
    const [members] = Object.values(group);
    members.splice(members.indexOf(member), 1);
    draw();
  }

  function groupBox(group, parent, path, depth) {
    const [how, members] = Object.entries(group)[0];
    const box = make("fieldset", { class: "crm-rule-group" });
    box.append(
      make("legend", { class: "visually-hidden" }, words.group),
      select(words.group, Object.entries(words.how), how, (node) => {
        delete group[how];
        group[node.value] = members;
        draw();
      }),
    );
    members.forEach((member, i) => {
      const here = path ? `${path}.${i}` : String(i);
      box.append("field" in member ? condition(group, member, here) : groupBox(member, group, here, depth + 1));
    });
    const tools = make("div", { class: "crm-rule-tools" });
    tools.append(
      make("button", { type: "button", class: "btn btn-sm", onclick: () => { members.push(fresh()); draw(); } }, words.add),
    );
    if (depth < 5) {
      tools.append(make("button", { type: "button", class: "btn btn-sm", onclick: () => { members.push({ any: [fresh()] }); draw(); } }, words.add_group));
    }
    if (parent) tools.append(make("button", { type: "button", class: "btn btn-sm", onclick: () => remove(parent, group) }, words.remove_group));
    box.append(tools);
    return box;
  }

  function draw() {
    place.replaceChildren(groupBox(rule, null, "", 1));
    changed();
  }

  function changed() {
    hidden.value = JSON.stringify(rule);
    clearTimeout(timer);
    timer = setTimeout(count, 300);
  }

  async function count() {
    asked?.abort();
    asked = new AbortController();
    const body = new URLSearchParams({ rule: hidden.value });
    const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
    try {
      const answer = await fetch(root.dataset.segment, { method: "POST", body, headers: { "X-CSRFToken": token }, signal: asked.signal });
      const found = await answer.json();
      place.querySelectorAll("[data-path]").forEach((line) => {
        const wrong = line.dataset.path === found.path;
        line.classList.toggle("is-wrong", wrong);
        line.querySelector("[role=alert]")?.remove();
        if (wrong) line.append(make("span", { class: "crm-fall", role: "alert" }, found.text));
      });
      result.textContent = found.text;
    } catch (error) {
      if (error.name !== "AbortError") result.textContent = words.failed;
    }
  }

  draw();
})();
