// Elements, sentences and numbers. Text from data enters the page here, as text only.

const data = JSON.parse(document.getElementById("sinks-data").textContent);

// Rings come as steps in the last decimal of longitude and latitude.
function points(steps) {
  const found = [];
  const unit = 10 ** data.decimals;
  let [x, y] = [0, 0];
  for (let k = 0; k < steps.length; k += 2) {
    x += steps[k];
    y += steps[k + 1];
    found.push([x / unit, y / unit]);
  }
  return found;
}

const regions = new Map(data.codes.map((code) => [code, data.regions[code]]));
const strata = new Map(data.strata.map((stratum) => [stratum.stratum, stratum]));

// Officials count in 10⁴ t; a small area would be a row of zeros in it.
function firstUnit() {
  const last = data.whole.years[data.study.years[data.study.years.length - 1]];
  return data.study.language === "zh" && (last?.stock ?? 0) >= 1e6 ? "wan_t_c" : "t_c";
}

// Everything the reader can choose; changed only through update() in map.js.
const state = {
  language: data.study.language,
  carbon: firstUnit(),
  area: "ha",
  layer: "stock",
  year: data.study.years[data.study.years.length - 1],
  period: data.study.periods[0] ?? "",
  target: data.targets[0]?.name ?? "",
  region: null,
  stand: null,
  ascending: false,
  opacity: 0.92,
  query: "",
  listed: 200,
  compare: false,
  against: null,
  measuring: false,
  base: false,
};

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return node;
}

// el("p", {class: "note"}, "text", child …): strings become text nodes, never markup.
function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Replace what a container holds and give the focus back to the control that had it.
function renew(container, ...children) {
  const focused = container.contains(document.activeElement) && document.activeElement.dataset.key;
  container.replaceChildren(...children.flat(2).filter((child) => child));
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function t(key, values) {
  const sentence = data.strings[state.language][key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values?.[name] ?? whole);
}

const locale = () => (state.language === "zh" ? "zh-CN" : "en-GB");
const stratumName = (id) => strata.get(id)?.[`name_${state.language}`] ?? id;
const periodText = (period) => period.replace("-", "–");

// A carbon unit is a substance at a scale; an area unit a factor on ha. Per-area values use tonnes.
const CO2 = 44 / 12;
const CARBON = {
  t_c: { scale: 1, tonnes: "t_c" },
  t_co2: { scale: 1, tonnes: "t_co2" },
  wan_t_c: { scale: 1e-4, tonnes: "t_c" },
  wan_t_co2: { scale: 1e-4, tonnes: "t_co2" },
  mt_c: { scale: 1e-6, tonnes: "t_c" },
  mt_co2: { scale: 1e-6, tonnes: "t_co2" },
};
const TONNES = { t_c: 1, t_co2: CO2 };
const AREA = { ha: 1, mu: 15 };

// dimension: carbon (t C), tonnes (the same, never in ten thousands), density (t C/ha), area (ha),
// percent (a share), volume (10⁴ m³), count,
// or a unit's own name.
function measure(dimension) {
  const { scale, tonnes } = CARBON[state.carbon];
  if (dimension === "carbon") return { factor: scale * TONNES[tonnes], unit: t(`unit.${state.carbon}`) };
  if (dimension === "tonnes") return { factor: TONNES[tonnes], unit: t(`unit.${tonnes}`) };
  if (dimension === "area") return { factor: AREA[state.area], unit: t(`unit.${state.area}`) };
  if (dimension === "percent") return { factor: 100, unit: "%" };
  if (dimension === "density") {
    const unit = [tonnes, state.area].map((id) => t(`unit.${id}`)).join("/");
    return { factor: TONNES[tonnes] / AREA[state.area], unit };
  }
  if (dimension === "volume") return { factor: 1, unit: t("unit.wan_m3") };
  if (dimension === "count") return { factor: 1, unit: t("unit.count", { number: "" }).trim() };
  return { factor: 1, unit: dimension };
}

// `digits` significant digits; `exact` keeps trailing zeros, so that a column of numbers lines up.
function plain(number, { signed = false, digits = 4, exact = false, decimals = null } = {}) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  const precision = decimals === null
    ? { maximumSignificantDigits: digits, minimumSignificantDigits: exact && number !== 0 ? digits : 1 }
    : { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const format = new Intl.NumberFormat(locale(), {
    ...precision,
    signDisplay: signed ? "exceptZero" : "auto",
  });
  return format.format(number).replace("-", "−");
}

// The decimals that give the largest of some values `digits` digits: parts of one whole share them.
function decimalsOf(values, dimension, digits = 4) {
  const most = Math.max(...values.map((value) => Math.abs(value * measure(dimension).factor)), 0);
  return most > 0 ? Math.min(8, Math.max(0, digits - 1 - Math.floor(Math.log10(most)))) : 0;
}

function show(value, dimension, options = {}) {
  if (value === null || value === undefined) return "–";
  const digits = dimension === "percent" ? 3 : 4;
  return plain(value * measure(dimension).factor, { digits, exact: dimension !== "count", ...options });
}

// A number with its unit; the table's own value stays readable to machines in <data value>.
function quantity(value, dimension, options = {}) {
  if (value === null || value === undefined) return el("span", { class: "none" }, "–");
  const number = el("data", { value }, show(value, dimension, options));
  if (options.bare) return number;
  const { unit } = measure(dimension);
  const space = dimension === "percent" ? "" : " ";
  return el("span", { class: "quantity" }, number, unit ? el("span", { class: "unit" }, space, unit) : null);
}

function interval(low, high, dimension, options = {}) {
  if (low === null || high === null || low === undefined || high === undefined) return null;
  const level = plain(data.study.level * 100);
  const ends = { low: show(low, dimension, options), high: show(high, dimension, options) };
  return t("interval", { level, ...ends });
}

function probability(value) {
  if (value === null || value === undefined) return "–";
  if (value > 0.999) return "> 99.9%";
  if (value < 0.001) return "< 0.1%";
  return `${plain(value * 100, { digits: 3 })}%`;
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
