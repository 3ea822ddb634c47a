// The list of all regions by the layer's value; it is the search result and the keyboard's map.

function found({ code, region }) {
  const words = state.query.trim().toLocaleLowerCase();
  const texts = [code, region.name, ...region.parents];
  const spoken = words.replace(/[\s']/g, "");
  const sounds = (text) => text.startsWith(spoken) || (spoken.length > 2 && text.includes(spoken));
  return !words || texts.some((text) => text.toLocaleLowerCase().includes(words))
    || (spoken && region.pinyin.some(sounds));
}

function rankingRow({ code, region, value, rank }, most, { places, ramp }) {
  const place = places.get(code);
  const chosen = code === state.region;
  const style = { width: `${(Math.abs(value ?? 0) / most) * 100}%`, background: ramp[place] ?? "" };
  return el("li", {}, el("button", {
    class: chosen ? "row chosen" : "row", "data-key": `row-${code}`, "data-code": code,
    "aria-current": chosen ? "true" : null,
    onclick: () => update({ region: code }, { bring: true, focus: true }),
  },
  el("span", { class: "rank" }, rank ?? "–"),
  el("span", { class: "name" }, region.name || code),
  el("span", { class: "bar" }, el("i", { style })),
  quantity(value, layer().dimension, { bare: true, signed: signed() })));
}

function renderRanking(container, shown) {
  const rows = ranking(shown.values);
  const most = Math.max(...rows.map((row) => Math.abs(row.value ?? 0)), 1e-12);
  const kept = rows.filter(found);
  const field = container.querySelector("input");
  const title = { layer: valueName(), time: layerTime(), unit: shown.unit };
  container.querySelector("h2").textContent = t("panel.ranking", title);
  container.querySelector(".sort").textContent = t(state.ascending ? "panel.ascending" : "panel.descending");
  container.querySelector(".search .hidden").textContent = t("search.label");
  field.placeholder = t(standRecord()?.kind === "stands" && !fromDisk() ? "search.stands" : "search.hint");
  const stands = standRows();
  const chosen = kept.findIndex(({ code }) => code === state.region);
  const listed = kept.slice(0, Math.max(state.listed, chosen + 1));
  renew(container.querySelector("ol"), stands, listed.map((row) => rankingRow(row, most, shown)));
  const rest = kept.length - listed.length;
  container.querySelector(".more").hidden = rest === 0;
  container.querySelector(".more").textContent = t("panel.more", { count: plain(rest) });
  container.querySelector(".empty").textContent = kept.length || stands.length ? "" : t("search.none");
}

// Up and down walk from the search field through the list and back.
function walk(container, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...container.querySelectorAll("ol button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  (next ?? container.querySelector("input")).focus();
  event.preventDefault();
}

// A list of thousands is shown as far as it is read.
const LISTED_AT_ONCE = 200;

// The list's frame stays, so that typing in the search field is never interrupted.
function buildRanking(container) {
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
    el("label", { class: "search" }, el("span", { class: "hidden" }), field),
    el("ol", {}),
    el("button", { class: "sort more", onclick: () => update({ listed: state.listed + LISTED_AT_ONCE }) }),
    el("p", { class: "empty", "aria-live": "polite" }));
  container.addEventListener("keydown", (event) => walk(container, event));
}
