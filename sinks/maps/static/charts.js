// Small charts of the card: the path over the years, causes of change, make-up of the stock.

const FRAME = { width: 300, height: 118, left: 14, right: 14, top: 24, bottom: 22 };
const OTHER = "#999999";

// Stock of every year with its interval. The axis need not start at zero; the caption says so.
function pathChart(region) {
  const points = data.study.years
    .map((year) => ({ year, ...region.years[year] }))
    .filter((point) => point.stock !== null && point.stock !== undefined)
    .map((point) => ({ low: point.stock, high: point.stock, ...withoutNulls(point) }));
  if (points.length < 2) return null;
  const few = points.length <= 4;
  const [x, y] = scales(points, few);
  const line = (key) => points.map((point) => `${x(point.year)},${y(point[key])}`);
  const marks = points.map((point) => [
    svg("line", { class: "whisker", x1: x(point.year), x2: x(point.year), y1: y(point.low), y2: y(point.high) }),
    svg("circle", { class: "dot", cx: x(point.year), cy: y(point.stock), r: points.length > 12 ? 1.6 : 3.4 }),
  ]);
  const named = few ? points : [points[0], points[points.length - 1]];
  const labels = named.map((point, i) => {
    const place = { x: x(point.year), "text-anchor": few ? "middle" : ["start", "end"][i] };
    return [
      svg("text", { class: "year", y: FRAME.height - 5, ...place }, String(point.year)),
      svg("text", { class: "value", y: y(point.high) - 7, ...place }, show(point.stock, "carbon")),
    ];
  });
  const unit = measure("carbon").unit;
  const said = points.map((point) => `${point.year}: ${show(point.stock, "carbon")} ${unit}`).join("; ");
  const floor = FRAME.height - FRAME.bottom;
  return el("figure", { class: "chart" },
    svg("svg", { viewBox: `0 0 ${FRAME.width} ${FRAME.height}`, role: "img", "aria-label": said },
      svg("polygon", { class: "band", points: [...line("high"), ...line("low").reverse()].join(" ") }),
      svg("line", { class: "axis", x1: FRAME.left, x2: FRAME.width - FRAME.right, y1: floor, y2: floor }),
      svg("polyline", { class: "path", points: line("stock").join(" ") }),
      marks, labels),
    el("figcaption", {}, t("card.path", { unit })));
}

function withoutNulls(record) {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

// Functions from year and value to the chart's coordinates; a few points keep off the edges.
function scales(points, few) {
  const [first, last] = [points[0].year, points[points.length - 1].year];
  const low = Math.min(...points.map((point) => point.low));
  const high = Math.max(...points.map((point) => point.high));
  const left = FRAME.left + (few ? 44 : 0);
  const right = FRAME.width - FRAME.right - (few ? 44 : 0);
  const [top, floor] = [FRAME.top, FRAME.height - FRAME.bottom];
  const x = (year) => Number((left + ((year - first) / (last - first)) * (right - left)).toFixed(1));
  const y = (value) => Number((floor - ((value - low) / (high - low || 1)) * (floor - top)).toFixed(1));
  return [x, y];
}

// One bar per cause from a common zero line; then the same change as gross flows and as effects.
function causes(region, change) {
  const known = (region.causes[state.period] ?? []).filter(([, value]) => value);
  const told = known.map(([id, value, low, high, , ...doubt]) => (
    { words: t(`cause.${id}`), value, doubt, title: interval(low, high, "carbon", { signed: true }) }));
  const flows = [
    ["gain", change.gain],
    ["loss", change.loss === null ? null : -change.loss],
    ["area_effect", change.areaEffect],
    ["density_effect", change.densityEffect],
  ].filter(([, value]) => value !== null && value !== undefined).map(([id, value]) => (
    { words: t(`card.${id}`), value, title: t(`card.${id}_help`), apart: ["gain", "area_effect"].includes(id) }));
  const rows = [...told, ...flows];
  const most = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-12);
  const decimals = decimalsOf(rows.map(({ value }) => value), "carbon");
  return rows.flatMap(({ words, value, title, apart, doubt }) => {
    const side = value < 0 ? "right" : "left";
    const style = { [side]: "50%", width: `${(Math.abs(value) / most) * 50}%` };
    return [el("div", { class: apart ? "cause apart" : "cause", title },
      el("span", { class: "name" }, words),
      el("span", { class: "bar" }, el("i", { class: value < 0 ? "minus" : "plus", style })),
      quantity(value, "carbon", { signed: true, bare: true, decimals })), doubt ? noise(...doubt) : null];
  }).concat(noiseNote(told)).filter((row) => row);
}

// The part of a cause that classification error alone could make: of the maps, not of the estimate.
function noise(carbon, area, basis) {
  if (carbon === null || !(area > 0) || basis === "none") return null;
  return el("div", { class: "noise", title: t(`noise.${basis}`) },
    el("span", { class: "name" }, t("noise")),
    quantity(area, "area"), " · ", quantity(carbon, "carbon", { signed: true }));
}

// What that part rests on, once below the causes; where nothing is known, that it is not.
function noiseNote(told) {
  const bases = ["sample", "published", "unknown"].filter((basis) => told.some(({ doubt }) => doubt[2] === basis));
  return bases.map((basis) => el("p", { class: "note" }, t(`noise.${basis}`)));
}

// Where the carbon is: the strata of the year chosen, largest first.
function composition(region) {
  const rows = Object.entries(region.strata[state.year] ?? {})
    .map(([id, [, held]]) => ({ id, held, colour: strata.get(id)?.colour ?? OTHER }))
    .filter((row) => row.held > 0)
    .sort((a, b) => b.held - a.held);
  const whole = sum(rows.map((row) => row.held));
  if (!(whole > 0)) return [];
  const words = ({ id, held }) => `${stratumName(id)} ${plain((held / whole) * 100, { digits: 2 })}%`;
  const bar = rows.map((row) => el("i", {
    title: words(row), style: { width: `${(row.held / whole) * 100}%`, background: row.colour },
  }));
  const list = rows.slice(0, 4).map((row) => el("li", {},
    el("i", { class: "swatch", style: { background: row.colour } }), words(row)));
  return [el("div", { class: "stack", "aria-hidden": "true" }, bar), el("ul", { class: "inline" }, list)];
}
