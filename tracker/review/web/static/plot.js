// Belief in a track over time: existence, score, confidence; hits and misses; where the clip is.

const SVG = "http://www.w3.org/2000/svg";
const HIGH = 190, LEFT = 34, RIGHT = 8, TOP = 8, FOOT = 44;

const s = (name, attributes = {}, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};

// Steps of 1, 2 or 5, about so many.
const steps = (from, to, about) => {
  const rough = (to - from) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const found = [];
  for (let t = Math.ceil(from / step) * step; t <= to + 1e-9; t += step) found.push(t);
  return { found, digits: step < 1 ? (step < 0.1 ? 2 : 1) : 0 };
};

export class Plot {
  constructor(svg) {
    this.svg = svg;
    this.track = null;
    this.head = s("line", { class: "head" });
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  show(track) {
    this.track = track;
    this.head.setAttribute("visibility", "hidden");   // until the clip plays
    const { existence } = track.series;
    this.svg.setAttribute("aria-label",
      `Existence from ${track.first_s.toFixed(1)} to ${track.last_s.toFixed(1)} s: begins at ${existence[0].toFixed(2)}, ` +
      `at most ${Math.max(...existence).toFixed(2)}, ends at ${existence.at(-1).toFixed(2)}`);
    this.draw();
  }

  draw() {
    const { svg, track } = this, wide = svg.clientWidth;
    if (!track || !wide) return;
    svg.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
    const { t, existence, score, confidence, looks } = track.series;
    const half = t.length > 1 ? (t.at(-1) - t[0]) / (t.length - 1) / 2 : 0.05;
    const from = Math.min(t[0] - half, track.clip_s[0]), to = Math.max(t.at(-1) + half, track.clip_s[1]);
    const x = (v) => LEFT + ((wide - LEFT - RIGHT) * (v - from)) / (to - from);
    const y = (p) => TOP + (HIGH - TOP - FOOT) * (1 - p);
    this.x = x;
    const parts = [];
    parts.push(s("rect", { class: "clip", x: x(track.clip_s[0]), y: TOP, width: Math.max(2, x(track.clip_s[1]) - x(track.clip_s[0])), height: HIGH - TOP - FOOT }));
    for (const p of [0, 0.5, 1]) {
      parts.push(s("path", { class: p ? "grid" : "edge", d: `M${LEFT} ${y(p)}H${wide - RIGHT}` }));
      parts.push(s("text", { x: LEFT - 6, y: y(p) + 4, class: "end" }, p === 0.5 ? ".5" : String(p)));
    }
    const line = (values) => values.map((p, i) => `${i ? "L" : "M"}${x(t[i]).toFixed(1)} ${y(p).toFixed(1)}`).join("");
    // A life of one frame is a point: a short dash stands for it.
    const wideEnough = (values) => (t.length > 1 ? line(values) : `M${x(t[0]) - 4} ${y(values[0])}h8`);
    if (t.length > 1) parts.push(s("path", { class: "area", d: `${line(existence)}L${x(t.at(-1)).toFixed(1)} ${y(0)}L${x(t[0]).toFixed(1)} ${y(0)}Z` }));
    const dots = confidence.map((p, i) => (p === null ? "" : `M${x(t[i]).toFixed(1)} ${y(p).toFixed(1)}h0`)).join("");
    parts.push(s("path", { class: "confidence", d: dots }), s("path", { class: "score", d: wideEnough(score) }), s("path", { class: "existence", d: wideEnough(existence) }));
    // Each look reaches half way to its neighbours; where there is room, with a gap between.
    const marks = { h: "", m: "" };
    const edge = (i) => x(i <= 0 ? t[0] - half : i >= t.length ? t.at(-1) + half : (t[i - 1] + t[i]) / 2);
    [...looks].forEach((look, i) => {
      if (marks[look] === undefined) return;
      const left = edge(i), wide = edge(i + 1) - left, w = Math.max(1, wide > 4 ? wide - 1 : wide);
      marks[look] += `M${left.toFixed(1)} ${HIGH - FOOT + (look === "h" ? 6 : 14)}h${w.toFixed(1)}v6h-${w.toFixed(1)}z`;
    });
    parts.push(s("path", { class: "hit", d: marks.h }), s("path", { class: "miss", d: marks.m }));
    const { found, digits } = steps(from, to, Math.max(2, wide / 90));
    for (const v of found) {
      const name = x(v) > wide - 24 ? "end" : "mid";
      parts.push(s("text", { x: name === "end" ? wide - 2 : x(v), y: HIGH - 4, class: name }, `${v.toFixed(digits)} s`));
    }
    this.head.setAttribute("y1", TOP);
    this.head.setAttribute("y2", HIGH - FOOT + 20);
    svg.replaceChildren(...parts, this.head);
  }

  // Where the clip is now, s of the video.
  at(seconds) {
    if (!this.track || !this.x) return;
    const x = this.x(Math.min(seconds, this.track.clip_s[1]));
    this.head.setAttribute("visibility", "visible");
    this.head.setAttribute("x1", x);
    this.head.setAttribute("x2", x);
  }
}
