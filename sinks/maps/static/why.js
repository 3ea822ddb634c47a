// Why this number: hectares × density → tonnes, type by type, with the source of each density.

// A value of the region's own stands before one for all; one of the year before one for all years.
function densitiesOf(stratum, code) {
  const rows = data.densities.rows[stratum] ?? [];
  const own = (value, wanted) => !value || value === wanted;
  const fitting = rows.filter(([, year, region]) => own(year, String(state.year)) && own(region, code));
  const rank = ([, year, region]) => (region ? 2 : 0) + (year ? 1 : 0);
  const pools = new Map();
  for (const row of [...fitting].sort((a, b) => rank(a) - rank(b))) pools.set(row[0], row);
  return [...pools.values()];
}

function poolLine([pool, , , value, se, source, confidence]) {
  const spread = se ? ` ± ${show(se, "density", { digits: 2, exact: false })}` : "";
  const checked = confidence ? ` (${t(`confidence.${confidence}`)})` : null;
  return el("li", {}, el("strong", {}, t(`pool.${pool}`)), " ",
    quantity(value, "density", { exact: false }), spread, " · ", data.densities.sources[source] || "–", checked);
}

function whyRow(stratum, [area, stock], code) {
  const pools = densitiesOf(stratum, code);
  const known = pools.length && pools.every((row) => row[3] !== null);
  const density = known ? sum(pools.map((row) => row[3])) : null;
  const part = (value, dimension) => quantity(value, dimension, { bare: true, digits: 3 });
  return el("details", {},
    el("summary", {}, el("span", { class: "name" }, stratumName(stratum)),
      part(area, "area"), " × ", part(density, "density"), " = ", part(stock, "carbon")),
    el("ul", {}, pools.map(poolLine)));
}

function whySection(region) {
  const rows = Object.entries(region.strata[state.year] ?? {}).sort(([, a], [, b]) => b[1] - a[1]);
  if (!rows.length) return null;
  const [area, density, carbon] = ["area", "density", "carbon"].map((dimension) => measure(dimension).unit);
  return section(t("card.why", { year: state.year }),
    el("p", { class: "range" }, t("card.why_units", { area, density, carbon })),
    el("div", { class: "why" }, rows.map(([stratum, held]) => whyRow(stratum, held, state.region))));
}
