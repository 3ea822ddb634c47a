// What Leaflet draws: regions, borders of coarser levels, names, pictures.

// So many shapes are drawn on a canvas: a browser is slow at thousands of elements.
const many = data.codes.length > 600;

// The same pattern for a canvas.
function hatchOnCanvas(colour) {
  const tile = el("canvas", { width: 8, height: 8 });
  const context = tile.getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 8, 8);
  context.strokeStyle = "rgb(255 255 255 / 75%)";
  context.lineWidth = 1.6;
  for (const shift of [-8, 0, 8]) {
    context.beginPath();
    context.moveTo(shift - 1, 9);
    context.lineTo(shift + 9, -1);
    context.stroke();
  }
  return context.createPattern(tile, "repeat");
}

// The pattern of a change that is smaller than its uncertainty, one per class colour.
function hatchPatterns(root, ramp) {
  root.querySelector("defs.sinks")?.remove();
  const size = { width: 7, height: 7 };
  root.prepend(svg("defs", { class: "sinks" }, ramp.map((colour, place) => svg("pattern",
    { ...size, id: `sinks-hatch-${place}`, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { ...size, fill: colour }),
    svg("rect", { width: 1.6, height: 7, fill: "#ffffff", "fill-opacity": 0.75 })))));
}

function makeRegions(map) {
  const paths = new Map();
  let shown;
  let hatches = [];

  function tooltip(code) {
    const region = regions.get(code);
    if (TILED.has(layer().picture)) return el("strong", {}, region.name || code);
    const value = quantity(shown.values.get(code), layer().dimension, { signed: signed() });
    const sure = hatched(region) ? el("em", {}, t("card.undetectable")) : null;
    return el("div", {}, el("strong", {}, region.name || code), el("span", {}, valueName()), value, sure);
  }

  function fillOf(code) {
    const place = shown.places.get(code);
    if (place === null) return data.palettes.missing[0];
    if (!hatched(regions.get(code))) return shown.ramp[place];
    return many ? hatches[place] : `url(#sinks-hatch-${place})`;
  }

  function paint(code, hovered = false) {
    const picture = Boolean(layer().picture);
    const chosen = code === state.region;
    const marked = chosen || hovered;
    paths.get(code).setStyle({
      fillColor: fillOf(code),
      fillOpacity: picture ? 0 : state.opacity,
      color: marked ? "#17211f" : picture ? "#4a524e" : "#ffffff",
      weight: chosen ? 2.6 : hovered ? 1.8 : 0.8,
    });
    if (marked) paths.get(code).bringToFront();
    if (!chosen && paths.has(state.region)) paths.get(state.region).bringToFront();
  }

  const tip = { sticky: true, direction: "top", offset: [0, -8], className: "sinks-tip" };
  const features = data.shapes.map((polygons, k) => ({
    type: "Feature", id: data.codes[k], properties: {},
    geometry: { type: "MultiPolygon", coordinates: polygons.map((rings) => rings.map(points)) },
  }));
  L.geoJSON(features, {
    ...(many ? { renderer: L.canvas({ padding: 0.2 }) } : {}),
    onEachFeature: ({ id }, path) => {
      paths.set(id, path);
      path.bindTooltip(() => tooltip(id), tip);
      path.on("click", () => { if (!state.measuring && !TILED.has(layer().picture)) update({ region: id }); });
      path.on("mouseover", () => paint(id, true));
      path.on("mouseout", () => paint(id));
    },
  }).addTo(map);

  return {
    boundsOf: (code) => paths.get(code)?.getBounds(),
    paint(classes) {
      shown = classes;
      const root = map.getPane("overlayPane").querySelector("svg");
      if (many) hatches = shown.ramp.map(hatchOnCanvas);
      else if (root) hatchPatterns(root, shown.ramp);
      for (const code of paths.keys()) paint(code);
    },
  };
}

// Borders of the coarser levels, above the regions and never in the way of a click.
function makeOutlines(map) {
  const lines = Object.entries(data.outlines).map(([level, rings]) => {
    const places = rings.map((ring) => points(ring).map(([lon, lat]) => [lat, lon]));
    const whole = level === "study";
    const style = { weight: whole ? 1.5 : 1.1, opacity: whole ? 0.9 : 0.55 };
    return L.polyline(places, { pane: "sinks-lines", interactive: false, ...style }).addTo(map);
  });
  return {
    paint() {
      for (const line of lines) line.setStyle({ color: layer().picture ? "#20302b" : "#4c5c57" });
    },
  };
}

const dark = (colour) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue < 135;
};

// A region's name stands where it fits into the region's largest inner circle.
function makeNames(map) {
  const group = L.layerGroup().addTo(map);
  const labels = Object.entries(data.labels).map(([code, [place, radius]]) => {
    const { name } = regions.get(code);
    const words = el("span", {}, name);
    const icon = L.divIcon({ className: "sinks-name", html: words, iconSize: [0, 0] });
    const width = sum([...name].map((sign) => (sign.codePointAt(0) > 255 ? 11.5 : 6.2)));
    const marker = L.marker(place, { icon, interactive: false, keyboard: false, pane: "sinks-lines" });
    return { code, radius, width, words, marker };
  });
  return {
    fit() {
      const metres = (2 * Math.PI * 6378137) / (256 * 2 ** map.getZoom());
      for (const { radius, width, marker } of labels) {
        const fits = width < 240 && (2 * radius) / metres > width * 1.06;
        if (fits && !group.hasLayer(marker)) group.addLayer(marker);
        if (!fits && group.hasLayer(marker)) group.removeLayer(marker);
      }
    },
    paint({ places, ramp }) {
      for (const { code, words } of labels) {
        const place = places.get(code);
        const onDark = place !== null && dark(ramp[place]) && state.opacity > 0.6;
        words.className = layer().picture ? "busy" : onDark ? "light" : "";
      }
    },
  };
}

// The picture of one time, or of two years with a handle between them.
function makePictures(map, swipe) {
  const stage = map.getContainer();
  const make = (record) => (TILED.has(record.kind) ? new StandLayer(record) : new PixelLayer(record));
  const pictures = data.layers.map(make);
  let front = null;

  function shown() {
    if (!layer().picture) return [];
    if (layer().choose === "period") return [pictureAt(state.period)].filter(Boolean);
    return shownYears().map(pictureAt).filter(Boolean);
  }

  return {
    paint() {
      const [left, right] = shown();
      front = right ?? left ?? null;
      for (const picture of pictures) {
        const pane = picture.record === right ? "sinks-right" : "sinks-left";
        const wanted = picture.record === left || picture.record === right;
        if (map.hasLayer(picture) && (!wanted || picture.options.pane !== pane)) picture.remove();
        picture.options.pane = pane;
        picture.setOpacity(state.opacity);
        if (wanted && !map.hasLayer(picture)) picture.addTo(map);
        else picture.repaint?.();
      }
      swipe.show(left?.year, right?.year);
    },
    // Smooth while cells are smaller than screen pixels, square once they are larger.
    sharpen() {
      const first = pictures.find((picture) => picture instanceof PixelLayer);
      if (first) stage.classList.toggle("square", cellsOnScreen(map, first) > 1.5);
    },
    at: () => pictures.find((picture) => picture.record === front),
  };
}

// Screen pixels per pixel of a picture.
function cellsOnScreen(map, picture) {
  const metres = (2 * Math.PI * 6378137) / (256 * 2 ** map.getZoom());
  return (picture.step.x / metres) * (window.devicePixelRatio || 1);
}
