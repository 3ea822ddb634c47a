// Targets of the whole: achieved against required, the verdict's probability, both readings.

// Targets keep their unit's meaning: a value is brought to t C, ha or a share before it is shown.
const TARGET_BASE = {
  "t C": ["carbon", 1],
  "t CO2": ["carbon", 1 / CO2],
  ha: ["area", 1],
  mu: ["area", 1 / 15],
  "亩": ["area", 1 / 15],
  "%": ["percent", 0.01],
  m3: ["volume", 1e-4],
  count: ["count", 1],
};

// Targets that speak of a change carry its sign.
const CHANGES = new Set(["increase", "rate"]);

function targetQuantity(value, target, options = {}) {
  if (value === null || value === undefined) return quantity(null);
  const [dimension, factor] = TARGET_BASE[target.unit] ?? [target.unit, 1];
  return quantity(value * factor, dimension, options);
}

const names = (kind, ids) => ids.map((id) => t(`${kind}.${id}`)).join(t("list.join"));

function targetTitle(target) {
  const years = CHANGES.has(target.kind) ? [target.start, target.end] : [target.end];
  if (target.title) return `${target.title} · ${years.join("–")}`;
  const counted = [...target.groups.map((id) => t(`group.${id}`)), ...target.strata.map(stratumName)];
  const words = { groups: counted.join(t("list.join")), quantity: t(`quantity.${target.quantity}`) };
  return t(`kind.${target.kind}`, { ...words, time: years.join("–") });
}

function targetScope(target) {
  if (target.reported) return t("gauge.reported", { source: target.reported });
  if (target.estimated) return t("gauge.estimated", { source: target.estimated });
  if (target.quantity !== "carbon") return target.title ? t(`gauge.kind.${target.kind}`) : target.name;
  const pools = names("pool", target.pools.length ? target.pools : ["all"]);
  return target.title ? t("gauge.only_pools", { pools }) : t("gauge.pools", { pools, name: target.name });
}

// One line: a bar for what was achieved, its interval, and the mark to reach.
function gauge(target, own) {
  const [low, high] = [own.low ?? own.achieved, own.high ?? own.achieved];
  const most = Math.max(own.required ?? 0, high, own.achieved) * 1.08 || 1;
  const least = Math.min(0, low, own.achieved) * 1.08;
  const at = (value) => `${((value - least) / (most - least)) * 100}%`;
  const span = (from, to) => ({
    left: at(Math.min(from, to)), width: `${(Math.abs(to - from) / (most - least)) * 100}%`,
  });
  const spoken = (key) => targetQuantity(own[key], target).textContent;
  const said = { achieved: spoken("achieved"), required: spoken("required") };
  return el("div", { class: "gauge", role: "img", "aria-label": t("gauge.said", said) },
    el("i", { class: own.achieved < 0 ? "done minus" : "done", style: span(0, own.achieved) }),
    own.low === null ? null : el("i", { class: "whisker", style: span(low, high) }),
    least < 0 ? el("i", { class: "zero", style: { left: at(0) } }) : null,
    own.required === null ? null : el("i", { class: "mark", style: { left: at(own.required) } }));
}

// Where the interval of the other reading lies; its ends keep the ratio of the two units.
function otherInterval(own) {
  if (own.low === null || own.high === null || !own.achieved) return "none";
  const ratio = own.other / own.achieved;
  if (own.low * ratio >= own.required) return "above";
  return own.high * ratio < own.required ? "below" : "spans";
}

// The plan's number can mean carbon or CO2: the reading that was not taken stands beside it.
function otherReading(target, own) {
  if (target.quantity !== "carbon" || own.other === null || !own.otherUnit || !own.required) return null;
  const { scale } = CARBON[state.carbon];
  const tonnes = own.otherUnit === "t CO2" ? "t_co2" : "t_c";
  const id = Object.keys(CARBON).find((key) => CARBON[key].scale === scale && CARBON[key].tonnes === tonnes);
  return el("p", { class: "note" }, t("gauge.other", {
    other: plain(own.other * scale),
    required: plain(own.required * scale),
    unit: t(`unit.${id}`),
    substance: t(`substance.${tonnes}`),
    share: plain((own.other / own.required) * 100, { digits: 3 }),
    reading: t(`reading.${otherInterval(own)}`),
  }));
}

function verdictLine(own) {
  const chance = { probability: probability(own.probability) };
  const parts = [t(own.probability === null ? "gauge.unassessed" : "gauge.probability", chance)];
  if (own.share !== null) parts.push(t("gauge.share", { share: show(own.share, "percent") }));
  const verdict = badge(own.verdict, t(`verdict.${own.verdict || "none"}`));
  return el("p", { class: "verdict" }, verdict, " ", parts.join(" · "));
}

function targetBlock(target, own) {
  return el("article", { class: "target", "data-target": target.name },
    el("h3", {}, targetTitle(target)),
    el("p", { class: "score" },
      el("strong", {}, targetQuantity(own.achieved, target, { signed: CHANGES.has(target.kind) })),
      el("span", {}, t("gauge.of"), " ", targetQuantity(own.required, target))),
    gauge(target, own),
    verdictLine(own),
    otherReading(target, own),
    el("p", { class: "note" }, targetScope(target)),
    target.source ? el("p", { class: "note" }, t("gauge.source", { source: target.source })) : null);
}

function renderTargets(container) {
  const known = data.targets.filter((target) => (data.whole.targets[target.name]?.achieved ?? null) !== null);
  container.hidden = known.length === 0;
  renew(container,
    el("h2", {}, t("panel.targets")),
    known.map((target) => targetBlock(target, data.whole.targets[target.name])));
}
