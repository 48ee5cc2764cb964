// The page: asks for picture after picture, shows the meters, and leads the drawing.

import { Board, node } from "./draw.js";
import { Focus } from "./focus.js";
import { crosses, scaleOf, tilt } from "./shapes.js";
import { ask, picture, takeToken } from "./talk.js";
import { T, lay } from "./texts.js";

const $ = (id) => document.getElementById(id);
const SIZES = { fast: [1600, 250e3], usual: [960, 90e3], slow: [640, 30e3], crawl: [400, 12e3] };
const SHARP = 0.95; // of the best: no eye sees the rest
const NEARLY = 0.8;
const OLD_S = 15;

const focus = new Focus();
const board = new Board($("board"), { changed: drawingChanged, measured });
const state = {
  tab: "focus", image: null, width: 1280, height: 720, at: 0, every: 0, rate: 200e3,
  touched: true, burn: false, magnify: false, saved: "[]", mistakes: [], name: "", over: false, ended: 0,
};

// ---- pictures

function asked() {
  const link = $("link").value;
  // Bytes that the link carries in 0.6 s decide, where nobody has chosen.
  const fits = state.rate * 0.6;
  const size = link !== "auto" ? SIZES[link] : fits > 250e3 ? SIZES.fast : fits > 90e3 ? SIZES.usual : fits > 30e3 ? SIZES.slow : SIZES.crawl;
  const most = Math.max(400, Math.ceil($("stage").clientWidth * devicePixelRatio));
  const magnified = state.tab === "focus" && state.magnify;
  return {
    side: Math.min(size[0], most), most_bytes: size[1], region: board.region,
    view: magnified ? board.region : [0, 0, 1, 1],
    masks: state.tab === "draw" && state.burn ? board.masks.map((mask) => mask.polygon) : [],
    touched: state.touched,
  };
}

async function watch() {
  while (!state.over) {
    if (document.hidden) {
      say(T.paused);
      await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
    }
    const request = asked();
    state.touched = false;
    try {
      show(await picture(request), request);
      if (!state.asked) presets();
      state.asked = true;
    } catch (trouble) {
      state.touched ||= request.touched;
      fail(trouble);
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

function show({ image, meters, bytes, seconds }, request) {
  const now = performance.now();
  state.every = state.ended ? 0.7 * (state.every || (now - state.ended) / 1000) + (0.3 * (now - state.ended)) / 1000 : 0;
  state.ended = now;
  state.rate = 0.6 * state.rate + (0.4 * bytes) / seconds;
  Object.assign(state, { image, width: meters.width, height: meters.height, at: meters.at_ms, arrived: now });
  $("trouble").hidden = true;
  const before = [board.view, board.burnt, board.size].join();
  board.view = request.view;
  board.burnt = meters.burnt > 0;
  fit();
  $("canvas").getContext("2d").drawImage(image, 0, 0, $("canvas").width, $("canvas").height);
  if (before !== [board.view, board.burnt, board.size].join()) board.redraw();
  $("at").textContent = new Date(meters.at_ms).toLocaleTimeString([], { hour12: false });
  $("at").dateTime = new Date(meters.at_ms).toISOString();
  $("dot").className = "live";
  say(T.live(`${meters.width}×${meters.height}`, meters.way, state.every ? (1 / state.every).toFixed(1) : "…"));
  if (request.region.join() === board.region.join()) showFocus(meters.sharpness);
  showLight(meters.light);
  showEnding(meters.left_s);
  document.body.dataset.pictures = Number(document.body.dataset.pictures || 0) + 1;
}

function fail({ status, message, body }) {
  $("dot").className = "old";
  if (status === 403) return trouble(T.noAnswer, T.noToken, message, true);
  if (status === 503) {
    trouble(T.noAnswer, message, body.advice || "");
    return showEnding(body.left_s);
  }
  if (status === 0 && state.left < 5) return trouble(T.over, "", "", true);
  return trouble(T.noServer, message === T.noServer ? T.noServerWhat : message, "");
}

function trouble(head, why, what, over = false) {
  state.over ||= over;
  if (over) $("ending").hidden = true;
  $("trouble").hidden = false;
  $("trouble-head").textContent = head;
  $("trouble-why").textContent = why;
  $("trouble-what").textContent = what;
  say("");
}

function say(text) { $("told").textContent = text; }

function showEnding(seconds) {
  state.left = seconds;
  $("ending").hidden = !(seconds < 180);
  if (seconds < 180) $("ending").textContent = T.overSoon(`${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`);
}

// The stage has the camera's sides, as wide as there is room, and on a phone at most half of its height.
function fit() {
  const [, , w, h] = board.view;
  const ratio = (state.width * w) / (state.height * h);
  const wide = matchMedia("(min-width: 800px)").matches;
  const room = $("sight").clientWidth;
  const tall = innerHeight * (wide ? 1 : 0.5) - (wide ? 100 : 40);
  const width = Math.floor(Math.min(room, Math.max(160, tall) * ratio));
  const height = Math.round(width / ratio);
  const stage = $("stage");
  if (stage.clientWidth !== width || stage.clientHeight !== height) {
    Object.assign(stage.style, { width: `${width}px`, height: `${height}px`, aspectRatio: "auto" });
  }
  const canvas = $("canvas");
  const dots = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== dots[0] || canvas.height !== dots[1]) [canvas.width, canvas.height] = dots;
}

addEventListener("resize", () => {
  fit();
  if (state.image) $("canvas").getContext("2d").drawImage(state.image, 0, 0, $("canvas").width, $("canvas").height);
  board.redraw();
});

setInterval(() => {
  const seconds = Math.round((performance.now() - state.arrived) / 1000);
  if (state.image && seconds >= OLD_S) {
    $("dot").className = "old";
    say(T.old(seconds));
  }
}, 1000);

// ---- meters

function showFocus(value) {
  focus.add(value);
  const share = focus.share;
  const grade = !focus.passed ? "" : share >= SHARP ? "good" : share >= NEARLY ? "warn" : "bad";
  $("share").replaceChildren(String(Math.round(share * 100)), make("small", { textContent: " %" }));
  $("verdict").textContent = { "": T.turnRing, good: T.onMark, warn: T.nearMark, bad: T.offMark }[grade];
  $("verdict").className = grade;
  $("fill").className = grade;
  $("fill").style.transform = `scaleX(${share * 0.95})`;
  $("bar").setAttribute("aria-valuenow", Math.round(share * 100));
  $("trace").querySelector("polyline").setAttribute("points", focus.line);
}

function percent(share) {
  const value = share * 100;
  return `${value >= 10 || value < 0.05 ? Math.round(value) : value.toFixed(1)} %`;
}

function showLight({ bins, dark, bright, mean, colour }) {
  $("dark").textContent = percent(dark);
  $("bright").textContent = percent(bright);
  $("mean").textContent = Math.round(mean);
  const [tooDark, tooBright] = [dark > 0.3 || mean < 40, bright > 0.05 || mean > 215];
  $("dark").className = tooDark ? "bad" : "";
  $("bright").className = tooBright ? "bad" : "";
  const found = tooDark && tooBright ? "both" : tooDark ? "dark" : tooBright ? "bright" : "good";
  $("light-verdict").textContent = T.light[found];
  $("light-verdict").className = `verdict ${found === "good" ? "good" : "warn"}`;
  const night = !colour ? T.light.night : mean < 30 ? T.light.nightFails : "";
  $("night").textContent = night;
  $("night").hidden = !night;
  const top = Math.max(...[...bins].sort((a, b) => b - a).slice(2, 3), 0.02);
  $("histogram").replaceChildren(...bins.map((share, i) => {
    const height = Math.min(40, (38 * share) / top);
    const clipped = (i < 2 && tooDark) || (i > 61 && tooBright);
    return node("rect", { x: i, y: 40 - height, width: 0.9, height, class: clipped ? "clipped" : "" });
  }));
}

function showLevel() {
  const { degrees, plumb } = tilt(...board.level, state.width, state.height);
  const turn = Math.abs(degrees);
  $("degrees").textContent = T.levelIs(turn.toFixed(1));
  $("axis").textContent = plumb ? T.plumb : T.level;
  $("turn").textContent = turn < 0.3 ? T.levelGood : degrees > 0 ? T.turnRight : T.turnLeft;
  $("turn").className = turn < 0.3 ? "good" : turn < 2 ? "warn" : "bad";
}

function measured(what) {
  if (what === "region") focus.restart();
  if (what === "level") showLevel();
}

// ---- the drawing

function drawingChanged() {
  state.mistakes = state.mistakes.filter((each) => board.find(each.id));
  showDrawing();
}

function unsaved() { return JSON.stringify(board.shapes) !== state.saved; }

function showDrawing() {
  const { adding } = board;
  $("how").hidden = !adding;
  $("how-text").textContent = adding?.mark ? T.markHow : T.drawHow;
  $("how-keys").textContent = T.drawKeys;
  $("finish").hidden = !(adding?.points?.length >= 3);
  $("none").hidden = board.shapes.length > 0 || adding;
  $("undo").disabled = !board.past.length;
  $("redo").disabled = !board.future.length;
  $("burn").disabled = !board.masks.length;
  $("burnt").hidden = !(state.burn && board.masks.length);
  $("unsaved").hidden = !unsaved();
  const active = document.activeElement;
  const kept = active?.closest("#shapes") && active.dataset.key;
  const caret = kept && active.type === "text" ? active.selectionStart : null;
  $("shapes").replaceChildren(...board.shapes.map(entry));
  if (!kept) return;
  const again = $("shapes").querySelector(`[data-key="${kept}"]`);
  again?.focus();
  if (caret !== null) again?.setSelectionRange?.(caret, caret);
}

function make(name, properties = {}, ...inside) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...inside);
  return made;
}

function entry(shape) {
  const wrong = state.mistakes.filter((each) => each.id === shape.id);
  const chosen = shape.id === board.chosen;
  const item = make("li", { className: `kind-${shape.kind}${chosen ? " chosen" : ""}${wrong.length ? " wrong" : ""}` });
  item.dataset.shape = shape.id;
  item.append(make("div", { className: "head" }, titleOf(shape, wrong), kindOf(shape), removeOf(shape)));
  if (chosen) item.append(details(shape));
  if (shape.kind === "staff") item.append(staff(shape, chosen));
  const said = crosses(shape.polygon) ? [T.crosses] : [];
  for (const text of [...said, ...wrong.map((each) => each.message)]) {
    item.append(make("p", { className: "mistake", id: `mistake-${shape.id}`, textContent: text }));
  }
  item.addEventListener("focusin", () => { if (board.chosen !== shape.id) board.choose(shape.id); });
  return item;
}

function titleOf(shape, wrong) {
  if (shape.kind === "mask") {
    const title = make("button", { className: "title", textContent: board.named(shape), type: "button" });
    title.dataset.key = `${shape.id}-title`;
    title.addEventListener("click", () => board.choose(shape.id));
    return title;
  }
  const field = make("input", { type: "text", value: shape.name, placeholder: T.namePlace, maxLength: 32, autocapitalize: "none", spellcheck: false });
  field.dataset.key = `${shape.id}-name`;
  field.setAttribute("aria-label", T.name);
  if (wrong.some((each) => each.part === "name")) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `mistake-${shape.id}`);
  }
  field.addEventListener("input", () => {
    const given = field.value.trimStart().toLowerCase().replace(/[\s-]+/g, "_");
    forgive(shape, "name");
    board.edit(() => { board.find(shape.id).name = given; });
  });
  return field;
}

function kindOf(shape) {
  const pick = make("select", {}, ...Object.entries(T.kinds).map(([value, text]) => make("option", { value, textContent: text, selected: value === shape.kind })));
  pick.dataset.key = `${shape.id}-kind`;
  pick.setAttribute("aria-label", T.kind);
  pick.addEventListener("change", () => {
    forgive(shape);
    board.edit(() => {
      const it = board.find(shape.id);
      it.kind = pick.value;
      if (it.kind !== "staff") it.marks = [];
      it.name = it.kind === "mask" ? "" : it.name || board.freeName(it.kind);
    });
  });
  return pick;
}

function removeOf(shape) {
  const button = make("button", { textContent: "✕", type: "button" });
  button.dataset.key = `${shape.id}-remove`;
  button.setAttribute("aria-label", `${T.remove}: ${board.named(shape)}`);
  button.addEventListener("click", () => board.remove(shape.id));
  return button;
}

function details(shape) {
  const drop = make("button", { textContent: T.removeCorner, type: "button", title: T.removeCornerWhat });
  drop.dataset.key = `${shape.id}-corner`;
  drop.disabled = board.corner < 0 || shape.polygon.length <= 3;
  drop.addEventListener("click", () => board.removeCorner());
  return make("div", { className: "row more" }, make("span", { textContent: T.corners(shape.polygon.length) }), drop);
}

function staff(shape, chosen) {
  const part = make("div", { className: "staff" });
  shape.marks.forEach((mark, index) => part.append(markOf(shape, mark, index)));
  if (shape.marks.length < 4 && chosen) {
    const add = make("button", { textContent: T.mark, type: "button" });
    add.dataset.key = `${shape.id}-mark`;
    add.addEventListener("click", () => board.startMark(shape.id));
    part.append(make("div", { className: "row" }, add));
  }
  part.append(make("p", { className: "more scale", textContent: scaleText(shape) }));
  return part;
}

function markOf(shape, mark, index) {
  const level = make("input", { type: "text", inputMode: "decimal", value: mark.text ?? mark.level_m ?? "", placeholder: "m" });
  level.dataset.key = `${shape.id}-level${index}`;
  level.setAttribute("aria-label", `${T.markLevel} (${index + 1})`);
  if (state.mistakes.some((each) => each.id === shape.id && each.part === "marks")) level.setAttribute("aria-invalid", "true");
  level.addEventListener("input", () => {
    const text = level.value.trim().replace(",", ".");
    forgive(shape, "marks");
    const typed = level.value;
    board.edit(() => { board.find(shape.id).marks[index].level_m = text !== "" && Number.isFinite(Number(text)) ? Number(text) : null; });
    const again = $("shapes").querySelector(`[data-key="${shape.id}-level${index}"]`);
    if (again && again.value !== typed) again.value = typed;
  });
  const drop = make("button", { textContent: "✕", type: "button" });
  drop.dataset.key = `${shape.id}-drop${index}`;
  drop.setAttribute("aria-label", `${T.markRemove} ${index + 1}`);
  drop.addEventListener("click", () => board.edit(() => board.find(shape.id).marks.splice(index, 1)));
  return make("div", { className: "mark" }, make("b", { textContent: `${index + 1}` }), level, make("span", { textContent: "m" }), drop);
}

function scaleText(shape) {
  const known = shape.marks.filter((mark) => Number.isFinite(mark.level_m));
  if (known.length < 2) return T.scaleNeeds;
  const scale = scaleOf(shape.marks, state.width, state.height);
  if (!scale) return T.scaleSame;
  const { pixelsPerMetre, off } = scale;
  const text = T.scale(Math.round(pixelsPerMetre), (1000 / pixelsPerMetre).toFixed(1));
  if (known.length < 3) return `${text}.`;
  return `${text}${T.scaleOff((off * 100).toFixed(1))}${off * pixelsPerMetre > 6 ? T.scaleBad : ""}.`;
}

function forgive(shape, part) {
  state.mistakes = state.mistakes.filter((each) => each.id !== shape.id || (part && each.part !== part));
  board.wrong = new Set(state.mistakes.map((each) => each.id));
}

async function save() {
  const shapes = board.shapes.map(({ id, kind, name, polygon, marks }) => ({ id, kind, name, polygon, marks }));
  $("save").disabled = true;
  $("save").textContent = T.saving;
  try {
    const kept = await ask("save", { shapes });
    state.mistakes = [];
    if (kept.file) state.saved = JSON.stringify(board.shapes);
    told(kept.file ? [T.saved(kept.file), kept.note || T.savedNext] : [kept.note || T.paste], kept.file ? "" : kept.toml);
  } catch (trouble) {
    state.mistakes = trouble.body?.mistakes ?? [];
    const general = state.mistakes.filter((each) => !each.id).map((each) => each.message);
    told(state.mistakes.length ? [T.mend, ...general] : [trouble.message], "", true);
  }
  $("save").disabled = false;
  $("save").textContent = T.save;
  board.wrong = new Set(state.mistakes.map((each) => each.id));
  board.redraw();
  showDrawing();
}

function told(lines, toml, bad = false) {
  $("result").hidden = false;
  $("result").className = bad ? "bad" : "";
  $("result").replaceChildren(...lines.map((text) => make("p", { textContent: text })));
  if (toml) {
    const text = make("pre", { textContent: toml, tabIndex: 0 });
    const copy = make("button", { textContent: T.copy, type: "button", id: "copy" });
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(toml).then(() => { copy.textContent = T.copied; }, () => getSelection().selectAllChildren(text));
    });
    $("result").append(text, copy);
  }
  $("result").scrollIntoView({ block: "nearest" });
}

// ---- turning

async function turn(path, body) {
  $("move-trouble").hidden = true;
  try {
    await ask(path, body);
    focus.restart();
  } catch (trouble) {
    $("move-trouble").hidden = false;
    $("move-trouble").textContent = trouble.message;
  }
}

// ---- beginning

function open(tab) {
  state.tab = tab;
  board.cancel();
  board.layer = ["focus", "level", "draw"].includes(tab) ? tab : "still";
  for (const each of $("tabs").children) {
    const chosen = each.dataset.tab === tab;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    $(`panel-${each.dataset.tab}`).hidden = !chosen;
  }
  showDrawing();
  showLevel();
  board.redraw();
}

function listen() {
  $("tabs").addEventListener("click", (event) => { if (event.target.dataset.tab) open(event.target.dataset.tab); });
  $("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const tabs = [...$("tabs").children].filter((each) => !each.hidden);
    const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
    open(next.dataset.tab);
    next.focus();
  });
  $("again").addEventListener("click", () => focus.restart());
  $("whole").addEventListener("click", () => { board.region = [0, 0, 1, 1]; magnify(false); focus.restart(); board.redraw(); });
  $("magnify").addEventListener("click", () => magnify(!state.magnify));
  $("grid").addEventListener("change", () => { board.grid = $("grid").checked; board.redraw(); });
  $("finish").addEventListener("click", () => board.finish());
  $("cancel").addEventListener("click", () => board.cancel());
  $("undo").addEventListener("click", () => board.undo());
  $("redo").addEventListener("click", () => board.redo());
  $("burn").addEventListener("click", () => { state.burn = !state.burn; $("burn").setAttribute("aria-pressed", state.burn); showDrawing(); });
  $("save").addEventListener("click", save);
  $("sun").addEventListener("click", sun);
  for (const each of document.querySelectorAll("[data-pan]")) {
    const [pan, tilted, zoom] = each.dataset.pan.split(",").map(Number);
    each.addEventListener("click", () => turn("move", { pan, tilt: tilted, zoom }));
  }
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => { state.touched = true; }, true);
  addEventListener("keydown", (event) => {
    if (state.tab !== "draw" || !(event.ctrlKey || event.metaKey) || event.target.matches("input")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) board.redo();
    else board.undo();
  });
  addEventListener("hashchange", anew);
  addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
}

// The address of a later run, opened in this tab: what is drawn stays.
function anew() {
  if (!location.hash.slice(1)) return;
  takeToken();
  if (!state.name) location.reload();
  else if (state.over) {
    state.over = false;
    watch();
  }
}

function magnify(on) {
  state.magnify = on && (board.region[2] < 1 || board.region[3] < 1);
  $("magnify").setAttribute("aria-pressed", state.magnify);
}

function sun() {
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  const now = document.body.className === "" ? light : document.body.className === "sun-light";
  document.body.className = now ? "sun-dark" : "sun-light";
  $("sun").setAttribute("aria-pressed", document.body.className !== "");
}

function kinds() {
  for (const [kind, text] of Object.entries(T.kinds)) {
    const button = make("button", { textContent: text, type: "button", className: `kind-${kind}` });
    button.dataset.add = kind;
    button.addEventListener("click", () => board.start(kind));
    $("adds").append(button);
  }
}

// Asked for once there is a picture, for only then the camera can tell.
async function presets() {
  const { presets: found } = await ask("presets").catch(() => ({ presets: null }));
  if (found === null) return;
  $("tab-move").hidden = false;
  if (!found.length) $("presets").textContent = T.noPresets;
  for (const { token, name } of found) {
    const button = make("button", { textContent: name, type: "button" });
    button.addEventListener("click", () => turn("goto", { token }));
    $("presets").append(button);
  }
}

async function begin() {
  lay(document);
  kinds();
  listen();
  takeToken();
  open("focus");
  fit();
  trouble(T.looking, "", "");
  $("trouble").classList.add("calm");
  for (;;) {
    try {
      const camera = await ask("camera");
      Object.assign(state, { name: camera.name });
      $("camera").textContent = camera.title && camera.title !== camera.name ? `${camera.name}: ${camera.title}` : camera.name;
      document.title = `${camera.name} – polegate`;
      board.load(camera.shapes);
      state.saved = JSON.stringify(board.shapes);
      break;
    } catch (error) {
      fail(error);
      $("trouble").classList.remove("calm");
      if (state.over) return;
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  showDrawing();
  $("trouble").classList.remove("calm");
  await watch();
}

begin();
