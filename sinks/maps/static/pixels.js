// A picture as embedded tiles: the level that fits the screen, the tiles in view, nothing else.

const mercator = (place) => L.CRS.EPSG3857.project(L.latLng(place));

// Tiles are read from the page when their layer is first shown: a page opens before they matter.
const tileSets = new Map();

// A map on a site has its tiles beside it; `levels` lists those that there are, finest first.
function besideThePage({ name, levels, zoom }) {
  const address = (place, level) => `tiles/${name}/${zoom - level}/${place.replace("-", "/")}.webp`;
  return levels.map((places, level) => Object.fromEntries(places.map((place) => [place, address(place, level)])));
}

function withinThePage(name) {
  const holder = document.getElementById(`sinks-tiles-${name}`);
  if (!holder) return null;
  const address = (tile) => `data:image/webp;base64,${tile}`;
  return JSON.parse(holder.textContent).levels.map((tiles) => (
    Object.fromEntries(Object.entries(tiles).map(([place, tile]) => [place, address(tile)]))));
}

// The addresses of a picture's tiles by level and place, or null while the page is being read.
function tilesOf(record) {
  if (!tileSets.has(record.name)) {
    const levels = record.levels ? besideThePage(record) : withinThePage(record.name);
    if (!levels) return null;
    tileSets.set(record.name, levels);
  }
  return tileSets.get(record.name);
}

// Where pixel and tile count from [Web Mercator m]: the picture's own corner, or the world's.
function gridOf({ bounds, width, height, zoom, side }) {
  if (zoom !== undefined) {
    const half = Math.PI * 6378137;
    const size = (2 * half) / (side * 2 ** zoom);
    return { side, corner: { x: -half, y: half }, step: { x: size, y: -size }, width: Infinity, height: Infinity };
  }
  const [[south, west], [north, east]] = bounds;
  const [corner, far] = [mercator([north, west]), mercator([south, east])];
  return { side, corner, step: { x: (far.x - corner.x) / width, y: (far.y - corner.y) / height }, width, height };
}

const PixelLayer = L.Layer.extend({
  initialize(record) {
    this.record = record;
    this.options.pane = "sinks-left";
    this.opacity = 1;
    this.shown = new Map();
    Object.assign(this, gridOf(record));
  },

  onAdd() {
    if (tilesOf(this.record)) this.refresh();
    else document.addEventListener("DOMContentLoaded", () => this.refresh(), { once: true });
  },

  onRemove() {
    for (const tile of this.shown.values()) tile.remove();
    this.shown.clear();
  },

  getEvents() {
    return { moveend: this.refresh, resize: this.refresh };
  },

  setOpacity(opacity) {
    this.opacity = opacity;
    for (const tile of this.shown.values()) tile.setOpacity(opacity);
  },

  // Corners of a tile: pixels count from the north-western corner on every level.
  boundsOf(level, column, row) {
    const { side, width, height } = this;
    const size = 2 ** level;
    const at = (x, y) => L.CRS.EPSG3857.unproject(
      L.point(this.corner.x + this.step.x * x * size, this.corner.y + this.step.y * y * size));
    const right = Math.min((column + 1) * side, Math.ceil(width / size));
    const below = Math.min((row + 1) * side, Math.ceil(height / size));
    return L.latLngBounds(at(column * side, row * side), at(right, below));
  },

  refresh() {
    const levels = this._map && tilesOf(this.record);
    if (!levels) return;
    const fitting = Math.ceil(Math.log2(0.7 / cellsOnScreen(this._map, this)));
    const level = Math.min(levels.length - 1, Math.max(0, fitting));
    const view = this._map.getBounds().pad(0.25);
    const wanted = new Map();
    for (const [place, address] of Object.entries(levels[level])) {
      const [column, row] = place.split("-").map(Number);
      const bounds = this.boundsOf(level, column, row);
      if (view.intersects(bounds)) wanted.set(`${level}/${place}`, { address, bounds });
    }
    this.exchange(wanted);
  },

  // What is no longer wanted goes when what takes its place is there: nothing flickers.
  exchange(wanted) {
    const missing = [...wanted].filter(([key]) => !this.shown.has(key));
    let waiting = missing.length;
    this.wanted = wanted;
    const sweep = () => {
      for (const [key, tile] of this.shown) {
        if (this.wanted.has(key)) continue;
        tile.remove();
        this.shown.delete(key);
      }
    };
    for (const [key, { address, bounds }] of missing) {
      const image = L.imageOverlay(address, bounds, { pane: this.options.pane, opacity: this.opacity, alt: "" });
      image.on("load error", () => { waiting -= 1; if (waiting === 0) sweep(); });
      this.shown.set(key, image.addTo(this._map));
    }
    if (!missing.length) sweep();
  },
});

// The finest tiles that were looked into, as pixels; a few are enough for a pointer on its way.
const looked = new Map();
const LOOKED = 6;

async function pixelsOf(record, place) {
  const key = `${record.name}/${place}`;
  if (!looked.has(key)) {
    const address = tilesOf(record)?.[0][place];
    if (!address) return null;
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = el("canvas", { width: image.width, height: image.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    looked.set(key, context.getImageData(0, 0, image.width, image.height));
    if (looked.size > LOOKED) looked.delete(looked.keys().next().value);
  }
  return looked.get(key);
}

// Red, green, blue and opacity of the picture's own pixel at a place, or null outside.
async function colourAt(pixels, at) {
  const { corner, step, side, width, height, record } = pixels;
  const { x, y } = mercator(at);
  const [column, row] = [Math.floor((x - corner.x) / step.x), Math.floor((y - corner.y) / step.y)];
  if (column < 0 || row < 0 || column >= width || row >= height) return null;
  const place = `${Math.floor(column / side)}-${Math.floor(row / side)}`;
  const held = await pixelsOf(record, place).catch(() => null); // a site opened from disk may not look
  if (!held) return null;
  const first = 4 * ((row % side) * held.width + (column % side));
  return held.data.slice(first, first + 4);
}
