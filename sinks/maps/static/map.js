// The page's one state and what follows from it. folium has made the map; this takes it over.

const part = (name) => document.querySelector(`[data-part="${name}"]`);
const wide = () => window.matchMedia("(min-width: 56.25em)").matches;

// update(changes, {bring, focus, keep}): bring the region into view, give its card the focus,
// leave one part of the page as it is (a slider in use).
let update = () => {};

function renderPage(view, keep) {
  const shown = classified();
  const parts = {
    head: renderHead, figures: renderFigures, targets: renderTargets, ranking: renderRanking,
    sources: renderSources, controls: renderControls, legend: renderLegend, card: renderCard, corner: renderCorner,
  };
  document.documentElement.lang = locale();
  document.title = data.study.title;
  document.querySelector(".skip").textContent = t("skip");
  for (const [name, render] of Object.entries(parts)) if (name !== keep) render(part(name), shown);
  renderTools(part("tools"), view.actions);
  view.map.getContainer().setAttribute("aria-label", t("said"));
  // The drawing itself says nothing to a screen reader; the list beside it holds its numbers.
  const drawings = view.map.getPanes().mapPane.querySelectorAll("svg");
  for (const drawing of drawings) drawing.setAttribute("aria-hidden", "true");
  const drawn = ["regions", "outlines", "names", "pictures", "basemap", "measure"];
  for (const name of drawn) view[name].paint(shown);
}

// The address keeps language, layer and region, so that a view can be sent or kept.
function remember() {
  const { language: lang, layer: shown, year, period } = state;
  const words = new URLSearchParams({ lang, layer: shown, year, period });
  if (state.region) words.set("region", state.region);
  try {
    history.replaceState(null, "", `#${words}`);
  } catch {
    // A page without an address of its own (a notebook's frame) has nothing to remember.
  }
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1));
  if (["zh", "en"].includes(words.get("lang"))) state.language = words.get("lang");
  if (offered().includes(words.get("layer"))) state.layer = words.get("layer");
  if (data.study.years.includes(Number(words.get("year")))) state.year = Number(words.get("year"));
  if (data.study.periods.includes(words.get("period"))) state.period = words.get("period");
  if (regions.has(words.get("region"))) state.region = words.get("region");
  if (!offered().includes(state.layer)) state.layer = offered()[0];
}

// A state that fits the layer: a picture needs a year that has one, shares a target that has them.
function settle() {
  if (layer().picture && layer().choose === "year") settleYears(pictureYears());
  if (state.stand && state.stand.set !== standRecord()?.name) state.stand = null;
  if (layer().choose === "target" && !shareTargets().includes(targetHead())) state.target = shareTargets()[0].name;
}

// The year chosen and, for a comparison, the nearest other one, later if there is one.
function settleYears(years) {
  if (!years.includes(state.year)) state.year = years[years.length - 1];
  if (years.includes(state.against) && state.against !== state.year) return;
  state.against = years.find((year) => year > state.year) ?? years[years.indexOf(state.year) - 1] ?? null;
}

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.measuring) update({ measuring: false });
    else if (event.key === "Escape" && state.stand) update({ stand: null });
    else if (event.key === "Escape" && state.region) update({ region: null });
    if (event.key === "/" && document.activeElement.tagName !== "INPUT") {
      part("find").querySelector("input").focus();
      event.preventDefault();
    }
  });
}

// What card or legend cover of the map's right side [px].
function covered() {
  if (!wide()) return 14;
  return (state.region || state.stand ? part("side") : part("legend")).getBoundingClientRect().width + 24;
}

function focusRow(code) {
  part("ranking").querySelector(`[data-code="${CSS.escape(code)}"]`)?.focus({ preventScroll: true });
}

function fitStudy(map) {
  const top = wide() ? part("controls").getBoundingClientRect().height + 30 : 14;
  const legend = part("legend").getBoundingClientRect();
  // Beside the legend or above it, whichever leaves the map larger.
  const sides = [[covered(), wide() ? 44 : 30]];
  if (wide() && !state.region && !state.stand) sides.push([24, legend.height + 30]);
  const start = [wide() ? 64 : 24, top];
  const zoom = ([right, below]) => map.getBoundsZoom(data.bounds, false, L.point(start[0] + right, top + below));
  const best = sides.reduce((one, other) => (zoom(other) > zoom(one) ? other : one));
  map.fitBounds(data.bounds, { paddingTopLeft: start, paddingBottomRight: best, animate: false });
}

// On a phone the map is as high as the study needs, not as the screen allows.
function shapeStage(stage) {
  const [a, b] = data.bounds.map((corner) => L.CRS.EPSG3857.project(L.latLng(corner)));
  stage.style.setProperty("--aspect", String((b.y - a.y) / (b.x - a.x || 1)));
}

// What the buttons beside the map do; those that a browser or a study cannot offer are left out.
function actionsOf(map) {
  const actions = { in: () => map.zoomIn(), out: () => map.zoomOut(), reset: () => fitStudy(map) };
  const page = document.documentElement;
  if (document.fullscreenEnabled) {
    actions.full = () => (document.fullscreenElement ? document.exitFullscreen() : page.requestFullscreen());
  }
  actions.measure = () => update({ measuring: !state.measuring });
  actions.print = makePrint(map);
  if (data.basemap) actions.base = () => update({ base: !state.base });
  return actions;
}

// A sheet of paper has its own shape: the map takes it, is printed, and takes the screen's again.
function makePrint(map) {
  const page = document.documentElement.classList;
  let back = null;
  const lay = () => {
    if (back) return;
    const [center, zoom, view] = [map.getCenter(), map.getZoom(), map.getBounds()];
    const bounds = view.contains(data.bounds) ? data.bounds : view;
    back = () => {
      page.remove("printing");
      map.invalidateSize({ animate: false });
      map.setView(center, zoom, { animate: false });
      back = null;
    };
    page.add("printing");
    map.invalidateSize({ animate: false });
    const right = part("side").getBoundingClientRect().width;
    map.fitBounds(bounds, { animate: false, paddingTopLeft: [14, 14], paddingBottomRight: [right, 14] });
  };
  window.addEventListener("beforeprint", lay);
  window.addEventListener("afterprint", () => back?.());
  return () => { lay(); setTimeout(() => window.print(), 300); }; // the sheet's tiles come first
}

function start(map) {
  shapeStage(map.getContainer());
  for (const [name, level] of [["sinks-base", 150], ["sinks-left", 250], ["sinks-right", 260], ["sinks-lines", 450]]) {
    map.createPane(name).style.zIndex = level;
    map.getPane(name).style.pointerEvents = "none";
  }
  recall();
  settle();
  buildRanking(part("ranking"), part("find"));
  renderControls(part("controls"));
  renderLegend(part("legend"), classified());
  map.invalidateSize({ animate: false });
  fitStudy(map);
  map.setMinZoom(map.getZoom() - 1.5);

  const pictures = makePictures(map, makeSwipe(map));
  const view = {
    map,
    pictures,
    basemap: makeBasemap(map),
    measure: makeMeasure(map, part("measure")),
    regions: makeRegions(map),
    outlines: makeOutlines(map),
    names: makeNames(map),
    actions: actionsOf(map),
  };

  // From the list: fly there. From the map: only out from under the card.
  function bringIntoView(fly) {
    const bounds = view.regions.boundsOf(state.region);
    if (!bounds) return;
    const free = { paddingTopLeft: [20, 20], paddingBottomRight: [covered(), 20] };
    if (fly) map.flyToBounds(bounds, { ...free, maxZoom: map.getBoundsZoom(data.bounds) + 1, duration: 0.6 });
    else map.panInside(bounds.getCenter(), free);
  }

  update = (changes, { bring = false, focus = false, keep = "" } = {}) => {
    const left = state.region;
    if (changes.region) state.stand = null;
    Object.assign(state, changes);
    settle();
    renderPage(view, keep);
    remember();
    if (changes.region) bringIntoView(bring);
    if (changes.stand && bring) map.setView(changes.stand.place, Math.max(map.getZoom(), standRecord().zooms[1]));
    if (focus) document.getElementById("sinks-card-title")?.focus({ preventScroll: true });
    if (left && !state.region) focusRow(left);
  };

  L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 140 }).addTo(map);
  map.on("click", async ({ latlng }) => {
    const record = standRecord();
    if (record && !state.measuring) update({ stand: await standAt(record, latlng) });
  });
  map.on("zoomend", () => { view.names.fit(); view.pictures.sharpen(); });
  view.names.fit();
  view.pictures.sharpen();
  makePointer(map, pictures, part("pointer"));
  listenToKeys();
  renderPage(view, "");
  document.documentElement.classList.add("ready");
}
