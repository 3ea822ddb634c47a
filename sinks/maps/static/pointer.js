// What lies under the pointer: coordinates, and the cell's class or density as the picture has it.

const degrees = (value, [positive, negative]) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;
const coordinates = ({ lat, lng }) => `${degrees(lng, ["E", "W"])}, ${degrees(lat, ["N", "S"])}`;

// The entry of a palette that a colour stands for, or null where it is none.
function meaning([red, green, blue, opacity], record) {
  if (opacity === 0) return null;
  const hex = `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  if (record.kind === "landcover") {
    const names = data.strata.filter(({ colour }) => colour === hex).map(({ stratum }) => stratumName(stratum));
    return names.join(" / ") || null;
  }
  if (record.kind === "change") {
    const found = Object.entries(data.palettes.changes).find(([, colour]) => colour === hex);
    return found ? t(`shift.${found[0]}`) : null;
  }
  const value = densityOf([red, green, blue], record);
  return value === null ? null : `${show(value, "density", { digits: 3, exact: false })} ${measure("density").unit}`;
}

// The value of a colour of the ramp: the nearest of its 255 steps.
function densityOf(colour, { low, high }) {
  const stops = data.palettes.amount.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  let best = [Infinity, 0];
  for (let step = 0; step < 255; step += 1) {
    const place = (step / 254) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    const own = colour.map((value, k) => {
      const [a, b] = [stops[below][k], stops[below + 1][k]];
      return (value - a - (b - a) * (place - below)) ** 2;
    });
    if (sum(own) < best[0]) best = [sum(own), step];
  }
  return best[0] > 30 ? null : low + ((high - low) * best[1]) / 254;
}

function makePointer(map, pictures, box) {
  let latest = 0;

  async function tell(place) {
    latest += 1;
    const own = latest;
    const front = pictures.at();
    const colour = front instanceof PixelLayer ? await colourAt(front, place) : null;
    if (own !== latest) return; // the pointer has moved on
    const words = colour ? meaning(colour, front.record) : null;
    box.replaceChildren(coordinates(place), ...(words ? [" · ", el("strong", {}, words)] : []));
  }

  map.on("mousemove", ({ latlng }) => tell(latlng));
  map.on("mouseout", () => { latest += 1; box.textContent = ""; });
  map.on("click", ({ latlng }) => tell(latlng));
}
