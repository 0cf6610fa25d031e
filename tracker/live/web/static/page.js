// The page of `conftrack live`. Whatever comes from cameras, classes or settings becomes text and
// never markup: elements are made by `h` and `s` only, and the server's headers forbid the rest.

const SVG = "http://www.w3.org/2000/svg";
const STATE_MS = 1000, PICTURE_MS = 125, WHAT_IF_MS = 5000, WAIT_MS = 6000, LATE_S = 1;

const $ = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));
const h = (name, props = {}, ...children) => {
  const element = Object.assign(document.createElement(name), props);
  element.append(...children);
  return element;
};
const s = (name, attributes = {}, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
};
// Only what differs is written, so that nothing flickers and screen readers stay calm.
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

// Nothing is certain; the space does not break.
const percent = (p) => (p >= 0.995 ? ">99\u00a0%" : p < 0.005 ? "<1\u00a0%" : `${Math.round(100 * p)}\u00a0%`);
const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
const misses = (n) => `${n.toLocaleString("en")} ${n === 1 ? "miss" : "misses"}`;
const lasting = (seconds) => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
};
const delay = (seconds) => seconds === null ? "–" : (seconds < 1 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(1)} s`);
const clock = (iso) => new Date(iso).toLocaleTimeString();

// Answers of the server; null where it has nothing to say.
async function ask(path, headers = {}) {
  const answer = await fetch(path, {
    headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(WAIT_MS),
  });
  if (answer.status === 401) location.assign("/login");
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 404) return null;
  throw new Error(`the server answers ${answer.status}`);
}
const asJson = async (path) => { const answer = await ask(path); return answer && answer.json(); };

// -- belief over time ---------------------------------------------------------------------------

function spark(tall = false) {
  const paths = {};
  const svg = s("svg", { class: tall ? "spark tall" : "spark", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const name of ["told", "belief", "hit", "miss", "wait"]) svg.append((paths[name] = s("path", { class: name })));
  const floor = s("path", { class: "floor" }), at = s("path", { class: "at" });
  svg.append(floor, at);
  let width = 1;
  const mark = (threshold) => at.setAttribute("d", `M0 ${30 - 30 * threshold}H${width}`);
  const bar = (i, p) => { const high = Math.max(0.6, 0.3 * p); return `M${i + 0.08} ${(30 - high).toFixed(1)}h.84V30h-.84z`; };
  const draw = ({ existence, earned, looks }, most) => {
    width = most;
    svg.setAttribute("viewBox", `0 0 ${most} 40`);
    floor.setAttribute("d", `M0 31H${most}`);
    const d = { told: "", belief: "", hit: "", miss: "", wait: "" };
    earned.forEach((e, i) => {
      d.belief += bar(i, e);
      if (existence[i] > e) d.told += bar(i, existence[i]);
      const kind = { h: "hit", m: "miss", w: "wait" }[looks[i]];
      if (kind) d[kind] += `M${i + 0.08} ${kind === "hit" ? 32.5 : 36}h.84v3.4h-.84z`;
    });
    for (const [name, path] of Object.entries(paths)) path.setAttribute("d", d[name]);
  };
  return { svg, draw, mark };
}

// -- cameras ------------------------------------------------------------------------------------

const cameras = [];
let threshold = null, setting = null;

class Row {
  constructor(camera, id) {
    this.name = h("span", { className: "what" });
    this.state = h("span", { className: "state" });
    this.value = h("span");
    this.score = h("small");
    this.spark = spark();
    this.button = h("button", { className: "object", type: "button" },
      h("span", { className: "name" }, this.name, this.state), this.spark.svg,
      h("span", { className: "value" }, this.value, this.score));
    this.button.dataset.track = id;
    this.button.addEventListener("click", () => openTrack(camera, id));
    this.element = h("li", {}, this.button);
  }

  show(object) {
    put(this.name, `${object.class} ${object.id}`);
    const gap = object.gap_s > 0.3 ? `, ${lasting(object.gap_s)} ago` : "";
    put(this.state, `${object.state}${gap}`);
    put(this.value, percent(object.existence));
    const earned = object.bars.earned.at(-1) ?? 0;
    put(this.score, Math.abs(100 * object.existence - earned) > 2 ? `earned ${earned}` : lasting(object.bars.seconds));
    this.button.classList.toggle("tentative", object.state === "tentative");
    this.element.classList.toggle("last", object.state === "tentative");
    this.button.title = `existence ${object.existence}, earned ${earned} %, score ${object.score}; ${count(object.hits, "hit")}, ${misses(object.misses)}, in ${lasting(object.bars.seconds)}`;
    this.spark.draw(object.bars, 48);
    if (threshold !== null) this.spark.mark(threshold);
  }
}

class Camera {
  constructor(number) {
    this.number = number;
    this.rows = new Map();
    this.title = h("h2");
    this.badge = h("span", { className: "badge" });
    this.tally = h("span", { className: "tally" });
    this.img = h("img", { alt: "" });
    this.word = h("p", { className: "word", hidden: true });
    this.screen = h("div", { className: "screen" }, this.img, this.word);
    this.facts = h("dl", { className: "facts" });
    this.list = h("ul", { className: "objects" });
    this.nothing = h("p", { className: "nothing" });
    this.element = h("article", { className: "camera" },
      h("div", { className: "top" }, this.title, this.badge, this.tally),
      h("div", { className: "inside" }, this.screen,
        h("div", {}, this.facts, this.list, this.nothing)));
    $("cameras").append(this.element);
    this.seen = true;
    this.some = false;
    this.captured = null;
    new IntersectionObserver((all) => { this.seen = all.at(-1).isIntersecting; }).observe(this.screen);
    this.watch();
  }

  // The next picture is asked for when the last one is here: a slow connection gets fewer.
  async watch() {
    let tag = "", url = "";
    for (;;) {
      const began = performance.now();
      try {
        if (this.some && this.seen && !document.hidden) {
          const answer = await ask(`/api/cameras/${this.number}/picture.jpg`, tag ? { "If-None-Match": tag } : {});
          if (answer && answer.status === 200) {
            tag = answer.headers.get("ETag") ?? "";
            // The way here counts as age too: it is never told younger than it is.
            this.captured = began - 1000 * Number(answer.headers.get("Picture-Age"));
            const before = url;
            url = URL.createObjectURL(await answer.blob());
            this.img.src = url;
            await this.img.decode().catch(() => {});
            if (before) URL.revokeObjectURL(before);
          }
        }
        await sleep(PICTURE_MS - (performance.now() - began));
      } catch { await sleep(1000); }
    }
  }

  show(of) {
    put(this.title, of.camera);
    put(this.badge, of.state);
    this.badge.className = `badge ${of.state}`;
    this.element.classList.toggle("off", !of.well);
    this.element.dataset.state = of.state;
    this.img.alt = `${of.camera}, with ${count(of.objects.length, "object")} drawn in`;
    this.some = of.size !== null;
    if (of.size) this.screen.style.aspectRatio = `${of.size[0]} / ${of.size[1]}`;
    const never = of.since_look_s === null;
    const since = never ? (of.size ? "not looked at yet" : "no picture yet") : `last looked ${lasting(of.since_look_s)} ago`;
    this.word.hidden = of.well && !never && !(of.state === "up" && of.since_look_s > LATE_S);
    put(this.word, [of.state, since, of.why].filter(Boolean).join(": "));
    const { confirmed = 0, coasting = 0, tentative = 0, lost = 0 } = of.tracks;
    put(this.tally, `${confirmed + coasting + lost} believed, ${tentative} tentative`);
    this.showFacts(of);
    const alive = new Set();
    for (const object of of.objects) {
      alive.add(object.id);
      let row = this.rows.get(object.id);
      if (!row) {
        row = new Row(this, object.id);
        this.rows.set(object.id, row);
        this.list.append(row.element);
      }
      row.show(object);
    }
    for (const [id, row] of this.rows) if (!alive.has(id)) { row.element.remove(); this.rows.delete(id); }
    this.nothing.hidden = of.objects.length > 0 && !of.more;
    put(this.nothing, of.more ? `and ${of.more} more, believed less` : "No objects.");
  }

  showFacts(of) {
    const unlooked = Object.values(of.not_looked).reduce((a, b) => a + b, 0);
    const faults = of.decode_errors + of.detector_errors;
    // Of the one that is shown; where none was fetched, of the one that there is.
    const shown = this.captured !== null && this.seen ? (performance.now() - this.captured) / 1000 : of.picture_age_s;
    const age = of.picture_age_s === null ? null : shown;
    const facts = [
      ["looked at", `${of.fps_looked.toFixed(1)} of ${of.fps_in.toFixed(1)} fps`],
      ["picture", age === null ? "–" : `${lasting(age)} old`, of.state === "up" && age > LATE_S],
      ["delay", delay(of.latency_s.p50)],
      ["delay (95 %)", delay(of.latency_s.p95)],
      ["left out", (of.dropped + of.skipped).toLocaleString("en")],
      ["nothing new", unlooked.toLocaleString("en")],
      ["reconnects", String(of.reconnects), of.reconnects > 0],
      ["errors", String(faults), faults > 0],
    ];
    facts.forEach(([name, value, bad], i) => {
      let cell = this.facts.children[i];
      if (!cell) this.facts.append((cell = h("div", {}, h("dt"), h("dd"))));
      put(cell.children[0], name);
      put(cell.children[1], value);
      cell.classList.toggle("bad", Boolean(bad));
    });
    this.facts.title = of.source;
  }
}

function showState(state) {
  setting = state.confirm_at;
  if (threshold === null) { $("confirm").value = setting; $("confirm").disabled = false; threshold = setting; }
  for (const of of state.cameras) (cameras[of.number] ??= new Camera(of.number)).show(of);
  put($("status"), `${clock(state.time)} · ${state.detector.name}, ${Math.round(state.detector.ms_per_frame)} ms a frame`);
  $("log-out").hidden = !state.log_out;
  const troubles = state.outlets.filter((o) => o.trouble).map((o) => `${o.outlet}: ${o.trouble} (${o.waiting} waiting)`);
  if (!state.alive) troubles.unshift("The detector gives no sign of life.");
  $("trouble").hidden = !troubles.length;
  put($("trouble"), troubles.join("; "));
  put($("foot"), `Run ${state.run}. The number is existence, the probability that the object is real; the bars are its past: solid what was earned over time, which states and the threshold go by, light what the frame itself adds. Under them hits and, lower, misses.`);
}

async function keepState() {
  for (let silent = 0; ; ) {
    try {
      if (!document.hidden) showState(await asJson("/api/state"));
      silent = 0;
    } catch (error) {
      if (++silent >= 2) {
        $("trouble").hidden = false;
        put($("trouble"), `No answer from conftrack (${error.message}). What is shown is old.`);
        for (const camera of cameras) camera.element.classList.add("off");
      }
    }
    await sleep(STATE_MS);
  }
}

// -- where to confirm ---------------------------------------------------------------------------

let lately = [];

const confirmedAt = (value) => lately.filter((track) => track.peak >= value);

function showThreshold() {
  if (threshold === null) return;
  put($("confirm-value"), threshold.toFixed(2));
  for (const camera of cameras) for (const row of camera.rows.values()) row.spark.mark(threshold);
  const now = confirmedAt(setting).length, then = confirmedAt(threshold).length;
  const moved = Math.abs(threshold - setting) > 0.0005;
  const more = then - now;
  const change = more > 0 ? `${more} more` : more < 0 ? `${-more} fewer` : "no difference";
  $("effect").replaceChildren(
    h("b", { textContent: count(then, "object") }), ` confirmed in the last hour at ${threshold.toFixed(2)}`,
    moved ? `; ${now} as it is set (${setting.toFixed(2)}): ${change}.` : ", as it is set.");
  $("to-keep").hidden = !moved;
  put($("to-keep").querySelector("code"), `[existence] confirm_at = ${threshold.toFixed(2)}`);
  showCurve();
  showClasses();
  showChanges(moved);
}

function showCurve() {
  const left = 40, right = 590, top = 8, bottom = 104;
  const most = Math.max(1, lately.length);
  const x = (value) => left + (right - left) * value, y = (n) => bottom - ((bottom - top) * n) / most;
  const steps = Array.from({ length: 100 }, (_, i) => i / 100);
  const d = steps.map((value, i) => `${i ? "L" : "M"}${x(value).toFixed(1)} ${y(confirmedAt(value).length).toFixed(1)}`).join("");
  const line = (name, value) => s("path", { class: name, d: `M${x(value)} ${top}V${bottom}` });
  $("curve").replaceChildren(
    s("path", { class: "axis", d: `M${left} ${bottom}H${right}` }),
    ...[0, 0.25, 0.5, 0.75, 1].map((v) => s("text", { x: x(v), y: 124, "text-anchor": v === 1 ? "end" : "middle" }, String(v))),
    s("text", { x: left - 6, y: top + 8, "text-anchor": "end" }, String(lately.length)),
    s("text", { x: left - 6, y: bottom, "text-anchor": "end" }, "0"),
    line("set", setting), line("here", threshold), s("path", { class: "line", d }),
    s("circle", { cx: x(threshold), cy: y(confirmedAt(threshold).length), r: 5 }));
}

function showClasses() {
  const names = [...new Set(lately.map((track) => track.class))].sort();
  $("by-class").hidden = names.length < 2;
  const of = (name, value) => lately.filter((t) => t.class === name && t.peak >= value).length;
  $("by-class").querySelector("tbody").replaceChildren(...names.map((name) => {
    const before = of(name, setting), then = of(name, threshold);
    return h("tr", {}, h("td", { textContent: name }), h("td", { textContent: before }),
      h("td", { textContent: then, className: then > before ? "plus" : then < before ? "minus" : "" }));
  }));
}

let drawn = "";
function showChanges(moved) {
  const [low, high] = threshold < setting ? [threshold, setting] : [setting, threshold];
  const changed = moved ? lately.filter((t) => t.peak >= low && t.peak < high) : [];
  changed.sort((a, b) => b.peak - a.peak);
  const key = `${threshold < setting} ${changed.map((t) => `${t.camera}/${t.id}/${t.crop}`).join()}`;
  if (key === drawn) return;
  drawn = key;
  $("changes-title").hidden = !changed.length;
  put($("changes-title"), threshold < setting ? "These would be confirmed too" : "These would not be confirmed");
  $("changes").replaceChildren(...changed.slice(0, 24).map((track) => {
    const frame = h("span", { className: "frame" });
    if (track.crop) frame.append(h("img", { alt: "", loading: "lazy", src: `/api/cameras/${track.camera}/tracks/${track.id}/crop.jpg` }));
    else frame.append("no picture");
    const button = h("button", { className: "crop", type: "button" }, frame, `${track.class} ${track.id}, ${percent(track.peak)}`);
    button.addEventListener("click", () => cameras[track.camera] && openTrack(cameras[track.camera], track.id));
    return button;
  }), changed.length > 24 ? h("p", { className: "soft", textContent: `and ${changed.length - 24} more` }) : "");
}

$("confirm").addEventListener("input", () => { threshold = Number($("confirm").value); showThreshold(); });
$("confirm-back").addEventListener("click", () => { threshold = setting; $("confirm").value = setting; showThreshold(); });

async function keepWhatIf() {
  for (;;) {
    try {
      if (!document.hidden) { lately = (await asJson("/api/what-if")).tracks; showThreshold(); }
    } catch { /* told by keepState */ }
    await sleep(setting === null || !lately.length ? 1000 : WHAT_IF_MS);
  }
}

// -- one track ----------------------------------------------------------------------------------

let opened = 0;

async function openTrack(camera, id) {
  const mine = ++opened;
  const body = $("track-body"), chart = spark(true);
  const facts = h("p"), classes = h("p", { className: "soft" }), over = h("p", { className: "soft" });
  const best = h("img", { alt: "its best picture" }), last = h("img", { alt: "as it looks now" });
  const shots = h("div", { className: "shots" },
    h("figure", { hidden: true }, h("div", { className: "frame" }, best), "its best picture"),
    h("figure", { hidden: true }, h("div", { className: "frame" }, last), "now"));
  const lines = h("tbody"), sum = h("p", { className: "soft" });
  const head = h("tr", {}, ...["Time", "What", "Confidence", "Log-odds", "Existence"].map((t) => h("th", { textContent: t })));
  body.replaceChildren(facts, classes, shots, chart.svg, over,
    h("p", { className: "legend" }, ...[["belief", "earned over time: states and thresholds go by it"], ["told", "existence, with what the frame itself shows"], ["hit", "hit"], ["miss", "miss"], ["wait", "nobody looked"]]
      .map(([className, textContent]) => h("span", { className, textContent }))),
    h("h3", { textContent: "Why it is believed, or not" }), sum,
    h("div", { className: "scroll" }, h("table", {}, h("thead", {}, head), lines)));
  put($("track-title"), `Track ${id}`);
  if (!$("track").open) $("track").showModal();
  const path = `/api/cameras/${camera.number}/tracks/${id}`;
  const shoot = (img, there, source) => {
    img.closest("figure").hidden = !there;
    if (there && img.dataset.source !== source) { img.dataset.source = source; img.src = source; }
  };
  for (let round = 0; mine === opened && $("track").open; round++) {
    try {
      const track = await asJson(path);
      if (mine !== opened) return;
      if (!track) { put(facts, "This track is not remembered any more."); return; }
      show(track, round);
      if (!track.alive) return;
    } catch { /* told by keepState */ }
    await sleep(STATE_MS);
  }

  function show(track, round) {
    put($("track-title"), `${track.class ?? "track"} ${id}, ${track.camera}`);
    put(facts, track.alive
      ? `${track.state}: exists with ${percent(track.existence)}; in its box now with ${percent(track.score)}.`
      : `Gone. ${track.peak === undefined ? "" : `It had earned ${percent(track.peak)} at most.`}`);
    const likely = Object.entries(track.classes ?? {}).sort((a, b) => b[1] - a[1]);
    put(classes, likely.length > 1 ? likely.map(([name, p]) => `${name} ${percent(p)}`).join(", ") : "");
    shoot(best, track.crop, `${path}/crop.jpg`);
    shoot(last, track.alive, `${path}/crop.jpg?now=1&round=${round}`);
    if (track.bars) {
      chart.draw(track.bars, 160);
      chart.mark(threshold ?? 0);
      put(over, `${clock(track.first)} to ${clock(track.last)}, ${lasting(track.bars.seconds)}. The dashed line is the threshold of the slider.`);
    }
    const e = track.evidence;
    put(sum, track.ledger.length
      ? `${count(e.hits, "hit")} added ${e.hits_weight}, ${misses(e.misses)} ${e.misses_weight}, ${e.not_looked} times nobody looked, in ${lasting(e.seconds)}; best confidence ${e.best_confidence}. The newest first:`
      : "What was weighed is not kept for so long.");
    const newest = track.ledger[0]?.t ?? 0;
    lines.replaceChildren(...track.ledger.map((line) => h("tr", {},
      h("td", { textContent: line.t === newest ? "last" : `−${(newest - line.t).toFixed(1)} s` }),
      h("td", { textContent: line.event.replace("_", " ") }),
      h("td", { textContent: line.confidence === null ? "" : line.confidence.toFixed(2) }),
      h("td", { textContent: line.weight === 0 ? "" : `${line.weight > 0 ? "+" : "−"}${Math.abs(line.weight).toFixed(2)}`, className: line.weight > 0 ? "plus" : line.weight < 0 ? "minus" : "" }),
      h("td", { textContent: percent(line.existence) }))));
  }
}

$("track-close").addEventListener("click", () => $("track").close());
$("track").addEventListener("click", (event) => { if (event.target === $("track")) $("track").close(); });
$("track").addEventListener("close", () => { opened++; });

keepState();
keepWhatIf();
