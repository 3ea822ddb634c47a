// The list of all regions by the layer's value; it is the search result and the keyboard's map.

// Syllables of a name, each with its readings: names are found as they are typed without Chinese.
const syllables = new Map(Object.entries(data.sounds)
  .map(([name, sounds]) => [name, sounds.split(" ").map((readings) => readings.split("|"))]));

// The letters typed are what the syllables from one on sound like, each in full or by its beginning.
function soundsLike(spelt, letters, at = 0) {
  if (!letters || at >= spelt.length) return !letters;
  return spelt[at].some((sound) => {
    let shared = 0;
    while (shared < sound.length && sound[shared] === letters[shared]) shared += 1;
    for (; shared > 0; shared -= 1) if (soundsLike(spelt, letters.slice(shared), at + 1)) return true;
    return false;
  });
}

// How well a region answers what is typed: 0 is what it is called, then less and less; null not at all.
function answer({ code, region }) {
  const words = state.query.trim().toLocaleLowerCase();
  const letters = words.replace(/[\s']/g, "");
  const own = [code, region.name].map((text) => text.toLocaleLowerCase());
  const [spelt, ...above] = [region.name, ...region.parents].map((name) => syllables.get(name) ?? []);
  const tests = [
    () => !words || own.includes(words),
    () => own.some((text) => text.startsWith(words)),
    () => letters && soundsLike(spelt, letters),
    () => [...own, ...region.parents].some((text) => text.toLocaleLowerCase().includes(words)),
    () => letters.length > 2 && spelt.some((_, at) => soundsLike(spelt, letters, at)),
    () => letters.length > 2 && above.some((name) => soundsLike(name, letters)),
  ];
  const found = tests.findIndex((test) => test());
  return found < 0 ? null : found;
}

// The rows that answer, the best first; those that answer alike keep the order of the list.
function searched(rows) {
  const answers = rows.map((row) => [answer(row), row]).filter(([found]) => found !== null);
  return answers.sort(([a], [b]) => a - b).map(([, row]) => row);
}

// A narrow window shows either what was found or the map.
function choose(code) {
  const found = wide() ? {} : { query: "" };
  update({ region: code, ...found }, { bring: true, focus: true });
}

// A place is an interval: a county is not called above another that it cannot be told from.
function placeText(code, rank) {
  const place = placeOf(code);
  if (!place || place.low === place.high) return place ? place.low : rank ?? "–";
  return `${place.low}–${place.high}`;
}

function rankingRow({ code, region, value, rank }, most, { places, ramp }) {
  const place = places.get(code);
  const chosen = code === state.region;
  const style = { width: `${(Math.abs(value ?? 0) / most) * 100}%`, background: ramp[place] ?? "" };
  return el("li", {}, el("button", {
    class: chosen ? "row chosen" : "row", "data-key": `row-${code}`, "data-code": code,
    "aria-current": chosen ? "true" : null,
    onclick: () => choose(code),
  },
  el("span", { class: "rank" }, placeText(code, rank)),
  el("span", { class: "name" }, region.name || code),
  el("span", { class: "bar" }, el("i", { style })),
  quantity(value, layer().dimension, { bare: true, signed: signed() })));
}

function renderRanking(container, shown) {
  const rows = ranking(shown.values);
  const most = Math.max(...rows.map((row) => Math.abs(row.value ?? 0)), 1e-12);
  const kept = searched(rows);
  const field = part("find").querySelector("input");
  const title = { layer: valueName(), time: layerTime(), unit: shown.unit };
  container.querySelector("h2").textContent = t("panel.ranking", title);
  container.querySelector(".sort").textContent = t(state.ascending ? "panel.ascending" : "panel.descending");
  part("find").querySelector(".hidden").textContent = t("search.label");
  if (field.value !== state.query) field.value = state.query;
  document.documentElement.classList.toggle("searching", state.query.trim() !== "");
  field.placeholder = t(standRecord()?.kind === "stands" && !fromDisk() ? "search.stands" : "search.hint");
  const stands = standRows();
  const chosen = kept.findIndex(({ code }) => code === state.region);
  const listed = kept.slice(0, Math.max(state.listed, chosen + 1));
  container.querySelector(".note").hidden = !rows.some(({ code }) => placeOf(code));
  container.querySelector(".note").textContent = t("panel.places");
  renew(container.querySelector("ol"), stands, listed.map((row) => rankingRow(row, most, shown)));
  const rest = kept.length - listed.length;
  container.querySelector(".more").hidden = rest === 0;
  container.querySelector(".more").textContent = t("panel.more", { count: plain(rest) });
  container.querySelector(".empty").textContent = kept.length || stands.length ? "" : t("search.none");
}

// Up and down walk from the search field through the list and back.
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...part("ranking").querySelectorAll("ol button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  (next ?? part("find").querySelector("input")).focus();
  event.preventDefault();
}

// A list of thousands is shown as far as it is read.
const LISTED_AT_ONCE = 200;

// The list's frame stays, so that typing in the search field is never interrupted.
function buildRanking(container, finder) {
  const open = (event) => {
    if (event.key === "Enter") container.querySelector("ol button")?.click();
  };
  const field = el("input", {
    type: "search", autocomplete: "off", spellcheck: "false", "data-key": "search",
    oninput: (event) => update({ query: event.target.value }), onkeydown: open,
  });
  const sort = el("button", { class: "sort", onclick: () => update({ ascending: !state.ascending }) });
  container.append(
    el("div", { class: "title" }, el("h2", {}), sort),
    el("p", { class: "note" }),
    el("ol", {}),
    el("button", { class: "sort more", onclick: () => update({ listed: state.listed + LISTED_AT_ONCE }) }),
    el("p", { class: "empty", "aria-live": "polite" }));
  finder.append(el("label", { class: "search" }, el("span", { class: "hidden" }), field));
  for (const place of [container, finder]) place.addEventListener("keydown", walk);
}
