// The drawing upon the picture: shapes, handles, and what mouse, finger and keys do to them.

import { T } from "./texts.js";
import { between, clamp, crosses, moved, rectangle, rounded } from "./shapes.js";

const SVG = "http://www.w3.org/2000/svg";
const DRAG = 8; // CSS pixels a finger trembles
const NEAR = 18;

export const node = (name, attributes = {}, ...inside) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
};

export class Board {
  // `changed` is called after every change of shapes or selection, `measured` after one of region or level line.
  constructor(svg, { changed, measured }) {
    Object.assign(this, { svg, changed, measured });
    this.shapes = [];
    this.chosen = "";
    this.corner = -1;
    this.adding = null; // { kind, points } while a shape is drawn, { mark: id } while a mark is placed
    this.layer = "focus";
    this.view = [0, 0, 1, 1];
    this.region = [0, 0, 1, 1];
    this.level = [[0.2, 0.5], [0.8, 0.5]];
    this.grid = true;
    this.wrong = new Set();
    this.burnt = false;
    this.past = [];
    this.future = [];
    this.held = null;
    this.serial = 0;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", (event) => this.up(event));
    svg.addEventListener("pointercancel", () => this.letGo());
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  get shape() { return this.shapes.find((each) => each.id === this.chosen); }
  named(shape) { return shape.kind === "mask" ? `${T.kinds.mask} ${this.masks.indexOf(shape) + 1}` : shape.name || T.unnamed; }
  get masks() { return this.shapes.filter((each) => each.kind === "mask"); }
  find(id) { return this.shapes.find((each) => each.id === id); }

  load(shapes) {
    this.shapes = structuredClone(shapes);
    this.serial = Math.max(0, ...shapes.map((each) => Number(each.id.slice(1)) || 0));
    this.chosen = "";
  }

  // Every change of the shapes goes through here, so that it can be undone.
  edit(act) {
    const before = JSON.stringify(this.shapes);
    act();
    this.note(before);
    this.redraw();
    this.changed();
  }

  note(before) {
    if (JSON.stringify(this.shapes) === before) return;
    this.past.push(before);
    if (this.past.length > 200) this.past.shift();
    this.future = [];
  }

  undo() { this.step(this.past, this.future); }
  redo() { this.step(this.future, this.past); }

  step(from, to) {
    if (!from.length) return;
    to.push(JSON.stringify(this.shapes));
    this.shapes = JSON.parse(from.pop());
    this.corner = -1;
    if (!this.shape) this.chosen = "";
    this.redraw();
    this.changed();
  }

  start(kind) {
    this.adding = { kind, points: [] };
    this.chosen = "";
    this.redraw();
    this.changed();
    this.svg.focus();
  }

  startMark(id) {
    this.adding = { mark: id };
    this.choose(id);
    this.svg.focus();
  }

  cancel() {
    this.adding = null;
    this.redraw();
    this.changed();
  }

  finish() {
    const { kind, points } = this.adding;
    if (points.length < 3) return this.cancel();
    this.adding = null;
    this.edit(() => {
      const id = `s${++this.serial}`;
      this.shapes.push({ id, kind, name: kind === "mask" ? "" : this.freeName(kind), polygon: points.map(rounded), marks: [] });
      this.chosen = id;
      this.corner = -1;
    });
  }

  freeName(kind) {
    const taken = new Set(this.shapes.map((each) => each.name));
    let name = kind;
    for (let number = 2; taken.has(name); number++) name = `${kind}_${number}`;
    return name;
  }

  placeMark(point) {
    const id = this.adding.mark;
    this.adding = null;
    this.edit(() => this.find(id).marks.push({ at: rounded(point), level_m: null }));
  }

  remove(id) {
    this.edit(() => {
      this.shapes = this.shapes.filter((each) => each.id !== id);
      if (this.chosen === id) this.chosen = "";
    });
  }

  removeCorner() {
    const shape = this.shape;
    if (!shape || this.corner < 0 || shape.polygon.length <= 3) return;
    this.edit(() => shape.polygon.splice(this.corner, 1));
    this.corner = -1;
    this.redraw();
    this.changed();
  }

  choose(id) {
    this.chosen = id;
    this.corner = -1;
    this.redraw();
    this.changed();
  }

  // Fractions of the picture to CSS pixels of the board, and back.
  get size() { return [this.svg.clientWidth || 1, this.svg.clientHeight || 1]; }
  out([x, y]) {
    const [vx, vy, vw, vh] = this.view;
    return [((x - vx) / vw) * this.size[0], ((y - vy) / vh) * this.size[1]];
  }
  at(event) {
    const box = this.svg.getBoundingClientRect();
    const [vx, vy, vw, vh] = this.view;
    return [
      clamp(vx + ((event.clientX - box.left) / box.width) * vw),
      clamp(vy + ((event.clientY - box.top) / box.height) * vh),
    ];
  }
  far(a, b) {
    const [p, q] = [this.out(a), this.out(b)];
    return Math.hypot(p[0] - q[0], p[1] - q[1]);
  }

  down(event) {
    if (event.button !== 0 || this.held || this.layer === "still") return;
    const role = event.target.closest("[data-role]")?.dataset ?? {};
    const point = this.at(event);
    this.held = { pointer: event.pointerId, from: point, last: point, role, far: false, before: JSON.stringify(this.shapes) };
    this.svg.setPointerCapture(event.pointerId);
    if (this.layer === "draw" && !this.adding) this.grab(role);
    event.preventDefault();
  }

  // What was touched is chosen at once; an edge gets a new corner, which is then dragged.
  grab(role) {
    const { held } = this;
    if (!role.role) return this.choose("");
    if (this.chosen !== role.id) this.choose(role.id);
    const index = Number(role.index);
    if (role.role === "edge") {
      const { polygon } = this.shape;
      polygon.splice(index + 1, 0, rounded(between(polygon[index], polygon[(index + 1) % polygon.length])));
      held.role = { role: "corner", id: role.id, index: index + 1 };
      this.corner = index + 1;
    } else if (role.role === "corner") {
      this.corner = index;
    }
    this.redraw();
    this.changed();
  }

  move(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    const point = this.at(event);
    held.far ||= this.far(held.from, point) > DRAG;
    if (!held.far) return;
    const [dx, dy] = [point[0] - held.last[0], point[1] - held.last[1]];
    held.last = point;
    if (this.layer === "focus") this.spanned(held.from, point);
    else if (this.layer === "level") this.dragLevel(held.role, point);
    else if (this.adding?.points) held.box = rectangle(held.from, point);
    else if (!this.adding) this.drag(held.role, point, dx, dy);
    this.redraw();
  }

  drag({ role, id, index }, point, dx, dy) {
    const shape = this.find(id);
    if (!shape) return;
    if (role === "corner") shape.polygon[index] = rounded(point);
    if (role === "mark") shape.marks[index].at = rounded(point);
    if (role === "shape") this.shift(shape, dx, dy);
  }

  shift(shape, dx, dy) {
    const all = moved([...shape.polygon, ...shape.marks.map((mark) => mark.at)], dx, dy);
    const corners = shape.polygon.length;
    shape.polygon = all.slice(0, corners);
    shape.marks.forEach((mark, i) => { mark.at = all[corners + i]; });
  }

  spanned(a, b) {
    const [[x, y], , [right, bottom]] = rectangle(a, b);
    this.region = [x, y, Math.max(0.02, right - x), Math.max(0.02, bottom - y)];
    this.region[0] = Math.min(x, 1 - this.region[2]);
    this.region[1] = Math.min(y, 1 - this.region[3]);
  }

  dragLevel({ role, index }, point) {
    if (role === "level") this.level[Number(index)] = rounded(point);
    this.measured("level");
  }

  up(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    this.letGo();
    if (this.layer === "focus" && held.far) this.measured("region");
    if (this.layer !== "draw") return;
    if (this.adding?.mark) return this.placeMark(this.at(event));
    if (this.adding) return this.drawn(held, this.at(event));
    this.note(held.before);
    this.redraw();
    this.changed();
  }

  drawn(held, point) {
    const { points } = this.adding;
    if (held.box && points.length === 0) {
      this.adding.points = held.box;
      return this.finish();
    }
    if (points.length >= 3 && this.far(points[0], point) < NEAR) return this.finish();
    if (points.length < 64) points.push(rounded(point));
    this.redraw();
    this.changed();
  }

  letGo() {
    this.held = null;
    this.redraw();
  }

  key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const role = event.target.closest("[data-role]")?.dataset;
    const by = event.shiftKey ? 0.05 : 0.005;
    if (this.layer === "draw" && this.adding) return this.keyAdding(event);
    if (arrow && role) {
      this.nudge(role, arrow[0] * by, arrow[1] * by);
    } else if (role && (event.key === "Delete" || event.key === "Backspace")) {
      this.deleteAt(role);
    } else if (role && (event.key === "Enter" || event.key === " ")) {
      if (role.role === "shape") this.choose(role.id);
      if (role.role === "edge") { const before = JSON.stringify(this.shapes); this.held = {}; this.grab(role); this.held = null; this.note(before); this.changed(); }
    } else {
      return;
    }
    event.preventDefault();
  }

  keyAdding(event) {
    if (event.key === "Escape") this.cancel();
    else if (event.key === "Enter" && this.adding.mark) this.placeMark([0.5, 0.5]);
    else if (event.key === "Enter") {
      if (this.adding.points.length < 3) this.adding.points = rectangle([0.4, 0.4], [0.6, 0.6]);
      this.finish();
    } else return;
    event.preventDefault();
  }

  nudge({ role, id, index }, dx, dy) {
    if (role === "level") {
      this.level[index] = moved([this.level[index]], dx, dy)[0];
      this.redraw();
      return this.measured("level");
    }
    const shape = this.find(id);
    return this.edit(() => {
      if (role === "corner") shape.polygon[index] = moved([shape.polygon[index]], dx, dy)[0];
      if (role === "mark") shape.marks[index].at = moved([shape.marks[index].at], dx, dy)[0];
      if (role === "shape") this.shift(shape, dx, dy);
    });
  }

  deleteAt({ role, id, index }) {
    if (role === "shape") this.remove(id);
    if (role === "mark") this.edit(() => this.find(id).marks.splice(index, 1));
    if (role === "corner") {
      this.corner = Number(index);
      this.removeCorner();
    }
  }

  redraw() {
    const focused = this.svg.contains(document.activeElement) ? document.activeElement.dataset?.key : undefined;
    this.svg.replaceChildren(this.hatch());
    this.svg.classList.toggle("still", this.layer === "still");
    this.svg.setAttribute("viewBox", `0 0 ${this.size[0]} ${this.size[1]}`);
    if (this.layer === "focus") this.drawRegion();
    if (this.layer === "level") this.drawLevel();
    if (this.layer === "draw") this.drawShapes();
    if (focused) this.svg.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  hatch() {
    const pattern = node("pattern", { id: "hatch", width: 10, height: 10, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      node("rect", { width: 10, height: 10, fill: "#0006" }), node("rect", { width: 4, height: 10, fill: "#ff5c5c" }));
    return node("defs", {}, pattern);
  }

  drawRegion() {
    const [x, y, w, h] = this.region;
    if (w >= 1 && h >= 1) return;
    const points = this.points(rectangle([x, y], [x + w, y + h]));
    this.svg.append(node("polygon", { class: "under", points }), node("polygon", { class: "over", points, id: "region" }));
  }

  drawLevel() {
    const [width, height] = this.size;
    if (this.grid) {
      for (const name of ["grid-under", "grid"]) {
        for (const part of [1, 2, 3, 4, 5]) {
          const [x, y] = [(width * part) / 6, (height * part) / 6];
          this.svg.append(node("line", { class: name, x1: x, x2: x, y1: 0, y2: height }), node("line", { class: name, x1: 0, x2: width, y1: y, y2: y }));
        }
      }
    }
    const points = this.points(this.level);
    this.svg.append(node("polyline", { class: "under", points }), node("polyline", { class: "over kind-motion", points }));
    this.level.forEach((point, index) => this.handle(this.svg, point, { role: "level", index, key: `level${index}` }, T.levelWhat));
  }

  drawShapes() {
    for (const shape of this.shapes) this.drawShape(shape);
    const points = this.held?.box ?? this.adding?.points ?? [];
    if (!points.length) return;
    const path = this.points(points);
    const closed = this.held?.box ? "polygon" : "polyline";
    const group = node("g", { class: `kind-${this.adding.kind}` }, node(closed, { class: "under", points: path }), node(closed, { class: "over", points: path }));
    points.forEach((point) => this.handle(group, point, {}, ""));
    this.svg.append(group);
  }

  drawShape(shape) {
    const name = this.named(shape);
    const chosen = shape.id === this.chosen;
    const wrong = this.wrong.has(shape.id) || crosses(shape.polygon);
    const points = this.points(shape.polygon);
    const group = node("g", { class: `shape ${shape.kind} kind-${shape.kind}${chosen ? " chosen" : ""}${wrong ? " wrong" : ""}` });
    const face = node("polygon", { class: "face", points, tabindex: 0, role: "button", "aria-label": T.shapeOf(name) });
    Object.assign(face.dataset, { role: "shape", id: shape.id, key: `${shape.id}` });
    if (this.burnt && shape.kind === "mask") face.setAttribute("fill-opacity", 0);
    group.append(face, node("polygon", { class: "under", points, "pointer-events": "none" }), node("polygon", { class: "over", points, "pointer-events": "none" }));
    if (this.burnt && shape.kind === "mask") group.classList.remove("mask");
    this.svg.append(group);
    if (chosen) this.drawHandles(group, shape, name);
    this.drawMarks(group, shape, name);
    const top = shape.polygon.reduce((a, b) => (b[1] < a[1] ? b : a));
    const [x, y] = this.out(top);
    const tag = node("text", { class: "tag", x: clamp(x - 12, 4, this.size[0] - 60), y: y > 26 ? y - 9 : y + 24 });
    tag.textContent = name;
    group.append(tag);
  }

  drawHandles(group, shape, name) {
    const { polygon } = shape;
    if (polygon.length < 64) {
      polygon.forEach((point, index) => {
        const next = polygon[(index + 1) % polygon.length];
        if (this.far(point, next) < 44) return;
        this.handle(group, between(point, next), { role: "edge", id: shape.id, index, key: `${shape.id}e${index}` }, T.edgeOf(name, index + 1), 5);
      });
    }
    polygon.forEach((point, index) => {
      const said = T.cornerOf(name, index + 1, Math.round(point[0] * 100), Math.round(point[1] * 100));
      const made = this.handle(group, point, { role: "corner", id: shape.id, index, key: `${shape.id}c${index}` }, said);
      if (index === this.corner) made.classList.add("chosen");
    });
  }

  drawMarks(group, shape, name) {
    shape.marks.forEach((mark, index) => {
      const made = this.handle(group, mark.at, { role: "mark", id: shape.id, index, key: `${shape.id}m${index}` }, T.markOf(name, index + 1), 6);
      const [x, y] = this.out(mark.at);
      made.append(node("line", { class: "over", x1: x - 16, x2: x + 16, y1: y, y2: y }));
      const tag = node("text", { class: "tag", x: x + 20, y: y + 5 });
      tag.textContent = Number.isFinite(mark.level_m) ? `${mark.level_m} m` : `${index + 1}`;
      made.append(tag);
    });
  }

  handle(parent, point, data, label, radius = 7) {
    const [cx, cy] = this.out(point);
    const made = node("g", { class: `handle ${data.role ?? ""}` });
    if (data.role) {
      made.setAttribute("tabindex", 0);
      made.setAttribute("role", "button");
      made.setAttribute("aria-label", label);
    }
    Object.assign(made.dataset, data);
    made.append(node("circle", { class: "hit", cx, cy, r: 20 }), node("circle", { class: "knob", cx, cy, r: radius }));
    parent.append(made);
    return made;
  }

  points(fractions) { return fractions.map((point) => this.out(point).join(",")).join(" "); }
}
