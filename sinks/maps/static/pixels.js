// A picture as embedded tiles: the level that fits the screen, the tiles in view, nothing else.

const mercator = (place) => L.CRS.EPSG3857.project(L.latLng(place));

// Tiles are read from the page when their layer is first shown: a page opens before they matter.
const tileSets = new Map();

function tilesOf(name) {
  if (!tileSets.has(name)) {
    const holder = document.getElementById(`sinks-tiles-${name}`);
    if (!holder) return null;
    tileSets.set(name, JSON.parse(holder.textContent));
  }
  return tileSets.get(name);
}

const tileUrl = (tile) => `data:image/webp;base64,${tile}`;

const PixelLayer = L.Layer.extend({
  initialize(record) {
    this.record = record;
    this.options.pane = "sinks-left";
    this.opacity = 1;
    this.shown = new Map();
    const [[south, west], [north, east]] = record.bounds;
    this.corner = mercator([north, west]);
    const far = mercator([south, east]);
    this.step = { x: (far.x - this.corner.x) / record.width, y: (far.y - this.corner.y) / record.height };
  },

  onAdd() {
    if (tilesOf(this.record.name)) this.refresh();
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
  boundsOf(level, column, row, { side, width, height }) {
    const size = 2 ** level;
    const at = (x, y) => L.CRS.EPSG3857.unproject(
      L.point(this.corner.x + this.step.x * x * size, this.corner.y + this.step.y * y * size));
    const right = Math.min((column + 1) * side, Math.ceil(width / size));
    const below = Math.min((row + 1) * side, Math.ceil(height / size));
    return L.latLngBounds(at(column * side, row * side), at(right, below));
  },

  refresh() {
    const tiles = this._map && tilesOf(this.record.name);
    if (!tiles) return;
    const fitting = Math.ceil(Math.log2(0.7 / cellsOnScreen(this._map, this)));
    const level = Math.min(tiles.levels.length - 1, Math.max(0, fitting));
    const view = this._map.getBounds().pad(0.25);
    const wanted = new Map();
    for (const [place, tile] of Object.entries(tiles.levels[level])) {
      const [column, row] = place.split("-").map(Number);
      const bounds = this.boundsOf(level, column, row, { side: tiles.side, ...this.record });
      if (view.intersects(bounds)) wanted.set(`${level}/${place}`, { tile, bounds });
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
    for (const [key, { tile, bounds }] of missing) {
      const image = L.imageOverlay(tileUrl(tile), bounds, { pane: this.options.pane, opacity: this.opacity, alt: "" });
      image.on("load error", () => { waiting -= 1; if (waiting === 0) sweep(); });
      this.shown.set(key, image.addTo(this._map));
    }
    if (!missing.length) sweep();
  },
});

// The finest tiles that were looked into, as pixels; a few are enough for a pointer on its way.
const looked = new Map();
const LOOKED = 6;

async function pixelsOf(name, place) {
  const key = `${name}/${place}`;
  if (!looked.has(key)) {
    const tile = tilesOf(name)?.levels[0][place];
    if (!tile) return null;
    const image = new Image();
    image.src = tileUrl(tile);
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
async function colourAt(pixels, place) {
  const { corner, step, record } = pixels;
  const { x, y } = mercator(place);
  const [column, row] = [Math.floor((x - corner.x) / step.x), Math.floor((y - corner.y) / step.y)];
  if (column < 0 || row < 0 || column >= record.width || row >= record.height) return null;
  const { side } = tilesOf(record.name) ?? { side: 1 };
  const held = await pixelsOf(record.name, `${Math.floor(column / side)}-${Math.floor(row / side)}`);
  if (!held) return null;
  const at = 4 * ((row % side) * held.width + (column % side));
  return held.data.slice(at, at + 4);
}
