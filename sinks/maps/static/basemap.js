// A base map from outside, if the study names one: off until the reader asks for it.

function makeBasemap(map) {
  const layers = (data.basemap?.urls ?? []).map((url) => L.tileLayer(url, {
    pane: "sinks-base", subdomains: data.basemap.subdomains, maxNativeZoom: 18, maxZoom: 22, alt: "",
  }));
  return {
    paint() {
      for (const tiles of layers) {
        if (state.base && !map.hasLayer(tiles)) tiles.addTo(map);
        if (!state.base && map.hasLayer(tiles)) tiles.remove();
      }
    },
  };
}
