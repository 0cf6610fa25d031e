// What is under the pointer: the values of every line of a chart at that place of its x axis.
for (const svg of document.querySelectorAll("svg[data-box]")) {
  const [x0, y0, x1, y1] = svg.dataset.box.split(",").map(Number);
  const [left, right] = svg.dataset.x.split(",").map(Number);
  const [low, high] = svg.dataset.y.split(",").map(Number);
  const log = svg.dataset.log === "1";
  const value = (y) => {
    const share = (y1 - y) / (y1 - y0);
    return log ? low * (high / low) ** share : low + share * (high - low);
  };
  const lines = [...svg.querySelectorAll("path[data-name]")].map((path) => ({
    name: path.dataset.name,
    points: [...path.getAttribute("d").matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map((m) => [+m[1], +m[2]]),
  }));
  const short = (v) => (Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : +v.toFixed(3));
  const figure = svg.closest("figure");
  const tip = figure.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cursor.setAttribute("class", "cursor");
  svg.append(cursor);
  const hide = () => { tip.hidden = true; cursor.removeAttribute("d"); };
  const show = (event) => {
    const frame = svg.getBoundingClientRect();
    const x = ((event.clientX - frame.left) * svg.viewBox.baseVal.width) / frame.width;
    if (x < x0 || x > x1) return hide();
    cursor.setAttribute("d", `M${x} ${y0}V${y1}`);
    const rows = [[svg.dataset.label, left + ((x - x0) / (x1 - x0)) * (right - left)]];
    for (const { name, points } of lines) {
      let best = null;
      for (const p of points) if (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p;
      if (best && Math.abs(best[0] - x) < 16) rows.push([name.split(",")[0], value(best[1])]);
    }
    tip.replaceChildren(...rows.map(([name, v]) =>
      Object.assign(document.createElement("div"), { textContent: `${name}: ${short(v)}` })));
    tip.hidden = false;
    const home = figure.getBoundingClientRect();
    const at = event.clientX - home.left;
    tip.style.left = `${at + 14 + tip.offsetWidth > home.width ? at - 14 - tip.offsetWidth : at + 14}px`;
    tip.style.top = `${Math.max(event.clientY - home.top - tip.offsetHeight - 8, 4)}px`;
  };
  svg.addEventListener("pointermove", show);
  svg.addEventListener("pointerdown", show);
  svg.addEventListener("pointerleave", hide);
}
