// The legend follows the layer: classes with numbers and unit, or land-cover types with areas.

function legendRow(colour, words, count, kind = "") {
  return el("li", { class: count === 0 ? "empty-class" : null },
    el("i", { class: `swatch ${kind}`, style: colour ? { background: colour } : {} }),
    el("span", {}, words),
    el("span", { class: "count" }, typeof count === "number" ? plain(count) : count));
}

function numberClasses({ bounds, ramp, counts, places }) {
  const rows = ramp.map((colour, place) => legendRow(colour, classText(place, bounds), counts[place])).reverse();
  const missing = data.codes.filter((code) => places.get(code) === null).length;
  if (missing) rows.push(legendRow(data.palettes.missing[0], t("legend.missing"), missing));
  const unsure = data.codes.filter((code) => hatched(regions.get(code))).length;
  if (unsure) rows.push(legendRow(null, t("legend.hatched"), unsure, "hatch"));
  return rows;
}

// One column of areas, or one for either side of the handle.
function coverClasses() {
  const areas = shownYears().map((year) => data.whole.strata[year] ?? {});
  const both = (cells) => el("span", { class: "two" }, cells.map((own) => el("b", {}, own)));
  const columns = (cells) => (cells.length > 1 ? both(cells) : cells[0]);
  const shownArea = (id) => columns(areas.map((own) => show(own[id]?.[0] ?? 0, "area", { digits: 3 })));
  const head = areas.length > 1 ? [legendRow(null, "", columns(shownYears().map(String)), "none")] : [];
  return head.concat(data.strata
    .filter(({ stratum }) => areas.some((own) => own[stratum]))
    .map(({ stratum, colour }) => legendRow(colour, stratumName(stratum), shownArea(stratum))));
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
  const step = roundStep(((high - low) * factor) / 5);
  const marks = [];
  for (let value = low * factor; value <= high * factor; value += step) marks.push(value);
  const place = (value) => `${((value / factor - low) / (high - low)) * 100}%`;
  const atEnd = (value) => value / factor > low + (high - low) * 0.95;
  const mark = (value) => (
    el("span", { class: atEnd(value) ? "last" : null, style: { left: place(value) } }, plain(value)));
  return el("li", { class: "scale" },
    el("i", { class: "ramp", style: { background: `linear-gradient(90deg, ${data.palettes.amount.join(",")})` } }),
    el("span", { class: "marks" }, marks.map(mark)));
}

const pictureRows = () => ({
  landcover: coverClasses, density: densityScale, change: shiftClasses, stands: standClasses, units: standClasses,
})[layer().picture]();

function legendNote() {
  if (TILED.has(layer().picture) && fromDisk()) return t("stand.server");
  if (layer().picture) {
    const classes = ["landcover", "density", "change"].includes(layer().picture);
    const mapped = data.study.asMapped && classes ? [t("legend.as_mapped")] : [];
    return [t(`legend.${layer().picture}_picture`), ...mapped].join(state.language === "zh" ? "" : " ");
  }
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
  const two = picture && shownYears().length > 1;
  container.classList.toggle("wider", two && layer().picture === "landcover");
  renew(container, el("details", { open },
    el("summary", { "data-key": "legend" },
      el("strong", {}, `${layerName()} ${two ? shownYears().join(" | ") : layerTime()}`),
      el("span", { class: "unit" }, measure(layer().dimension).unit)),
    el("ul", { class: picture ? "classes picture" : "classes" },
      picture ? pictureRows() : numberClasses(shown)),
    el("label", { class: "opacity" }, el("span", {}, t("choose.opacity")), el("input", slider)),
    el("p", { class: TILED.has(layer().picture) && fromDisk() ? "note warn" : "note" }, legendNote())));
}
