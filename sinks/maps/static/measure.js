// Lengths in km and areas in ha and mu, on the ellipsoid: a polygon is measured as it is drawn.

const [EARTH, ECCENTRICITY] = [6378137, 0.0818191908426215];
const radians = (degrees) => (degrees * Math.PI) / 180;

// Radii of curvature along the meridian and across it [m].
function radii(latitude) {
  const shape = 1 - (ECCENTRICITY * Math.sin(latitude)) ** 2;
  return [(EARTH * (1 - ECCENTRICITY ** 2)) / shape ** 1.5, EARTH / Math.sqrt(shape)];
}

// Distance of two places [m]: haversines, each direction with its own radius.
function distance(a, b) {
  const [from, to] = [radians(a.lat), radians(b.lat)];
  const [along, across] = radii((from + to) / 2);
  const north = (along * (to - from)) ** 2;
  const east = Math.cos(from) * Math.cos(to) * (2 * across * Math.sin(radians(b.lng - a.lng) / 2)) ** 2;
  return Math.sqrt(north + east);
}

// Snyder (1987), USGS PP 1395, eq. 3-12: q of the latitude, on which areas between parallels depend.
function authalic(latitude) {
  const e = ECCENTRICITY;
  const s = Math.sin(latitude);
  return (1 - e * e) * (s / (1 - (e * s) ** 2) - Math.log((1 - e * s) / (1 + e * s)) / (2 * e));
}

// Area of a polygon [ha]: Σ Δλ (q₁ + q₂) / 2 · a² / 2, edges straight in longitude and q.
function hectares(places) {
  const parts = places.map((place, i) => {
    const next = places[(i + 1) % places.length];
    const q = (authalic(radians(place.lat)) + authalic(radians(next.lat))) / 2;
    return radians(next.lng - place.lng) * q;
  });
  return Math.abs(sum(parts)) * EARTH ** 2 / 2 / 1e4;
}

function makeMeasure(map, box) {
  const style = { pane: "sinks-lines", interactive: false, color: "#b3261e", weight: 2.2, fillOpacity: 0.12 };
  const shape = L.polygon([], style);
  const points = L.layerGroup();
  let places = [];

  function words() {
    if (places.length < 2) return [el("p", {}, t("measure.hint"))];
    const path = places.slice(1).map((place, i) => distance(places[i], place));
    const kilometres = sum(path) / 1000;
    const lines = [el("p", {}, t("measure.length"), " ", el("data", { value: kilometres }, plain(kilometres)), " km")];
    if (places.length > 2) {
      const area = hectares(places);
      const shown = [["ha", area], ["mu", area * 15]].flatMap(([id, value]) => [
        el("data", { value, "data-unit": id }, plain(value)), ` ${t(`unit.${id}`)} `]);
      lines.push(el("p", {}, t("measure.area"), " ", shown));
    }
    return lines;
  }

  function draw() {
    shape.setLatLngs(places);
    shape.setStyle({ fill: places.length > 2 });
    points.clearLayers();
    for (const place of places) L.circleMarker(place, { ...style, radius: 4, fillOpacity: 1 }).addTo(points);
    renew(box, ...words(), el("div", { class: "row" },
      el("button", { "data-key": "measure-undo", onclick: undo }, t("measure.undo")),
      el("button", { "data-key": "measure-end", onclick: () => update({ measuring: false }) }, t("measure.end"))));
  }

  function add(event) {
    places.push(event.latlng);
    draw();
  }

  function undo() {
    places.pop();
    draw();
  }

  return {
    paint() {
      const on = state.measuring;
      if (on === !box.hidden) {
        if (on) draw();
        return;
      }
      box.hidden = !on;
      map.getContainer().classList.toggle("measuring", on);
      map[on ? "on" : "off"]("click", add);
      map.doubleClickZoom[on ? "disable" : "enable"]();
      for (const drawn of [shape, points]) drawn[on ? "addTo" : "removeFrom"](map);
      places = [];
      if (on) draw();
    },
  };
}
