// Sub-compartments: vector tiles beside the page, drawn on canvases, looked up by click and by id.

const fromDisk = () => location.protocol === "file:"; // browsers read no file beside a page on disk
const STAND_TILES = 160;
const standTiles = new Map();

function hasTile({ tiles }, z, x, y) {
  const rows = tiles[z]?.[x] ?? [];
  for (let k = 0; k < rows.length; k += 2) if (rows[k] <= y && y <= rows[k + 1]) return true;
  return false;
}

async function readFrom(address) {
  const answer = await fetch(address);
  return answer.ok ? readTile(await answer.arrayBuffer()) : null;
}

// The newest tiles are kept, as promises: what is asked for twice is read once.
function standTile(record, z, x, y) {
  if (fromDisk() || !hasTile(record, z, x, y)) return Promise.resolve(null);
  const address = `tiles/${record.name}/${z}/${x}/${y}.pbf`;
  const held = standTiles.get(address) ?? readFrom(address);
  standTiles.delete(address);
  standTiles.set(address, held);
  if (standTiles.size > STAND_TILES) standTiles.delete(standTiles.keys().next().value);
  return held;
}

const standColours = ({ limits }) => colours(data.palettes.amount, limits.length + 1, false);

function drawStands(canvas, tile, { shift, left, top, ramp }) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!tile) return;
  const scale = (canvas.width / tile.extent) * 2 ** shift;
  const trace = ({ rings }) => {
    context.beginPath();
    for (const ring of rings) {
      for (let k = 0; k < ring.length; k += 2) {
        const [x, y] = [ring[k] * scale - left * canvas.width, ring[k + 1] * scale - top * canvas.height];
        if (k === 0) context.moveTo(x, y);
        else context.lineTo(x, y);
      }
      context.closePath();
    }
  };
  const ratio = window.devicePixelRatio || 1;
  const dense = tile.polygons.length > 3000 && shift === 0;
  context.strokeStyle = "rgb(255 255 255 / 55%)";
  context.lineWidth = 0.6 * ratio;
  for (const polygon of tile.polygons) {
    trace(polygon);
    context.fillStyle = ramp[polygon.facts.c] ?? data.palettes.missing[0];
    context.fill("evenodd");
    if (!dense) context.stroke();
  }
  const chosen = state.stand && tile.polygons.find(({ facts }) => facts.i === state.stand.i);
  if (!chosen) return;
  trace(chosen);
  context.strokeStyle = "#17211f";
  context.lineWidth = 2.6 * ratio;
  context.stroke();
}

// Tiles beyond the last zoom are drawn from those of the last one, as sharp as the screen allows.
const StandLayer = L.GridLayer.extend({
  initialize(record) {
    const [first, last] = record.zooms;
    L.setOptions(this, {
      pane: "sinks-left", minNativeZoom: first, maxNativeZoom: last + 8, maxZoom: 22, noWrap: true,
      bounds: L.latLngBounds(record.bounds), keepBuffer: 1, updateWhenZooming: false,
    });
    this.record = record;
    this.ramp = standColours(record);
  },

  createTile({ x, y, z }, done) {
    const ratio = window.devicePixelRatio || 1;
    const canvas = el("canvas", { width: 256 * ratio, height: 256 * ratio, role: "presentation" });
    const shift = Math.max(0, z - this.record.zooms[1]);
    const size = 2 ** shift;
    const [column, row] = [Math.floor(x / size), Math.floor(y / size)];
    const part = { shift, left: x - column * size, top: y - row * size, ramp: this.ramp };
    standTile(this.record, z - shift, column, row).then((tile) => {
      canvas.redraw = () => drawStands(canvas, tile, part);
      canvas.redraw();
      done(null, canvas);
    }).catch((error) => done(error, canvas));
    return canvas;
  },

  repaint() {
    for (const { el: canvas } of Object.values(this._tiles ?? {})) canvas.redraw?.();
  },
});

const standRecord = () => (TILED.has(layer().picture) ? pictureAt(state.year) : null);

// What is known of the polygon at a place, or of the one of a row, from the tiles of the last zoom.
async function standAt(record, { lat, lng }, row = null) {
  const z = record.zooms[1];
  const whole = L.CRS.EPSG3857.latLngToPoint(L.latLng(lat, lng), z).divideBy(256);
  const [x, y] = [Math.floor(whole.x), Math.floor(whole.y)];
  const tile = await standTile(record, z, x, y);
  if (!tile) return null;
  const [u, v] = [(whole.x - x) * tile.extent, (whole.y - y) * tile.extent];
  const found = tile.polygons.findLast((own) => (row === null ? holds(own, u, v) : own.facts.i === row));
  return found ? { ...found.facts, place: [lat, lng], set: record.name } : null;
}

// The file of the index that holds an id; the site reckons the same.
function shardOf(word, count) {
  let number = 0;
  for (const sign of word) number = (number * 31 + sign.codePointAt(0)) % 1000003;
  return number % count;
}

const standIndex = new Map();

// The places of an id, once its part of the index has come; the page is then drawn again.
function standsCalled(words) {
  const record = standRecord();
  const word = words.trim().toLowerCase();
  if (!record || !word || fromDisk()) return [];
  const address = `tiles/${record.name}/ids/${shardOf(word, record.shards)}.json`;
  if (!standIndex.has(address)) {
    standIndex.set(address, {});
    fetch(address).then((answer) => answer.json()).then((found) => {
      standIndex.set(address, found);
      update({});
    }).catch(() => {});
  }
  const found = standIndex.get(address);
  return Object.hasOwn(found, word) ? found[word] : [];
}

function standRows() {
  const record = standRecord();
  const open = (place, row) => standAt(record, place, row).then((stand) => {
    if (stand) update({ stand }, { bring: true, focus: true });
  });
  return standsCalled(state.query).slice(0, 20).map(([lng, lat, row]) => el("li", {}, el("button",
    { class: "row stand", "data-key": `stand-${row}`, onclick: () => open({ lat, lng }, row) },
    t(record.kind === "units" ? "stand.unit" : "stand.title", { id: state.query.trim() }),
    el("span", { class: "where" }, ` ${coordinates({ lat, lng })}`))));
}

const word = (kind, slug) => data.standNames?.[kind]?.[slug]?.[state.language] ?? slug;

function standFacts(stand) {
  const place = regions.get(stand.code);
  const wood = stand.volume >= 0 ? stand.volume : null;
  const cubic = (value, ...after) => el("span", {}, el("data", { value }, plain(value)), " m³", after);
  const lines = [
    ["species", stand.species ? el("span", {}, stand.species) : null],
    ["type", stand.type ? word("types", stand.type) : null],
    ["group", stand.group ? word("groups", stand.group) : null],
    ["origin", stand.origin ? word("origins", stand.origin) : null],
    ["age", stand.age > 0 ? plain(stand.age) : null],
    ["area", quantity(stand.ha, "area")],
    ["forest", stand.forest >= 0 ? quantity(stand.forest, "area") : null],
    ["wetland", stand.wetland >= 0 ? quantity(stand.wetland, "area") : null],
    ["volume_ha", wood === null ? null : cubic(wood, "/", t("unit.ha"))],
    ["volume", wood === null ? null : cubic(wood * stand.ha)],
    ["region", place ? place.name || stand.code : null],
  ];
  return el("dl", {}, lines.filter(([, value]) => value !== null).map(([id, value]) => line(t(`stand.${id}`), value)));
}

// The change of a region that is one of tens of thousands.
function unitChange(record, { change, changeLow, changeHigh, detectable }) {
  if (!Number.isFinite(change)) return null;
  const signed = { signed: true };
  const sure = detectability({ detectable: detectable ? detectable === "true" : null });
  return section(t("card.change", { period: `${record.start}–${record.year}` }),
    el("p", { class: "figure" }, quantity(change, "tonnes", signed), " ", sure),
    el("p", { class: "range" }, detectable ? interval(changeLow, changeHigh, "tonnes", signed) : null));
}

// One polygon's numbers, as the county card shows a county's.
function renderStand(container, stand) {
  const record = standRecord();
  const known = stand.stock !== undefined && stand.stock !== null && stand.stock !== "";
  const close = t("card.close");
  container.hidden = false;
  container.removeAttribute("data-region");
  container.setAttribute("data-stand", stand.i);
  const unit = record?.kind === "units";
  const title = unit ? stand.name || stand.id : t("stand.title", { id: stand.id });
  const where = coordinates({ lat: stand.place[0], lng: stand.place[1] });
  const source = { model: record?.model ?? "", file: record?.file ?? "" };
  renew(container,
    el("header", {},
      el("div", {},
        el("h2", { id: "sinks-card-title", tabindex: "-1" }, title),
        el("p", { class: "where" }, unit ? `${stand.id} · ` : null, where)),
      el("button", {
        class: "close", "data-key": "close", "aria-label": close, title: close,
        onclick: () => update({ stand: null }),
      }, "×")),
    el("div", { class: "scroll" },
      section(t(unit ? "card.stock" : "stand.stock", { year: state.year }),
        el("p", { class: "figure" }, known ? quantity(stand.stock, "tonnes") : t("stand.uncomputed")),
        el("p", { class: "range" }, known && data.study.draws > 1 ? interval(stand.low, stand.high, "tonnes") : null),
        known ? el("p", { class: "range" }, quantity(stand.stock / stand.ha, "density")) : null),
      unit ? unitChange(record, stand) : null,
      section(t(unit ? "card.areas" : "stand.facts"), standFacts(stand)),
      stand.outside === "true" ? el("p", { class: "note" }, t("stand.outside")) : null,
      el("p", { class: "note" }, t(unit ? "card.brief" : "stand.note", source))));
}

// Classes of carbon per hectare, as the tiles have them, in the unit shown.
function standClasses() {
  const record = standRecord();
  if (!record) return [];
  const { factor } = measure("density");
  const bounds = record.limits.map((limit) => limit * factor);
  const rows = standColours(record)
    .map((colour, place) => legendRow(colour, classText(place, bounds), plain(record.counts[place + 1]))).reverse();
  if (record.counts[0]) rows.push(legendRow(data.palettes.missing[0], t("stand.uncomputed"), plain(record.counts[0])));
  return rows;
}
