// The legend follows the layer: classes with numbers and unit, or land-cover types with areas.

function legendRow(colour, words, count, kind = "") {
  return el("li", { class: count === 0 ? "empty-class" : null },
    el("i", { class: `swatch ${kind}`, style: colour ? { background: colour } : {} }),
    el("span", {}, words),
    el("span", { class: "count" }, count));
}

function numberClasses({ bounds, ramp, counts, places }) {
  const rows = ramp.map((colour, place) => legendRow(colour, classText(place, bounds), counts[place])).reverse();
  const missing = data.codes.filter((code) => places.get(code) === null).length;
  if (missing) rows.push(legendRow(data.palettes.missing[0], t("legend.missing"), missing));
  const unsure = data.codes.filter((code) => hatched(regions.get(code))).length;
  if (unsure) rows.push(legendRow(null, t("legend.hatched"), unsure, "hatch"));
  return rows;
}

function coverClasses() {
  const areas = data.whole.strata[state.year] ?? {};
  const shownArea = (id) => show(areas[id][0], "area", { digits: 3 });
  return data.strata
    .filter(({ stratum }) => areas[stratum])
    .map(({ stratum, colour }) => legendRow(colour, stratumName(stratum), shownArea(stratum)));
}

function shiftClasses() {
  const areas = data.whole.shifts[state.period] ?? {};
  return Object.entries(data.palettes.changes)
    .map(([id, colour]) => legendRow(colour, t(`shift.${id}`), show(areas[id] ?? 0, "area", { digits: 3 })));
}

// A ramp without classes: the picture's own scale, with round numbers in the unit shown.
function densityScale() {
  const { low, high } = shownPictures()[0];
  const { factor } = measure("density");
  const step = roundWithin((high - low) * factor * 0.25, (high - low) * factor * 0.1) || 1;
  const marks = [];
  for (let value = low * factor; value <= high * factor; value += step) marks.push(value);
  const place = (value) => `${((value / factor - low) / (high - low)) * 100}%`;
  return el("li", { class: "scale" },
    el("i", { class: "ramp", style: { background: `linear-gradient(90deg, ${data.palettes.amount.join(",")})` } }),
    el("span", { class: "marks" }, marks.map((value) => el("span", { style: { left: place(value) } }, plain(value)))));
}

const pictureRows = () => ({
  landcover: coverClasses, density: densityScale, change: shiftClasses, stands: standClasses, units: standClasses,
})[layer().picture]();

function legendNote() {
  if (TILED.has(layer().picture) && fromDisk()) return t("stand.server");
  if (layer().picture) return t(`legend.${layer().picture}_picture`);
  const basis = t(data.study.areaBasis === "map" ? "basis.short_map" : "basis.short_estimated");
  const id = state.layer === "target" ? (hasShares() ? "share" : "part") : state.layer;
  const space = state.language === "zh" ? "" : " ";
  return t(`legend.${id}`, { level: plain(data.study.level * 100) }) + space + basis;
}

function renderLegend(container, shown) {
  const picture = Boolean(layer().picture);
  const open = container.querySelector("details")?.open ?? true;
  const slide = (event) => update({ opacity: event.target.value / 100 }, { keep: "legend" });
  const slider = {
    type: "range", min: 10, max: 100, value: Math.round(state.opacity * 100), "data-key": "opacity", oninput: slide,
  };
  renew(container, el("details", { open },
    el("summary", { "data-key": "legend" },
      el("strong", {}, `${layerName()} ${layerTime()}`),
      el("span", { class: "unit" }, measure(layer().dimension).unit)),
    el("ul", { class: picture ? "classes picture" : "classes" },
      picture ? pictureRows() : numberClasses(shown)),
    el("label", { class: "opacity" }, el("span", {}, t("choose.opacity")), el("input", slider)),
    el("p", { class: "note" }, legendNote())));
}
