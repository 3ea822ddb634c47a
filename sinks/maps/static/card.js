// The county card: every number of one region, with its interval and where it comes from.

function section(title, ...children) {
  const shown = children.flat().filter((child) => child);
  return shown.length ? el("section", {}, el("h3", {}, title), shown) : null;
}

function line(label, ...value) {
  return el("div", { class: "line" }, el("dt", {}, label), el("dd", {}, value));
}

function badge(kind, words) {
  return el("span", { class: `badge ${kind}` }, words);
}

// Detectable, not detectable, or nothing where one draw leaves nothing to test.
function detectability({ detectable }) {
  if (detectable === null || detectable === undefined) return null;
  return detectable ? badge("sure", t("card.detectable")) : badge("unsure", t("card.undetectable"));
}

function stockSection(region) {
  const { stock = null, low, high } = region.years[state.year] ?? {};
  if (stock === null) return section(t("card.stock", { year: state.year }), el("p", {}, t("card.no_data")));
  return section(t("card.stock", { year: state.year }),
    el("p", { class: "figure" }, quantity(stock, "carbon")),
    el("p", { class: "range" }, interval(low, high, "carbon")),
    pathChart(region));
}

function changeSection(region) {
  const change = changeOf(region);
  if ((change.change ?? null) === null) return null;
  const signed = { signed: true };
  return section(t("card.change", { period: periodText(state.period) }),
    el("p", { class: "figure" }, quantity(change.change, "carbon", signed), " ", detectability(change)),
    el("p", { class: "range" }, interval(change.low, change.high, "carbon", signed)),
    causes(region, change));
}

// A target of which the region has a share of its own: what it asks here, and how far that is reached.
function duty(target, own) {
  const chance = own.probability === null ? null : line(t("card.probability"),
    el("data", { value: own.probability }, probability(own.probability)), " ",
    badge(own.verdict, t(`verdict.${own.verdict || "none"}`)));
  return el("div", { class: "goal" },
    el("p", { class: "what" }, targetTitle(target)),
    el("dl", {},
      line(t("card.achieved"), targetQuantity(own.achieved, target, { signed: CHANGES.has(target.kind) })),
      line(t("card.required"), targetQuantity(own.required, target)),
      own.share === null ? null : line(t("card.share"), quantity(own.share, "percent")),
      chance));
}

// The other targets: what the region has, and what it adds to the whole.
function contributions(targets, region) {
  if (!targets.length) return null;
  const cell = (target) => {
    const own = region.targets[target.name];
    const part = own.part ?? null;
    return el("tr", {},
      el("td", {}, targetTitle(target)),
      el("td", {}, targetQuantity(own.achieved, target, { signed: CHANGES.has(target.kind) })),
      el("td", {}, part === null ? "–" : quantity(part, "percent", { digits: 2, exact: false })));
  };
  return [
    el("table", { class: "parts" },
      el("thead", {}, el("tr", {},
        ["card.without_share", "card.achieved", "card.part"].map((key) => el("th", { scope: "col" }, t(key))))),
      el("tbody", {}, targets.map(cell))),
    el("p", { class: "range" }, t("card.no_share_rule")),
  ];
}

function targetSection(region) {
  const known = data.targets.filter((target) => (region.targets[target.name]?.achieved ?? null) !== null);
  const asked = (target) => region.targets[target.name].required !== null;
  return section(t("card.targets"),
    known.filter(asked).map((target) => duty(target, region.targets[target.name])),
    contributions(known.filter((target) => !asked(target)), region));
}

function movesSection(region) {
  const rows = region.moves[state.period] ?? [];
  if (rows.length === 0) return null;
  const head = [t("card.move"), measure("area").unit, measure("carbon").unit];
  const [hectares, tonnes] = [["area", 2], ["carbon", 3]].map(([dimension, at]) => (
    { bare: true, decimals: decimalsOf(rows.map((row) => row[at]), dimension) }));
  return section(t("card.moves", { period: periodText(state.period) }), el("table", {},
    el("thead", {}, el("tr", {}, head.map((words) => el("th", { scope: "col" }, words)))),
    el("tbody", {}, rows.map(([from, to, area, change]) => el("tr", {},
      el("td", {}, `${stratumName(from)} → ${stratumName(to)}`),
      el("td", {}, quantity(area, "area", hectares)),
      el("td", {}, quantity(change, "carbon", { ...tonnes, signed: true })))))));
}

function groupArea(region, key) {
  const [first, last] = [data.study.years[0], data.study.years[data.study.years.length - 1]];
  const [before, after] = [first, last].map((year) => region.years[year]?.[key]);
  return line(t(`card.${key}`), quantity(before, "area", { bare: true }), " → ", quantity(after, "area"));
}

function areaSection(region) {
  return section(t("card.areas"), el("dl", {},
    groupArea(region, "forest"),
    groupArea(region, "wetland"),
    line(t("card.region"), quantity(region.area, "area")),
    line(t("card.shared"), quantity(region.shared, "area"))));
}

// The table's own place with its interval where it has one, else the place in the list.
function rankText(code, { values }) {
  const place = placeOf(code);
  if (place) {
    const { rank, low, high, of } = place;
    const level = plain(data.study.level * 100);
    const places = Object.fromEntries(Object.entries({ rank, low, high, count: of }).map(([id, n]) => [id, plain(n)]));
    return t("card.rank_interval", { layer: layerName(), level, ...places });
  }
  const row = ranking(values).find((item) => item.code === code);
  const count = [...values.values()].filter((value) => value !== null).length;
  if (!row?.rank || count === 1) return null;
  return t("card.rank", { layer: valueName(), rank: plain(row.rank), count: plain(count) });
}

const basisText = () => t(data.study.areaBasis === "map" ? "basis.map" : "basis.estimated");

function cardHead(region, shown) {
  const close = t("card.close");
  return el("header", {},
    el("div", {},
      el("h2", { id: "sinks-card-title", tabindex: "-1" }, region.name || state.region),
      el("p", { class: "where" }, [state.region, ...region.parents].join(" · ")),
      el("p", { class: "rank" }, rankText(state.region, shown))),
    el("button", {
      class: "close", "data-key": "close", "aria-label": close, title: close,
      onclick: () => update({ region: null }),
    }, "×"));
}

// On a site every region has a page of its own, with an address that stays.
function pageLink() {
  const address = data.pages?.[state.region];
  return address ? el("p", { class: "note" }, el("a", { href: address }, t("card.page"))) : null;
}

function renderCard(container, shown) {
  if (state.stand) {
    renderStand(container, state.stand);
    return;
  }
  container.removeAttribute("data-stand");
  const region = regions.get(state.region);
  const same = container.dataset.region === state.region;
  const scrolled = same ? container.querySelector(".scroll").scrollTop : 0;
  container.hidden = !region;
  if (!region) {
    container.removeAttribute("data-region");
    container.replaceChildren();
    return;
  }
  container.setAttribute("data-region", state.region);
  renew(container, cardHead(region, shown), el("div", { class: "scroll" },
    stockSection(region), changeSection(region), targetSection(region),
    section(t("card.composition", { year: state.year }), composition(region)),
    whySection(region), movesSection(region), areaSection(region),
    pageLink(), data.brief ? el("p", { class: "note" }, t("card.brief")) : null,
    el("p", { class: "note" }, basisText())));
  container.querySelector(".scroll").scrollTop = scrolled;
}
