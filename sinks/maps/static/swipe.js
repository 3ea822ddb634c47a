// Two land-cover years side by side: the later one is shown right of a handle.

function makeSwipe(map) {
  const stage = map.getContainer();
  const [before, after] = [el("span", {}), el("span", {})];
  const handle = el("div", {
    class: "swipe", role: "slider", tabindex: "0", "aria-valuemin": "0", "aria-valuemax": "100", hidden: true,
  }, before, el("i", {}, "↔"), after);
  let part = 0.5;
  stage.append(handle);
  L.DomEvent.disableClickPropagation(handle);

  function clip() {
    const pane = map.getPane("sinks-right");
    if (handle.hidden) {
      pane.style.clipPath = "";
      return;
    }
    const size = map.getSize();
    const from = map.containerPointToLayerPoint([size.x * part, 0]);
    const to = map.containerPointToLayerPoint([size.x, size.y]);
    const corners = [[from.x, from.y], [to.x, from.y], [to.x, to.y], [from.x, to.y]];
    pane.style.clipPath = `polygon(${corners.map(([x, y]) => `${x}px ${y}px`).join(",")})`;
    handle.style.left = `${part * 100}%`;
    handle.setAttribute("aria-valuenow", String(Math.round(part * 100)));
  }

  function move(to) {
    part = Math.min(0.98, Math.max(0.02, to));
    clip();
  }

  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", (event) => {
    const box = stage.getBoundingClientRect();
    if (handle.hasPointerCapture(event.pointerId)) move((event.clientX - box.left) / box.width);
  });
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!step) return;
    move(part + step);
    event.stopPropagation();
  });
  map.on("move zoomend resize", clip);

  return {
    show(left, right) {
      handle.hidden = right === undefined;
      before.textContent = String(left ?? "");
      after.textContent = String(right ?? "");
      handle.setAttribute("aria-label", t("swipe.label"));
      clip();
    },
  };
}
