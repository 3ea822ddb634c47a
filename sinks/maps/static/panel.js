// The left panel: title, units, headline, sources; and the map's own legal line.

const LANGUAGES = [["zh", "中文", "zh-CN"], ["en", "English", "en"]];
const unitChoices = (units) => Object.keys(units).map((id) => [id, t(`unit.${id}`)]);
const stamp = () => (data.study.synthetic ? el("p", { class: "stamp" }, t("synthetic")) : null);

function renderHead(container) {
  const { study } = data;
  const years = `${study.years[0]}–${study.years[study.years.length - 1]}`;
  const speak = (language) => update({ language });
  renew(container,
    el("div", { class: "brand" },
      el("span", {}, t("brand")),
      toggle("language", LANGUAGES, state.language, t("choose.language"), speak)),
    el("h1", {}, study.title),
    el("p", { class: "lead" }, t("lead", { count: plain(data.codes.length), years })),
    study.merged ? el("p", { class: "note" }, t("merged", { count: plain(study.merged) })) : null,
    stamp(),
    el("div", { class: "picks" },
      select("carbon", unitChoices(CARBON), state.carbon, t("choose.carbon"), (carbon) => update({ carbon })),
      select("area", unitChoices(AREA), state.area, t("choose.area"), (area) => update({ area }))));
}

function figure(title, value, range, mark) {
  return el("div", { class: "kpi" },
    el("h2", {}, title),
    el("p", { class: "figure" }, value, " ", mark),
    el("p", { class: "range" }, range));
}

function renderFigures(container) {
  const year = yearOf(data.whole);
  const change = changeOf(data.whole);
  const signed = { signed: true };
  const blocks = [figure(t("card.stock", { year: state.year }),
    quantity(year.stock, "carbon"), interval(year.low, year.high, "carbon"))];
  if (change.change !== undefined) {
    blocks.push(figure(t("card.change", { period: periodText(state.period) }),
      quantity(change.change, "carbon", signed),
      interval(change.low, change.high, "carbon", signed), detectability(change)));
  }
  renew(container, blocks);
}

const approvalText = () => (data.study.approval
  ? t("approval.number", { number: data.study.approval })
  : t("approval.none"));

// On the map itself: what it is not, or by whose leave it is shown.
function renderCorner(container) {
  const words = [data.study.synthetic ? t("synthetic") : "", approvalText()];
  if (state.base) words.push(t("basemap", { attribution: data.basemap.attribution ?? t("tianditu") }));
  container.textContent = words.filter(Boolean).join("  ·  ");
}

function inputLine({ role, path, licence, sha256 }) {
  return el("li", {},
    el("strong", {}, role?.[state.language] ?? ""), ` ${path ?? ""}`, licence ? ` · ${licence}` : null,
    sha256 ? el("code", {}, ` sha256 ${sha256.slice(0, 12)}`) : null);
}

function methodText() {
  const { study } = data;
  const values = { level: plain(study.level * 100), draws: plain(study.draws), seed: study.seed };
  return [
    t("method.equation"),
    t(study.draws > 1 ? "method.uncertainty" : "method.no_uncertainty", values),
    t("method.pools", { pools: names("pool", study.pools), legend: study.legend }),
    basisText(),
    t("method.shared"),
  ];
}

function downloads() {
  if (!data.downloads?.length) return null;
  const link = (address) => el("a", { href: address, download: true }, address.slice(5));
  const links = data.downloads.map((address) => el("li", {}, link(address)));
  return el("details", {}, el("summary", {}, t("panel.downloads")), el("ul", {}, links));
}

function renderSources(container) {
  const open = container.querySelector("details")?.open;
  renew(container,
    el("p", { class: "approval" }, approvalText()),
    stamp(),
    el("details", { open },
      el("summary", { "data-key": "sources" }, t("panel.sources")),
      methodText().map((sentence) => el("p", {}, sentence)),
      el("ul", { class: "inputs" }, data.inputs.map(inputLine))),
    downloads(),
    el("p", { class: "made" }, t("made", { version: data.study.version, leaflet: L.version })));
}
