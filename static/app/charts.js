// Charts: <c-chart>. The library is fetched only here; every chart has a table of the same figures beside it.
(() => {
  if (window.crmCharts) return;
  const root = document.documentElement;
  const chinese = root.lang.startsWith("zh");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const charts = new Map(); // figure -> {data, instance}
  let library = null;

  function load(address) {
    library ||= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => resolve(window.echarts);
      script.onerror = reject;
      document.head.append(script);
    });
    return library;
  }

  const token = (name) => getComputedStyle(document.body).getPropertyValue(`--crm-${name}`).trim();
  const number = (value, places = 2) =>
    Number(value).toLocaleString(chinese ? "zh-CN" : "en-US", { maximumFractionDigits: places });
  const share = (value) => `${(value * 100).toFixed(2)}%`;

  // --- Look ------------------------------------------------------------------------------------------------------------

  function theme() {
    const axis = {
      axisLine: { lineStyle: { color: token("line-strong") } },
      axisLabel: { color: token("quiet") },
      nameTextStyle: { color: token("quiet") },
      splitLine: { lineStyle: { color: token("line") } },
    };
    return {
      color: ["accent", "orange", "green", "chart-a", "red", "chart-c", "chart-b", "text"].map(token),
      backgroundColor: "transparent",
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: token("text") },
      categoryAxis: { ...axis, splitLine: { show: false } },
      valueAxis: axis,
      legend: {
        textStyle: { color: token("text") },
        inactiveColor: token("line"),
        pageTextStyle: { color: token("quiet") },
        pageIconColor: token("accent"),
      },
      tooltip: {
        backgroundColor: token("raised"),
        borderColor: token("line"),
        textStyle: { color: token("text"), fontSize: 13 },
      },
    };
  }

  // --- Kinds: data of the server -> option of the library ------------------------------------------------------------------

  const common = (data, unit) => ({
    animation: !calm.matches && !("paper" in root.dataset), // paper does not wait
    animationDuration: 250,
    // A few figures to hear; all of them are in the table.
    aria: { enabled: true, label: { data: { maxCount: 6 } } },
    grid: { left: 12, right: 16, top: 40, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", confine: true, axisPointer: { type: "shadow" } },
    xAxis: {
      type: "category",
      data: data.labels,
      name: "",
      axisTick: { show: false },
      axisLabel: { hideOverlap: true },
    },
    yAxis: { type: "value", name: unit, nameTextStyle: { align: "left" } },
  });

  // Escaped by the library's own function: a tooltip is HTML, and names come from files.
  const lines = (echarts, rows) => rows.filter(Boolean).map((row) => echarts.encodeHTML(row)).join("<br>");

  const titleOf = ({ titles, labels }, i) => titles?.[i] ?? labels[i];
  // A mark's value in words, with the clients it stands for where that is something else.
  const said = ({ unit = "", names }, { name, values, exact, counts }, i) =>
    [
      `${name} ${exact?.[i] ?? `${number(values[i])} ${unit}`}`.trim(),
      counts && names.count && `${names.count} ${number(counts[i], 0)}`,
    ]
      .filter(Boolean)
      .join(" · ");
  const known = (value) => value !== null && value !== undefined;

  // The next of a few round factors × 10ⁿ, so that the axis carries round figures.
  function roundStep(value) {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value * 0.999) * power;
  }

  // Without the dust of binary fractions, 3.0000000000000004.
  const round = (value) => Number(value.toPrecision(12));

  function pareto(data, echarts) {
    const { names, unit } = data;
    const colours = { A: token("chart-a"), B: token("chart-b"), C: token("chart-c") };
    const count = data.columns.length;
    const option = common(data, [names.column, unit && `(${unit})`].filter(Boolean).join(" "));
    option.tooltip.formatter = ([point]) => {
      const i = point.dataIndex;
      return lines(echarts, [
        titleOf(data, i),
        said(data, { name: names.column, values: data.columns, exact: data.exact }, i),
        `${names.cumulative} ${share(data.cumulative[i])}`,
        data.tiers && `${names.tier} ${data.tier_names[i]}`,
      ]);
    };
    option.xAxis.name = names.label;
    option.xAxis.nameLocation = "middle";
    option.xAxis.nameGap = 26;
    option.grid.bottom = 24;
    // Five steps up on both sides, and as many down as the negative columns need: the two zeros are one line.
    const most = Math.max(...data.columns, 0);
    const least = Math.min(...data.columns, 0);
    const fine = roundStep(Math.max(most / 5, -least / 8));
    // Half a case is no case: what is counted is marked in whole numbers.
    const step = data.columns.every(Number.isInteger) ? Math.ceil(fine) : fine;
    // A few clients who cost a little need no step of their own: the axis then ends at them, its lines stay at whole steps.
    const depth = -least / step;
    const below = depth < 0.5 ? depth : Math.ceil(depth);
    const at = (size) => {
      const customValues = Array.from({ length: 6 + Math.floor(below) }, (_nothing, i) => round((i - Math.floor(below)) * size));
      return { axisLabel: { customValues }, splitLine: { customValues }, axisTick: { customValues } };
    };
    option.yAxis = [
      { ...option.yAxis, min: round(-below * step), max: round(5 * step), interval: step, ...at(step) },
      {
        type: "value",
        // On a phone there is no room for both names; the ticks say per cent.
        name: innerWidth < 600 ? "" : names.cumulative,
        nameTextStyle: { align: "right" },
        min: -below * 0.2,
        max: 1,
        interval: 0.2,
        ...at(0.2),
        splitLine: { show: false },
        axisLabel: { ...at(0.2).axisLabel, formatter: (value) => (value < -0.01 ? "" : `${Math.round(value * 100)}%`) },
      },
    ];
    option.series = [
      {
        type: "bar",
        name: names.column,
        data: data.columns.map((value, i) => ({
          value,
          itemStyle: { color: colours[data.tiers?.[i]] || token("accent") },
        })),
        barCategoryGap: count > 80 ? "0%" : "18%",
        large: count > 3000,
        cursor: data.urls ? "pointer" : "default",
        barMinHeight: 1,
      },
      {
        type: "line",
        name: names.cumulative,
        yAxisIndex: 1,
        data: data.cumulative,
        showSymbol: count <= 30,
        symbolSize: 5,
        lineStyle: { width: 2, color: token("text") },
        itemStyle: { color: token("text") },
        z: 3,
        markLine: {
          silent: true,
          symbol: "none",
          lineStyle: { type: "dashed", color: token("quiet") },
          label: {
            position: "insideEndTop",
            color: token("text"),
            formatter: ({ value, name }) => name || `${Math.round(value * 1000) / 10}%`,
          },
          data: (data.lines || []).map((line) => ({ yAxis: line.at, name: line.label || "" })),
        },
      },
    ];
    return option;
  }

  const simple = (type) => (data, echarts) => {
    const one = data.series.length === 1;
    // Without a unit the axis says what is counted.
    const option = common(data, data.unit || data.names.value || (one ? data.series[0].name : ""));
    option.legend = one ? undefined : { top: 0, right: 0, left: 0, type: "scroll" };
    if (!one) option.grid.top = 64;
    option.tooltip.formatter = (points) => {
      const at = points[0].dataIndex;
      const marks = points.map(({ seriesIndex }) => data.series[seriesIndex]).filter(({ values }) => known(values[at]));
      return lines(echarts, [titleOf(data, at), ...marks.map((series) => said(data, series, at))]);
    };
    option.series = data.series.map((series) => ({
      type,
      name: series.name,
      data: series.values,
      symbol: "circle",
      symbolSize: 7,
      showSymbol: data.labels.length <= 40,
      cursor: data.urls || series.urls ? "pointer" : "default",
    }));
    return option;
  };

  // History as lines, what is to come dashed, its interval as a band between two lines that are not drawn.
  function forecast(data, echarts) {
    const option = simple("line")(data, echarts);
    const ends = data.series.filter(({ role }) => role === "low" || role === "high").map(({ name }) => name);
    const shown = data.series.filter(({ name }) => !ends.includes(name));
    // The first line and the forecast are what one came for; the others are there at a click.
    const selected = Object.fromEntries(shown.map(({ name, role }, i) => [name, i === 0 || role === "middle"]));
    option.legend = { ...option.legend, data: shown.map(({ name }) => name), selected };
    option.yAxis.scale = true;
    option.tooltip.axisPointer = { type: "line" };
    option.tooltip.formatter = (points) => {
      const at = points[0].dataIndex;
      return lines(echarts, [
        titleOf(data, at),
        ...data.series
          .filter(({ values, role }) => known(values[at]) && (!role || at >= data.labels.length - data.ahead))
          .map((series) => said(data, series, at)),
      ]);
    };
    const low = data.series.find(({ role }) => role === "low")?.values;
    option.series = option.series.map((line, i) => {
      const { role, values } = data.series[i];
      if (role === "middle") return { ...line, showSymbol: false, lineStyle: { type: "dashed", width: 2 } };
      if (role !== "low" && role !== "high") return { ...line, showSymbol: false, lineStyle: { width: i ? 1 : 2 } };
      const band = { ...line, stack: "band", stackStrategy: "all", silent: true, showSymbol: false, lineStyle: { opacity: 0 } };
      if (role === "low") return band;
      return {
        ...band,
        data: values.map((value, at) => (known(value) ? value - low[at] : null)),
        areaStyle: { color: token("accent"), opacity: 0.15 },
      };
    });
    return option;
  }

  // Streams between two days: left what was, right what is. Both sides carry the same names, so the right ones get a mark.
  function sankey(data, echarts) {
    const right = (name) => `${name}\u200b`;
    const nodes = new Set(data.streams.flatMap(({ before, after }) => [before, right(after)]));
    return {
      animation: !calm.matches,
      aria: { enabled: true },
      tooltip: {
        confine: true,
        formatter: ({ dataType, data: item, name, value }) =>
          dataType === "edge"
            ? lines(echarts, [`${item.source} → ${item.target}`, `${data.names.clients} ${number(item.value, 0)}`])
            : lines(echarts, [name, `${data.names.clients} ${number(value, 0)}`]),
      },
      series: [
        {
          type: "sankey",
          left: 4,
          right: 110,
          nodeGap: 12,
          draggable: false,
          emphasis: { focus: "adjacency" },
          label: { color: token("text") },
          lineStyle: { color: "gradient", opacity: 0.35 },
          data: [...nodes].map((name) => ({ name })),
          links: data.streams.map(({ before, after, clients, url }) => ({
            source: before,
            target: right(after),
            value: clients,
            url,
          })),
        },
      ],
    };
  }

  const kinds = { pareto, forecast, sankey, bar: simple("bar"), line: simple("line") };

  // --- The same figures as a table -------------------------------------------------------------------------------------------

  function rowsOf(kind, data) {
    const unit = data.unit ? ` (${data.unit})` : "";
    const { names } = data;
    if (kind === "sankey") {
      return {
        heads: [names.before, names.after, names.clients],
        rows: data.streams.map(({ before, after, clients }) => [before, after, number(clients, 0)]),
      };
    }
    if (kind !== "pareto") {
      return {
        heads: [names.label, ...data.series.map(({ name, exact }) => name + (exact ? "" : unit))],
        rows: data.labels.map((_label, i) => [
          titleOf(data, i),
          ...data.series.map(({ exact, values }) => exact?.[i] ?? (known(values[i]) ? number(values[i]) : "")),
        ]),
      };
    }
    return {
      heads: [names.label, names.column + unit, names.cumulative, ...(data.tiers ? [names.tier] : [])],
      rows: data.columns.map((value, i) => [
        titleOf(data, i),
        data.exact?.[i] ?? number(value),
        share(data.cumulative[i]),
        ...(data.tiers ? [data.tier_names[i]] : []),
      ]),
    };
  }

  function fillTable(place, kind, data) {
    const { heads, rows } = rowsOf(kind, data);
    const title = place.closest("figure").getAttribute("aria-label");
    const table = document.createElement("table");
    table.className = "crm-table crm-table-plain";
    const caption = table.createCaption();
    caption.className = "visually-hidden"; // the card says it
    caption.textContent = title;
    const fill = (line, text, i, scope, address) => {
      const cell = line.appendChild(document.createElement(scope ? "th" : "td"));
      if (scope) cell.scope = scope;
      if (i) cell.className = "num";
      const inside = address && text ? cell.appendChild(document.createElement("a")) : cell;
      inside.textContent = text;
      if (inside !== cell) inside.href = address;
    };
    const head = table.createTHead().insertRow();
    heads.forEach((text, i) => fill(head, text, i, "col"));
    const body = table.createTBody();
    rows.forEach((row, r) => {
      const line = body.insertRow();
      row.forEach((text, i) => {
        if (i) fill(line, text, i, "", data.series?.[i - 1]?.urls?.[r]);
        else fill(line, text, i, "row", data.urls?.[r] ?? data.streams?.[r]?.url);
      });
    });
    place.tabIndex = 0; // it scrolls: the keyboard must reach it
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", title);
    place.replaceChildren(table);
  }

  // --- Life ------------------------------------------------------------------------------------------------------------------

  function draw(figure) {
    const chart = charts.get(figure);
    const place = figure.querySelector(".crm-chart-canvas");
    chart.instance?.dispose();
    if (place.hidden) return;
    const name = `crm-${root.dataset.bsTheme}`;
    window.echarts.registerTheme(name, theme());
    chart.instance = window.echarts.init(place, name, { locale: chinese ? "ZH" : "EN", renderer: "canvas" });
    chart.instance.setOption(kinds[figure.dataset.chart](chart.data, window.echarts));
    const go = (address) => address && location.assign(address);
    const { series, urls } = chart.data;
    chart.instance.on("click", ({ data: item, dataIndex: i, seriesIndex }) => go(item?.url ?? series?.[seriesIndex]?.urls?.[i]));
    if (!urls) return;
    // The whole column is the door, not only its drawn part: small clients have small columns.
    const canvas = chart.instance.getZr();
    const behind = ({ offsetX, offsetY }) =>
      chart.instance.containPixel("grid", [offsetX, offsetY]) &&
      urls[Math.round(chart.instance.convertFromPixel({ seriesIndex: 0 }, [offsetX, offsetY])[0])];
    canvas.on("click", (event) => go(behind(event)));
    canvas.on("mousemove", (event) => behind(event) && canvas.setCursorStyle("pointer"));
  }

  function showTable(figure, button, on) {
    const table = figure.querySelector(".crm-chart-table");
    if (on && !table.childElementCount) fillTable(table, figure.dataset.chart, charts.get(figure).data);
    table.hidden = !on;
    figure.querySelector(".crm-chart-canvas").hidden = on;
    button.setAttribute("aria-pressed", String(on));
    if (!on) draw(figure);
  }

  function save(figure) {
    const { instance } = charts.get(figure);
    if (!instance || instance.isDisposed()) return;
    const link = document.createElement("a");
    link.href = instance.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: token("surface") });
    link.download = `${figure.getAttribute("aria-label") || figure.id || "chart"}.png`;
    link.click();
  }

  async function setUp(figure) {
    if (charts.has(figure)) return;
    charts.set(figure, {});
    const wait = figure.querySelector(".crm-chart-wait");
    try {
      const [answer] = await Promise.all([
        fetch(figure.dataset.src, { headers: { Accept: "application/json" } }),
        load(figure.dataset.library),
      ]);
      if (!answer.ok) throw new Error(String(answer.status));
      charts.get(figure).data = await answer.json();
    } catch {
      charts.delete(figure);
      wait.textContent = wait.dataset.failed;
      return;
    }
    const view = figure.querySelector("[data-chart-view]");
    view.addEventListener("click", () => showTable(figure, view, view.getAttribute("aria-pressed") !== "true"));
    figure.querySelector("[data-chart-image]").addEventListener("click", () => save(figure));
    wait.remove();
    draw(figure);
    figure.dataset.ready = "yes";
  }

  const all = (within) => within.querySelectorAll?.("[data-chart]").forEach(setUp);
  const redraw = () => {
    for (const figure of charts.keys()) {
      if (!figure.isConnected) {
        charts.get(figure).instance?.dispose();
        charts.delete(figure);
      } else if (charts.get(figure).data) draw(figure);
    }
  };
  window.crmCharts = { redraw };
  all(document);
  document.addEventListener("htmx:after:swap", () => all(document));
  document.addEventListener("crm:theme", redraw);
  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => charts.forEach(({ instance }) => instance && !instance.isDisposed() && instance.resize()), 120);
  });
})();
