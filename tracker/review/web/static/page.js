// The page of `conftrack review`. Whatever comes from runs, classes or reviewers becomes text and
// never markup: elements are made by `h` and in plot.js only, and the server's headers forbid the
// rest.

import { asAddress, asJson, Outbox } from "/static/server.js";
import { Plot } from "/static/plot.js";

const AHEAD = 3, KEPT = 12, CUTTING_MS = 700, TIMES = 3;
const ANEW = "conftrack-another-run";
const GLANCE_S = 0.15;               // nobody has looked before: a key that bounced

const $ = (id) => document.getElementById(id);
const h = (name, props = {}, ...children) => {
  const element = Object.assign(document.createElement(name), props);
  element.append(...children);
  return element;
};
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const percent = (p) => (p >= 0.995 ? ">99\u00a0%" : p < 0.005 ? "<1\u00a0%" : `${Math.round(100 * p)}\u00a0%`);
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;
const lasting = (s) => (s < 90 ? `${Math.max(1, Math.round(s / 10) * 10)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`);
const stored = (key, value) => {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch { return null; }
};

let state = null, reviewer = "", given = "", outbox = null;
let list = [], again = false;        // what is gone through: the queue, or what reviewers disagree on
let at = -1, shown = 0, record = null, choice = null;
let history = [];                    // tracks answered on this page, for undo
let before = "";                     // what was done, told with the next track
let items = new Map();               // of the queue, by id
const records = new Map();
const plot = new Plot($("plot"));

const item = (id) => items.get(id);
const current = () => (at >= 0 && at < list.length ? item(list[at]) : null);

// -- what the server knows ----------------------------------------------------------------------

async function loadState() {
  let fresh;
  for (let round = 0; round < 3; round++) {
    fresh = await asJson(`/api/review?reviewer=${encodeURIComponent(reviewer)}`);
    // Overtaken by an answer that was saved meanwhile.
    if (state?.reviewer !== fresh.reviewer || fresh.progress.lines >= state.progress.lines) break;
  }
  if (state && fresh.run !== state.run) {
    // The same numbers are other tracks now, and what is shown here are the old ones.
    try { sessionStorage.setItem(ANEW, "1"); } catch { /* then it is not told */ }
    location.reload();
    await new Promise(() => {});
  }
  state = fresh;
  items = new Map(state.queue.map((one) => [one.id, one]));
  reviewer = state.reviewer;
  // What is on its way counts already.
  for (const entry of outbox?.waiting ?? []) if (entry.reviewer === reviewer) apply(entry);
  if (!again) list = state.queue.map((one) => one.id);
  showProgress();
}

function apply({ track, answer, class: name }) {
  const one = item(track);
  if (!one) return;
  one.answer = answer === "undo" ? null : answer;
  one.said_class = answer === "yes" ? name : null;
}

function trouble(text) {
  $("trouble").hidden = !text;
  put($("trouble"), text);
}

const toServer = {
  saved(entry, progress) {
    if (entry.reviewer === reviewer) state.progress = progress;
    if (!outbox.waiting.length) trouble("");
    // What stands after an undo, the server knows.
    if (entry.answer === "undo") loadState().then(showAnswer, () => {});
    showProgress();
  },
  // How many answers there are before it, if it is to be sent again; null gives it up.
  async refused(entry, status, why) {
    const fresh = await asJson(`/api/review?reviewer=${encodeURIComponent(entry.reviewer)}`).catch(() => null);
    await loadState().catch(() => {});
    // The same person answered elsewhere meanwhile: the newest answer counts, and it is this one.
    if (status === 409 && fresh?.run === entry.run && entry.answer !== "undo") return fresh.progress.lines;
    trouble(`The answer about track ${entry.track} was not taken: ${why}`);
    showAnswer();
    return null;
  },
  silent(why, count) {
    trouble(`No answer from conftrack (${why}). ${count} of your answers ${count === 1 ? "waits" : "wait"} in this browser and ${count === 1 ? "is" : "are"} sent as soon as it is back.`);
  },
};

// How many answers of this reviewer there are when all that waits is saved.
const afterwards = () => state.progress.lines + outbox.waiting.filter((entry) => entry.reviewer === reviewer).length;

// -- one track ----------------------------------------------------------------------------------

async function load(id) {
  if (records.has(id)) return records.get(id);
  const track = await asJson(`/api/tracks/${id}`);
  if (!track) throw new Error(`track ${id} is not known`);
  const of = { track, clip: "", crops: "", place: "" };
  if (!track.shown) return of;
  const names = { clip: "clip.mp4", crops: "crops.jpg", place: "place.jpg" };
  await Promise.all(Object.keys(names).filter((kind) => track.shown[kind])
    .map(async (kind) => { of[kind] = await asAddress(`/api/tracks/${id}/${names[kind]}`); }));
  records.set(id, of);
  for (const old of records.keys()) {
    if (records.size <= KEPT) break;
    if (old === id || old === list[at]) continue;
    for (const kind of Object.keys(names)) if (records.get(old)[kind]) URL.revokeObjectURL(records.get(old)[kind]);
    records.delete(old);
  }
  return of;
}

async function show(place) {
  at = place;
  const mine = ++shown, one = current();
  $("done").hidden = Boolean(one);
  $("track").hidden = $("answers").hidden = !one;
  showProgress();
  if (!one) return;
  choice = one.said_class ?? one.class;
  record = null;
  showQuestion();
  showAnswer();
  put($("facts"), `Track ${one.id}`);
  if (!records.has(one.id)) blank();   // never the pictures of another track
  watch.start();
  for (let round = 0; mine === shown; round++) {
    try {
      const of = await load(one.id);
      if (mine !== shown) return;
      if (!record) showRecord(of);
      if (of.track.shown) {
        record = of;
        showPictures(of);
        if (round) watch.start();    // nobody could judge before
        break;
      }
      record = of;
      put($("cutting"), "the clip is being cut …");
    } catch (error) {
      if (mine !== shown) return;
      put($("cutting"), `not to be had: ${error.message}`);
    }
    await new Promise((done) => setTimeout(done, CUTTING_MS));
  }
  for (const id of list.slice(at + 1, at + 1 + AHEAD)) if (mine === shown) await load(id).catch(() => {});
}

function showRecord(of) {
  const { track } = of;
  put($("facts"), `Track ${track.id} · ${clock(track.first_s)} to ${clock(track.last_s)}`);
  put($("belief").querySelector("b"), percent(track.p));
  put($("belief").querySelector("span"), `is the machine's belief that it is real (${state.number})`);
  $("belief").querySelector("i").style.width = `${100 * track.p}%`;
  plot.show(track);
  $("reasons").replaceChildren(...track.reasons.map(({ sign, text }) =>
    h("li", { className: sign === "+" ? "for" : sign === "-" ? "against" : "" }, h("span", { textContent: text }))));
  put($("said"), `${before} Track ${track.id}: is this ${article(choice)} ${choice}? Believed with ${percent(track.p)}.`);
  before = "";
}

function blank() {
  $("clip").removeAttribute("src");
  $("clip").load();
  $("crops").hidden = $("place").hidden = true;
  put($("cutting"), "loading …");
}

function showPictures(of) {
  put($("cutting"), of.clip ? "" : "there is no picture of this moment");
  const clip = $("clip");
  if (of.clip) clip.src = of.clip;
  else clip.removeAttribute("src");
  if (of.clip && !stilled) play(true);
  for (const id of ["crops", "place"]) {
    $(id).hidden = !of[id];
    if (of[id]) $(id).src = of[id];
  }
}

const article = (name) => (/^[aeiou]/i.test(name) ? "an" : "a");

function showQuestion() {
  const one = current();
  $("question").replaceChildren(`Is this ${article(choice)} `, h("b", { textContent: choice }), "?");
  const few = state.classes.length < 2;
  $("classes").hidden = few;
  if (few) return;
  const press = () => [...$("classes").querySelectorAll("button")].forEach((button, i) => button.setAttribute("aria-pressed", String(state.keys[i] === choice)));
  // Who types in the list goes on typing there.
  if (document.activeElement?.matches("#classes select")) return press();
  const buttons = state.keys.map((name, i) => h("button", { type: "button", onclick: () => choose(name) }, name, " ", h("kbd", { textContent: i + 1 })));
  if (state.keys.length < state.classes.length || !state.keys.includes(one.class)) {
    let typed = false;
    const leave = (event) => { event.target.blur(); showQuestion(); };
    const select = h("select", {
      ariaLabel: "Another class (c)", onpointerdown: () => { typed = false; },
      onkeydown: (event) => { typed = event.key !== "Enter" && event.key !== " "; if (["Enter", "Escape"].includes(event.key)) leave(event); },
      onchange: (event) => { if (event.target.value) choose(event.target.value); if (!typed) leave(event); },
    },
      h("option", { value: "", textContent: "another …" }),
      ...state.classes.map((name) => h("option", { value: name, textContent: name, selected: name === choice && !state.keys.includes(name) })));
    buttons.push(select);
  }
  $("classes").replaceChildren(...buttons);
  press();
}

function showAnswer() {
  const one = current();
  if (!one) return;
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.setAttribute("aria-pressed", String(button.dataset.answer === one.answer));
  }
  $("undo").disabled = lastAnswered() === null;
  $("back").disabled = at <= 0;
  $("on").disabled = at >= list.length - 1;
}

// -- answering ----------------------------------------------------------------------------------

const lastAnswered = () => history.at(-1) ?? state.progress.last;

function send(id, answer, name) {
  const entry = {
    track: id, answer, class: answer === "yes" && state.classes.includes(name) ? name : null,
    reviewer, seconds: Math.round(10 * watch.seconds()) / 10, run: state.run, after: afterwards(),
  };
  apply(entry);
  outbox.add(entry);
}

function say(answer) {
  const one = current();
  if (!one || !reviewer || !record || watch.seconds() < GLANCE_S) return;
  send(one.id, answer, choice);
  history.push(one.id);
  before = `Track ${one.id}: ${answer}.`;
  show(following());
}

// The next track without an answer, from here on and then from the beginning; past the end if there
// is none. Of those that are asked again each comes once.
function following() {
  if (again) return at + 1;
  for (let i = 1; i <= list.length; i++) {
    const place = (at + i) % list.length;
    if (!item(list[place]).answer) return place;
  }
  return list.length;
}

function undo() {
  const id = lastAnswered();
  if (id === null || !item(id)) return;
  history.pop();
  state.progress.last = null;          // the server says what is next
  send(id, "undo", null);
  if (!list.includes(id)) leaveAgain();
  before = `Track ${id}: taken back.`;
  show(list.indexOf(id));
}

function choose(name) {
  const one = current();
  if (!one || !name) return;
  choice = name;
  if (one.answer === "yes" && one.said_class !== name) {
    send(one.id, "yes", name);
    history.push(one.id);
    showProgress();
  }
  showQuestion();
  showAnswer();
  put($("said"), `Is this ${article(name)} ${name}?`);
}

function move(by) {
  const place = at + by;               // from the end of all, back is the last one
  if (place >= 0 && place < list.length) show(place);
}

// Time spent on a track: only while the page is looked at, and nothing lies over it.
const watch = {
  sum: 0, since: 0, on: false,
  start() { this.sum = 0; this.on = false; this.look(); },
  look() {
    const on = !document.hidden && !document.querySelector("dialog[open]");
    if (on && !this.on) this.since = performance.now();
    if (!on && this.on) this.sum += performance.now() - this.since;
    this.on = on;
  },
  seconds() { return (this.sum + (this.on ? performance.now() - this.since : 0)) / 1000; },
};

// -- progress -----------------------------------------------------------------------------------

function showProgress() {
  const total = state.queue.length, answered = state.queue.filter((one) => one.answer).length;
  put($("run"), state.name);
  put($("who"), reviewer ? `by ${reviewer}` : "no name");
  $("log-out").hidden = !state.log_out;
  const { seconds_each: each, lines } = state.progress;
  const left = each && lines >= TIMES && answered < total ? `, about ${lasting(each * (total - answered))} left` : "";
  $("progress").replaceChildren(h("b", { textContent: answered }), ` of ${total} answered${left}`);
  const bar = $("bar");
  document.title = `${answered} of ${total}: conftrack review`;
  bar.setAttribute("aria-valuemax", total);
  bar.setAttribute("aria-valuenow", answered);
  bar.setAttribute("aria-valuetext", `${answered} of ${total}`);
  bar.classList.toggle("many", total > 250);
  if (bar.children.length !== total) {
    bar.replaceChildren(...state.queue.map((one) => h("i", { title: `track ${one.id}`, onclick: () => { leaveAgain(); show(list.indexOf(one.id)); } })));
  }
  const here = current();
  state.queue.forEach((one, i) => { bar.children[i].className = `${one.answer ?? ""}${here === one ? " here" : ""}`; });
  $("again").hidden = !again;
  if (again) put($("again").querySelector("span"), `Asked again: ${Math.min(at + 1, list.length)} of ${list.length} on which reviewers differ.`);
  if (!here && at >= 0) showDone(answered, total);
}

function showDone(answered, total) {
  const count = (answer) => state.queue.filter((one) => one.answer === answer).length;
  put($("done").querySelector("h2"), again ? "All asked again" : "All answered");
  put($("tally"), `${count("yes")} yes, ${count("no")} no, ${count("unsure")} unsure`);
  const waits = outbox.waiting.length;
  put($("thanks"), `${answered} of ${total} tracks of ${state.name}, by ${reviewer}. ` + (waits
    ? `${waits} of the answers ${waits === 1 ? "is" : "are"} not saved yet: keep this page open.`
    : "Everything is saved; this page can be closed."));
  put($("said"), before);
}

// -- reviewers ----------------------------------------------------------------------------------

function leaveAgain() {
  again = false;
  list = state.queue.map((one) => one.id);
}

async function openAgreement() {
  const body = $("agreement-body");
  body.replaceChildren(h("p", { textContent: "asking …" }));
  open("agreement");
  let of;
  try { of = await asJson("/api/agreement"); } catch (error) {
    body.replaceChildren(h("p", { textContent: error.message }));
    return;
  }
  const number = (text, what) => h("div", {}, h("b", { textContent: text }), what);
  const parts = [h("div", { className: "big" }, ...of.reviewers.map((who) => number(who.answered, who.name)))];
  if (of.share === null) {
    parts.push(h("p", { className: "soft", textContent: of.reviewers.length < 2
      ? "One reviewer so far. Others open this page and say who they are (r): then it is told here how far they agree."
      : "No track was answered by two reviewers yet." }));
  } else {
    parts.push(h("div", { className: "big" }, number(percent(of.share), `agreed, on ${of.tracks} tracks that several answered`),
      number(of.kappa === null ? "–" : of.kappa.toFixed(2), `${of.which}'s kappa: ${inWords(of.kappa)}`)));
    const mine = of.apart.filter((one) => one.asked).map((one) => one.id);
    if (mine.length) parts.push(h("p", {}, h("button", { type: "button", textContent: `Ask me again about these ${mine.length}`, onclick: () => askAgain(mine) })));
    if (of.apart.length) parts.push(table(of));
    else parts.push(h("p", { textContent: "They never differ." }));
  }
  body.replaceChildren(...parts);
}

const inWords = (kappa) => (kappa === null ? "all say the same, so chance cannot be told" : kappa > 0.8 ? "almost full agreement" : kappa > 0.6 ? "good agreement" : kappa > 0.4 ? "fair agreement" : kappa > 0 ? "little more than chance" : "no more than chance");

function table(of) {
  const names = of.reviewers.map((who) => who.name);
  const cell = (said) => h("td", {}, said ? h("span", { className: said.answer, textContent: said.class && said.answer === "yes" && state.classes.length > 1 ? `${said.answer}, ${said.class}` : said.answer }) : "");
  const rows = of.apart.map((one) => h("tr", {},
    h("td", {}, one.asked ? h("button", { className: "plain", type: "button", textContent: `track ${one.id}`, onclick: () => askAgain([one.id]) }) : `track ${one.id}`),
    ...names.map((name) => cell(one.said.find((said) => said.reviewer === name)))));
  return h("div", { className: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ...["They differ on", ...names].map((textContent) => h("th", { textContent })))), h("tbody", {}, ...rows)));
}

function askAgain(ids) {
  $("agreement").close();
  again = true;
  list = ids;
  show(0);
}

let asked = 0;
async function askName(first = false, wrong = "") {
  if (!wrong) $("name-text").value = reviewer;
  put($("name-wrong"), wrong);
  $("names").replaceChildren(...state.others.map((value) => h("option", { value })));
  const dialog = open("name");
  dialog.returnValue = "";
  const mine = ++asked;
  // The browser tells late that it closed: then it may be open again, for who asks now.
  await new Promise((done) => dialog.addEventListener("close", () => { if (!dialog.open || mine !== asked) done(); }));
  if (mine !== asked) return;
  const name = dialog.returnValue === "ok" ? $("name-text").value.trim() : "";   // Escape takes none
  if (!name) { if (first) return askName(true); return; }
  if (name === reviewer && !first) return;
  let known;
  try { known = await asJson(`/api/review?reviewer=${encodeURIComponent(name)}`); } catch (error) { return askName(first, error.message); }
  reviewer = known.reviewer;           // as it is kept
  stored(given, reviewer);
  history = [];
  if (!first) { await loadState(); leaveAgain(); begin(); }
}

// -- page ---------------------------------------------------------------------------------------

function open(id) {
  const dialog = $(id);
  if (!dialog.open) dialog.showModal();
  watch.look();
  return dialog;
}

let stilled = matchMedia("(prefers-reduced-motion: reduce)").matches;
function play(on) {
  stilled = !on;
  const clip = $("clip");
  if (on && clip.src) clip.play().catch(() => {});
  else clip.pause();
  $("screen").classList.toggle("paused", stilled);
  $("pause").setAttribute("aria-label", stilled ? "Play the clip" : "Pause the clip");
}

const KEYS = {
  y: () => say("yes"), n: () => say("no"), "?": () => say("unsure"), "/": () => say("unsure"), u: undo,
  ArrowLeft: () => move(-1), ArrowRight: () => move(1), " ": () => play(stilled),
  h: () => open("help"), a: openAgreement, r: () => askName(),
  c: () => $("classes").querySelector("select")?.focus(),
};
const HELD = new Set(["ArrowLeft", "ArrowRight"]);   // may be held down; an answer must not

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const dialog = document.querySelector("dialog[open]");
  // A dialog that has just been closed keeps the focus until the next frame: its fields are written in no more.
  const writing = target.matches("input, select, textarea") && target.getClientRects().length > 0;
  if (!state || event.ctrlKey || event.metaKey || event.altKey || writing) return;
  if (dialog) {
    if (dialog.id !== "name" && key.toLowerCase() === { help: "h", agreement: "a" }[dialog.id]) { dialog.close(); event.preventDefault(); }
    return;
  }
  if (key === " " && target.matches("button")) return;
  const digit = /^[1-9]$/.test(key) ? state.keys[Number(key) - 1] : null;
  const act = digit ? () => state.classes.length > 1 && choose(digit) : KEYS[key.length === 1 ? key.toLowerCase() : key];
  if (!act || (event.repeat && !HELD.has(key))) return;
  event.preventDefault();
  act();
});

for (const button of document.querySelectorAll("[data-answer]")) button.addEventListener("click", () => say(button.dataset.answer));
$("undo").addEventListener("click", undo);
$("back").addEventListener("click", () => move(-1));
$("on").addEventListener("click", () => move(1));
$("pause").addEventListener("click", () => play(stilled));
$("open-help").addEventListener("click", () => open("help"));
$("open-agreement").addEventListener("click", openAgreement);
$("see-agreement").addEventListener("click", openAgreement);
$("look-back").addEventListener("click", () => { leaveAgain(); show(0); });
$("who").addEventListener("click", () => askName());
$("again").querySelector("button").addEventListener("click", () => { leaveAgain(); begin(); });
// After a click with a mouse the space bar is for the clip again.
document.addEventListener("click", (event) => { if (event.detail && event.target.closest("button")) event.target.closest("button").blur(); });
document.addEventListener("visibilitychange", () => {
  watch.look();
  if (!document.hidden && state) loadState().then(showAnswer, () => {});
});
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => watch.look());
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.matches("[data-close]")) dialog.close(); });
}
(function follow() {
  if (record?.clip) plot.at(record.track.clip_s[0] + $("clip").currentTime);
  requestAnimationFrame(follow);
})();

function begin() {
  const open = list.findIndex((id) => !item(id).answer);
  show(open < 0 ? list.length : open);
}

(async function start() {
  for (;;) {
    try { await loadState(); break; } catch (error) {
      trouble(`No answer from conftrack (${error.message}).`);
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
  trouble("");
  outbox = new Outbox(state.run, toServer);
  // Who was named here before, as long as the server was started for the same one.
  given = `conftrack-reviewer-${reviewer}`;
  const named = stored(given);
  if (named) reviewer = named;
  else if (state.ask_name) {
    reviewer = "";
    await askName(true);
  }
  try { await loadState(); } catch (error) {
    if (error.status !== 400) throw error;
    reviewer = "";                     // a name that is none
    await askName(true);
    await loadState();
  }
  outbox.send();
  if (stilled) play(false);
  try {
    if (sessionStorage.getItem(ANEW)) trouble(`Another run is reviewed here now, ${state.name}: its tracks are other tracks than those you saw.`);
    sessionStorage.removeItem(ANEW);
  } catch { /* nothing to tell */ }
  begin();
})();
