// What the counties can be coloured by. `value` answers in t C, ha or shares, or null.

const ratio = (a, b) => (a === null || a === undefined || !b ? null : a / b);
const yearOf = (region) => region.years[state.year] ?? {};
const changeOf = (region) => region.changes[state.period] ?? {};
const targetOf = (region) => region.targets[state.target] ?? {};
const targetHead = () => data.targets.find((target) => target.name === state.target);


// Targets whose achievement is known by region and adds up; a share of the land in per cent does not.
const counted = data.targets.filter(({ name, unit }) => unit !== "%"
  && data.codes.some((code) => (regions.get(code).targets[name]?.achieved ?? null) !== null));

function shareTargets() {
  return counted.filter(({ name }) => data.whole.targets[name]);
}

// A target has shares of its own for the regions, or they contribute to the whole's.
const withShares = new Set(data.targets.map(({ name }) => name)
  .filter((name) => data.codes.some((code) => (regions.get(code).targets[name]?.share ?? null) !== null)));
const hasShares = () => withShares.has(state.target);

// Layers of polygons that come as vector tiles.
const TILED = new Set(["units", "stands"]);

const layers = {
  stock: {
    dimension: "carbon", palette: "amount", choose: "year",
    value: (region) => yearOf(region).stock ?? null,
  },
  density: {
    dimension: "density", palette: "amount", choose: "year",
    value: (region) => ratio(yearOf(region).stock, region.shared),
  },
  change: {
    dimension: "carbon", palette: "diverging", choose: "period", signed: true, tested: true,
    value: (region) => changeOf(region).change ?? null,
  },
  rate: {
    dimension: "density", palette: "diverging", choose: "period", signed: true, tested: true,
    value: (region) => ratio(changeOf(region).change, region.shared),
  },
  target: {
    dimension: "percent", palette: "diverging", choose: "target", signed: true,
    value: (region) => (hasShares() ? targetOf(region).share : targetOf(region).part) ?? null,
  },
  uncertainty: {
    dimension: "percent", palette: "uncertainty", choose: "year",
    value: (region) => {
      const { stock, low, high } = yearOf(region);
      if (low === null || high === null || low === undefined) return null;
      return ratio((high - low) / 2, Math.abs(stock));
    },
  },
  landcover: {
    dimension: "area", palette: "amount", choose: "year", picture: "landcover",
    value: (region) => yearOf(region).forest ?? null,
  },
  carbon: {
    dimension: "density", palette: "amount", choose: "year", picture: "density",
    value: (region) => ratio(yearOf(region).stock, region.shared),
  },
  stands: {
    dimension: "density", palette: "amount", choose: "year", picture: "stands",
    value: (region) => ratio(yearOf(region).stock, region.shared),
  },
  units: {
    dimension: "density", palette: "amount", choose: "year", picture: "units",
    value: (region) => ratio(yearOf(region).stock, region.shared),
  },
  shifts: {
    dimension: "area", palette: "amount", choose: "period", picture: "change",
    value: (region) => region.shifts[state.period]?.new_forest ?? null,
  },
};

// What counts by region, and what is seen cell by cell.
const groups = {
  regions: Object.keys(layers).filter((id) => !layers[id].picture),
  cells: Object.keys(layers).filter((id) => layers[id].picture && !TILED.has(id)),
  stands: [...TILED],
};

const picturesOf = (kind) => data.layers.filter((picture) => picture.kind === kind);
const shownPictures = () => picturesOf(layer().picture);
const pictureYears = () => shownPictures().map((picture) => picture.year);
const shownYears = () => (state.compare && layer().choose === "year" && state.against !== null
  ? [state.year, state.against].sort((a, b) => a - b) : [state.year]);
const pictureAt = (time) => shownPictures().find((picture) => picture.time === String(time));

// Layers with something to show: no target, no interval or no picture, no entry.
function offered() {
  return Object.keys(layers).filter((id) => {
    if (layers[id].picture) return picturesOf(layers[id].picture).length > 0;
    if (id === "target") return shareTargets().length > 0;
    if (id === "uncertainty") return [...regions.values()].some((region) => layers[id].value(region) !== null);
    return data.study.periods.length > 0 || !["change", "rate"].includes(id);
  });
}

const layer = () => layers[state.layer];
// A part of the whole can be a loss and says so; a share of a duty is a plain per cent.
const signed = () => Boolean(layer().signed) && !(state.layer === "target" && hasShares());
const layerName = (id = state.layer) => t(`layer.${id === "target" && !hasShares() ? "part" : id}`);

// What the numbers beside a layer are: a picture is listed by the area or density it is about.
const LISTED = { landcover: "card.forest_area", change: "shift.new_forest" };
const valueName = () => (layer().picture ? t(LISTED[layer().picture] ?? "layer.density") : layerName());

function layerTime() {
  if (layer().choose === "period") return periodText(state.period);
  if (layer().choose === "year") return String(state.year);
  const target = targetHead();
  return target?.start ? `${target.start}–${target.end}` : String(target?.end ?? "");
}

// A share of a duty is read by what it means: below zero, by quarters, reached.
const SHARES = [0, 25, 50, 75, 100];
const shareRamp = () => [data.palettes.diverging[1], ...[0, 1, 2, 3, 5].map((place) => data.palettes.amount[place])];

// Value of every region in the unit shown, with its class; the map, legend and list use this.
function classified() {
  const { factor, unit } = measure(layer().dimension);
  const values = new Map(data.codes.map((code) => [code, layer().value(regions.get(code))]));
  const shown = [...values.values()].filter((value) => value !== null).map((value) => value * factor);
  const palette = data.palettes[layer().palette];
  const diverging = layer().palette === "diverging";
  const shares = state.layer === "target" && hasShares();
  const bounds = shares ? SHARES : limits(shown, diverging, palette.length);
  const ramp = shares ? shareRamp() : colours(palette, bounds.length + 1, diverging);
  const counts = ramp.map(() => 0);
  const places = new Map();
  for (const [code, value] of values) {
    const place = value === null ? null : classOf(value * factor, bounds);
    places.set(code, place);
    if (place !== null) counts[place] += 1;
  }
  return { values, unit, bounds, ramp, counts, places };
}

// A change is hatched where it is smaller than its own uncertainty.
const hatched = (region) => Boolean(layer().tested) && changeOf(region).detectable === false;

// The table's own place of a region for the layer shown: rank, its interval, among how many.
function placeOf(code) {
  const time = state.layer === "stock" ? state.year : state.period;
  const quantities = { stock: "stock", change: "change", rate: "change_per_ha" };
  const [rank, low, high, of] = regions.get(code).ranks[`${quantities[state.layer]} ${time}`] ?? [];
  const drawn = rank && of > 1 && low !== null && low !== undefined && data.study.draws > 1;
  return drawn ? { rank, low, high, of } : null;
}

function ranking(values) {
  const rows = data.codes.map((code) => ({ code, region: regions.get(code), value: values.get(code) }));
  const known = rows.filter((row) => row.value !== null);
  known.sort((a, b) => b.value - a.value || a.code.localeCompare(b.code));
  known.forEach((row, i) => { row.rank = i + 1; });
  if (state.ascending) known.reverse();
  return [...known, ...rows.filter((row) => row.value === null)];
}
