// Mapbox Vector Tiles (specification 2.1), as far as polygons go: protocol buffers read by hand.

class Wire {
  constructor(bytes, at = 0, end = bytes.length) {
    Object.assign(this, { bytes, at, end });
    this.view = new DataView(bytes.buffer, bytes.byteOffset);
  }

  varint() {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = this.bytes[this.at];
      this.at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  // Zigzag: 0, −1, 1, −2 …
  signed() {
    const value = this.varint();
    return value % 2 ? -(value + 1) / 2 : value / 2;
  }

  message() {
    const length = this.varint();
    const inner = new Wire(this.bytes, this.at, this.at + length);
    this.at += length;
    return inner;
  }

  text() {
    const { at, end } = this.message();
    return new TextDecoder().decode(this.bytes.subarray(at, end));
  }

  skip(type) {
    if (type === 0) this.varint();
    else if (type === 2) this.message();
    else this.at += type === 1 ? 8 : 4;
  }

  // Call the reader of every field that has one.
  each(readers) {
    while (this.at < this.end) {
      const head = this.varint();
      const read = readers[Math.floor(head / 8)];
      if (read) read(this);
      else this.skip(head % 8);
    }
    return this;
  }

  numbers() {
    const inner = this.message();
    const found = [];
    while (inner.at < inner.end) found.push(inner.varint());
    return found;
  }
}

function readValue(wire) {
  let value = null;
  const float = (size, read) => (inner) => { value = inner.view[read](inner.at, true); inner.at += size; };
  wire.message().each({
    1: (inner) => { value = inner.text(); },
    2: float(4, "getFloat32"),
    3: float(8, "getFloat64"),
    4: (inner) => { value = inner.varint(); },
    5: (inner) => { value = inner.varint(); },
    6: (inner) => { value = inner.signed(); },
    7: (inner) => { value = inner.varint() === 1; },
  });
  return value;
}

// Rings of x, y, x, y … in the tile's own steps.
function readRings(commands) {
  const back = (value) => (value % 2 ? -(value + 1) / 2 : value / 2);
  const rings = [];
  let [x, y] = [0, 0];
  for (let at = 0; at < commands.length;) {
    const [kind, count] = [commands[at] & 7, commands[at] >> 3];
    at += 1;
    if (kind === 1) rings.push([]);
    for (let i = 0; i < count && kind !== 7; i += 1, at += 2) {
      x += back(commands[at]);
      y += back(commands[at + 1]);
      rings[rings.length - 1].push(x, y);
    }
  }
  return rings;
}

function readFeature(wire) {
  const feature = { tags: [], commands: [] };
  wire.message().each({
    2: (inner) => { feature.tags = inner.numbers(); },
    4: (inner) => { feature.commands = inner.numbers(); },
  });
  return feature;
}

// All polygons of a tile: their facts and rings, and how many steps a tile is wide.
function readTile(buffer) {
  const tile = { extent: 4096, polygons: [] };
  new Wire(new Uint8Array(buffer)).each({
    3: (outer) => {
      const [names, values, features] = [[], [], []];
      outer.message().each({
        2: (inner) => { features.push(readFeature(inner)); },
        3: (inner) => { names.push(inner.text()); },
        4: (inner) => { values.push(readValue(inner)); },
        5: (inner) => { tile.extent = inner.varint(); },
      });
      for (const { tags, commands } of features) {
        const facts = {};
        for (let k = 0; k < tags.length; k += 2) facts[names[tags[k]]] = values[tags[k + 1]];
        tile.polygons.push({ facts, rings: readRings(commands) });
      }
    },
  });
  return tile;
}

// Even-odd, as the canvas fills.
function holds({ rings }, x, y) {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
      const [ax, ay, bx, by] = [ring[i], ring[i + 1], ring[j], ring[j + 1]];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    }
  }
  return inside;
}
