// Classes of a number layer: round limits in the unit shown, symmetric around zero for changes.

const ROUND = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

function round(number) {
  if (!(number > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(number));
  const lead = number / power;
  const best = ROUND.reduce((a, b) => (Math.abs(b - lead) < Math.abs(a - lead) ? b : a));
  return Number((best * power).toPrecision(3));
}

function quantile(sorted, part) {
  const place = (sorted.length - 1) * part;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

const ascending = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

// The roundest number near `number` that stays well inside its gap to the neighbours.
function roundWithin(number, gap) {
  if (!(gap > 0)) return number;
  const power = 10 ** Math.floor(Math.log10(gap / 2));
  const step = [5, 2, 1].map((lead) => lead * power).find((size) => size <= gap / 2) ?? power;
  return Number((Math.round(number / step) * step).toPrecision(12));
}

// The smallest of 1, 2, 5, 10, 20 … that is at least `number`.
function roundStep(number) {
  if (!(number > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 5, 10].find((lead) => lead * power >= number * 0.999) * power;
}

// Limits with about as many regions in every class.
function evenLimits(numbers, steps) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const ends = Array.from({ length: steps + 1 }, (_, i) => quantile(sorted, i / steps));
  const inner = ends.slice(1, -1).map((end, i) => roundWithin(end, Math.min(end - ends[i], ends[i + 2] - end)));
  return ascending(inner).filter((limit) => limit > sorted[0] && limit <= sorted[sorted.length - 1]);
}

// As many limits above zero as below it, at the same distances.
function mirroredLimits(numbers) {
  const sizes = numbers.map(Math.abs).sort((a, b) => a - b);
  const arm = ascending([0.25, 0.6, 0.9].map((part) => round(quantile(sizes, part)))).filter((x) => x > 0);
  return [...arm.map((x) => -x).reverse(), ...arm];
}

// Limits between the classes of `numbers`, ascending; n limits make n + 1 classes.
function limits(numbers, diverging, steps) {
  if (numbers.length === 0) return [];
  return diverging ? mirroredLimits(numbers) : evenLimits(numbers, Math.min(steps, new Set(numbers).size));
}

// The colour of each of n classes: spread over the palette, the middle one in the middle.
function colours(palette, count, diverging) {
  if (count <= 1) return [palette[diverging ? (palette.length - 1) / 2 : Math.floor(palette.length / 2)]];
  const step = (palette.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => palette[Math.round(i * step)]);
}

function classOf(number, bounds) {
  let place = 0;
  while (place < bounds.length && number >= bounds[place]) place += 1;
  return place;
}

function classText(place, bounds) {
  const at = (i) => plain(bounds[i]);
  if (bounds.length === 0) return t("legend.all");
  if (place === 0) return t("legend.below", { limit: at(0) });
  if (place === bounds.length) return t("legend.above", { limit: at(place - 1) });
  return t("legend.between", { low: at(place - 1), high: at(place) });
}
