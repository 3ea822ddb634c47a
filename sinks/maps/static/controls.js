// The bar above the map: what it shows, of which year, and the zoom buttons.

function toggle(key, choices, current, label, choose) {
  return el("div", { class: "toggle", role: "group", "aria-label": label },
    choices.map(([value, words, lang]) => el("button", {
      "data-key": `${key}-${value}`, "aria-pressed": String(value === current), lang: lang ?? null,
      onclick: () => choose(value),
    }, words)));
}

function select(key, choices, current, label, choose) {
  const options = choices.map(([value, words]) => el("option", { value, selected: value === current }, words));
  return el("label", { class: "pick" }, el("span", {}, label),
    el("select", { "data-key": key, onchange: (event) => choose(event.target.value) }, options));
}

// The slider's own redraw is left out, or it would slip from the finger; its years are buttons, too.
function yearSlider(years, label) {
  const marks = years.map((year) => el("button", {
    "data-key": `year-${year}`, "aria-pressed": String(year === state.year), onclick: () => update({ year }),
  }, String(year)));
  const words = el("output", {}, String(state.year));
  const slide = (event) => {
    const year = years[event.target.value];
    words.textContent = String(year);
    event.target.setAttribute("aria-valuetext", String(year));
    for (const mark of marks) mark.setAttribute("aria-pressed", String(mark.textContent === String(year)));
    update({ year }, { keep: "controls" });
  };
  const input = el("input", {
    type: "range", min: 0, max: years.length - 1, value: years.indexOf(state.year), "data-key": "year",
    "aria-label": label, "aria-valuetext": String(state.year), oninput: slide,
  });
  const few = years.length <= 6;
  return el("div", { class: few ? "years" : "years many" }, few ? null : words,
    el("div", { class: "track" }, input, few ? el("div", { class: "marks" }, marks) : null));
}

function yearChoice() {
  const years = layer().picture ? pictureYears() : data.study.years;
  return years.length < 2 ? null : yearSlider(years, t("choose.year"));
}

function periodChoice() {
  const choices = data.study.periods.map((period) => [period, periodText(period)]);
  if (choices.length < 2) return null;
  const make = choices.length > 4 ? select : toggle;
  return make("period", choices, state.period, t("choose.period"), (period) => update({ period }));
}

function targetChoice() {
  const titles = shareTargets().map(targetTitle);
  const choices = shareTargets().map(({ name }, i) => (
    [name, titles.filter((title) => title === titles[i]).length > 1 ? `${titles[i]} (${name})` : titles[i]]));
  if (choices.length < 2) return null;
  return select("target", choices, state.target, t("choose.target"), (target) => update({ target }));
}

function compareChoice() {
  if (!layer().picture || layer().choose !== "year" || pictureYears().length < 2) return null;
  const others = pictureYears().filter((year) => year !== state.year).map((year) => [year, String(year)]);
  const against = (year) => update({ against: Number(year) });
  return el("div", { class: "check" },
    el("label", {}, el("input", {
      type: "checkbox", "data-key": "compare", checked: state.compare,
      onchange: (event) => update({ compare: event.target.checked }),
    }), " ", el("span", {}, t("choose.compare"))),
    state.compare && others.length > 1 ? select("against", others, state.against, t("choose.against"), against) : null);
}

function layerChips(ids) {
  return ids.map((id) => el("label", { class: "chip" },
    el("input", {
      type: "radio", name: "layer", value: id, "data-key": `layer-${id}`, checked: id === state.layer,
      onchange: () => update({ layer: id }),
    }),
    el("span", {}, layerName(id))));
}

function renderControls(container) {
  const time = { year: yearChoice, period: periodChoice, target: targetChoice }[layer().choose]();
  const scrolled = [...container.querySelectorAll("fieldset")].map((row) => row.scrollLeft);
  container.setAttribute("aria-label", t("choose.layer"));
  renew(container,
    el("div", { class: "layers" }, Object.entries(groups).map(([group, ids]) => {
      const chips = layerChips(ids.filter((id) => offered().includes(id)));
      return chips.length ? el("fieldset", {}, el("legend", {}, t(`group_of_layers.${group}`)), chips) : null;
    })),
    el("div", { class: "times" }, time, compareChoice()));
  container.querySelectorAll("fieldset").forEach((row, i) => { row.scrollLeft = scrolled[i] ?? 0; });
}

const ICONS = {
  in: "M3 9h12M9 3v12",
  out: "M3 9h12",
  reset: "M9 3.5L15 8.5M9 3.5L3 8.5M5 7.5V14.5H13V7.5",
  full: "M3 7V3h4M11 3h4v4M15 11v4h-4M7 15H3v-4",
  measure: "M2 11L11 2L16 7L7 16ZM5 8L7 10M8 5L10 7",
  print: "M5 7V3h8v4M5 12H3V7h12v5h-2M5 10.5h8V15H5Z",
  base: "M2 5L7 3L11 5L16 3V13L11 15L7 13L2 15ZM7 3V13M11 5V15",
};

function renderTools(container, actions) {
  const pressed = { measure: state.measuring, base: state.base };
  renew(container, Object.entries(actions).map(([key, act]) => el("button",
    {
      "data-key": key, title: t(`tool.${key}`), "aria-label": t(`tool.${key}`), onclick: act,
      "aria-pressed": key in pressed ? String(pressed[key]) : null,
    },
    svg("svg", { viewBox: "0 0 18 18", width: 18, height: 18, "aria-hidden": "true" },
      svg("path", { d: ICONS[key] })))));
}
