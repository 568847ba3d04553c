// A plane of points to move about in: drag, wheel, pinch, keys; pointing at one; drawing a line around some.

import { scatter } from "./scatter.js";
import { make } from "./dom.js";

const NEAR = 14; // pixels within which a point is meant
const FARTHEST = 200; // times the first view
const MOVE_MS = 500;
const MANY = 20_000; // points of which a slow machine may leave some out while it moves
const REST_MS = 160;

// on: hover(row or -1, where), open(row), select(rows), told(sentence). Rows are numbers of points.
export function plot(on) {
  const canvas = make("canvas", { class: "points" });
  const over = make("canvas", { class: "over" });
  const element = make("div", { class: "plane", tabindex: "0", role: "application" }, canvas, over);
  const painter = scatter(canvas);
  const view = { zoom: 1, x: 0, y: 0 };
  const pointers = new Map();
  let [places, visible, grid] = [new Float32Array(), () => true, null];
  let [began, moving, pinch, line, lasso, pointed] = [0, false, null, null, false, -1];
  let [frame, ended, cursor, reach] = [0, false, false, [1, 1]];

  const pace = { last: 0, mean: 16, every: 1, rest: 0 };

  const ratio = () => Math.min(devicePixelRatio, 2);
  const unit = () => 0.46 * Math.min(element.clientWidth / reach[0], element.clientHeight / reach[1]);
  const scale = () => unit() * view.zoom;
  const toScreen = (row) => [places[2 * row] * scale() + element.clientWidth / 2 + view.x, places[2 * row + 1] * scale() + element.clientHeight / 2 + view.y];
  const toPlane = (x, y) => [(x - element.clientWidth / 2 - view.x) / scale(), (y - element.clientHeight / 2 - view.y) / scale()];
  const size = () => Math.min(14, Math.max(2.2, (9 * Math.sqrt(unit())) / Math.sqrt(places.length / 2 + 400)) * view.zoom ** 0.35);

  function draw() {
    if (!frame && !ended) frame = requestAnimationFrame(paint);
  }

  function paint(time) {
    frame = 0;
    const share = began ? Math.min(1, (time - began) / MOVE_MS) : 1;
    const eased = 1 - (1 - share) ** 3;
    keepPace(time);
    painter.draw({ every: pace.every, scaleX: scale() * ratio(), scaleY: scale() * ratio(), x: (element.clientWidth / 2 + view.x) * ratio(), y: (element.clientHeight / 2 + view.y) * ratio(), size: size() * ratio(), share: eased });
    if (share < 1) draw();
    else began = 0;
    paintOver();
  }

  // Fewer points while frames come slowly; all of them again once nothing moves.
  function keepPace(time) {
    const apart = time - pace.last;
    pace.last = time;
    clearTimeout(pace.rest);
    if (apart > REST_MS * 2 || places.length / 2 < MANY) { pace.every = 1; return; }
    pace.mean += 0.3 * (apart - pace.mean);
    if (pace.mean > 50) pace.every = Math.min(16, pace.every * 2);
    if (pace.every > 1) pace.rest = setTimeout(() => { pace.last = 0; draw(); }, REST_MS);
  }

  function paintOver() {
    const pen = over.getContext("2d");
    const style = getComputedStyle(element);
    pen.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    pen.clearRect(0, 0, over.width, over.height);
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 2;
    if (line?.length > 1) {
      pen.beginPath();
      line.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath();
      pen.stroke();
      pen.globalAlpha = 0.1;
      pen.fillStyle = style.getPropertyValue("--accent");
      pen.fill();
      pen.globalAlpha = 1;
    }
    if (pointed >= 0) {
      pen.strokeStyle = style.getPropertyValue("--ink");
      pen.beginPath();
      pen.arc(...toScreen(pointed), size() / 2 + 4, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (cursor) {
      const [x, y] = [element.clientWidth / 2, element.clientHeight / 2];
      pen.lineWidth = 1;
      pen.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(x + 5 * dx, y + 5 * dy); pen.lineTo(x + 14 * dx, y + 14 * dy); }
      pen.stroke();
    }
  }

  function show(given, { move = false } = {}) {
    const before = move && places.length === given.length && !matchMedia("(prefers-reduced-motion: reduce)").matches ? places : null;
    places = given;
    grid = makeGrid(given);
    reach = reachOf(given);
    began = before ? performance.now() : 0;
    painter.places(given, before);
    point(-1);
    draw();
  }

  function nearest(x, y, within = NEAR) {
    const [px, py] = toPlane(x, y);
    let [best, row] = [(within / scale()) ** 2, -1];
    for (const candidate of grid?.around(px, py, within / scale()) ?? []) {
      if (!visible(candidate)) continue;
      const away = (places[2 * candidate] - px) ** 2 + (places[2 * candidate + 1] - py) ** 2;
      if (away < best) [best, row] = [away, candidate];
    }
    return row;
  }

  function point(row) {
    if (row === pointed) return;
    pointed = row;
    element.classList.toggle("pointing", row >= 0 && !lasso);
    on.hover(row, row >= 0 ? toScreen(row) : null);
    draw();
  }

  function zoomAt(x, y, times) {
    const zoom = Math.min(FARTHEST, Math.max(0.5, view.zoom * times));
    const real = zoom / view.zoom;
    [x, y] = [x - element.clientWidth / 2, y - element.clientHeight / 2];
    view.x = x - (x - view.x) * real;
    view.y = y - (y - view.y) * real;
    view.zoom = zoom;
    draw();
  }

  function reset() {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    draw();
  }

  const at = (event) => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(...at(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)));
  }, { passive: false });

  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    [moving, cursor] = [false, false];
    line = pointers.size === 1 && (lasso || event.shiftKey) ? [at(event)] : null;
    if (pointers.size === 2) pinch = spread();
  });

  element.addEventListener("pointermove", (event) => {
    const here = at(event);
    const last = pointers.get(event.pointerId);
    if (!last) { cursor = false; point(nearest(...here, event.pointerType === "touch" ? 24 : NEAR)); return; }
    if (Math.hypot(here[0] - last[0], here[1] - last[1]) < (moving ? 0.5 : 4)) return;
    moving = true;
    pointers.set(event.pointerId, here);
    if (pointers.size === 2) {
      const now = spread();
      view.x += now.x - pinch.x;
      view.y += now.y - pinch.y;
      zoomAt(now.x, now.y, now.apart / pinch.apart);
      pinch = now;
    } else if (line) {
      line.push(here);
    } else {
      view.x += here[0] - last[0];
      view.y += here[1] - last[1];
    }
    if (!line) point(-1);
    draw();
  });

  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (line?.length > 2) on.select(inside(line));
    else if (!moving && name === "pointerup") {
      const row = nearest(...at(event), event.pointerType === "touch" ? 24 : NEAR);
      if (row >= 0 && event.pointerType === "touch" && row !== pointed) point(row); // a first touch shows, a second opens
      else if (row >= 0 && !lasso) on.open(row);
    }
    line = null;
    draw();
  });
  element.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") point(-1); });
  element.addEventListener("dblclick", (event) => { if (nearest(...at(event)) < 0) zoomAt(...at(event), 2); });

  // Without a pointer: a cross in the middle, and what is nearest to it is pointed at.
  element.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 160 : 40;
    const act = {
      ArrowLeft: () => { view.x += step; }, ArrowRight: () => { view.x -= step; },
      ArrowUp: () => { view.y += step; }, ArrowDown: () => { view.y -= step; },
      "+": () => zoomAt(...middle(), 1.4), "=": () => zoomAt(...middle(), 1.4), "-": () => zoomAt(...middle(), 1 / 1.4),
      0: reset, Home: reset,
      Enter: () => { if (pointed >= 0) on.open(pointed); },
      Escape: () => { on.select(null); },
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    cursor = true;
    point(nearest(...middle(), 90));
    if (pointed >= 0) on.told(pointed);
    draw();
  });
  element.addEventListener("blur", () => { cursor = false; point(-1); draw(); });

  const middle = () => [element.clientWidth / 2, element.clientHeight / 2];

  function spread() {
    const [[ax, ay], [bx, by]] = [...pointers.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, apart: Math.max(1, Math.hypot(ax - bx, ay - by)) };
  }

  function inside(polygon) {
    const rows = [];
    const corners = polygon.map(([x, y]) => toPlane(x, y));
    for (let row = 0; row < places.length / 2; row += 1) {
      if (visible(row) && within(places[2 * row], places[2 * row + 1], corners)) rows.push(row);
    }
    return rows;
  }

  function resize() {
    for (const one of [canvas, over]) {
      one.width = Math.max(1, Math.round(element.clientWidth * ratio()));
      one.height = Math.max(1, Math.round(element.clientHeight * ratio()));
    }
    draw();
  }
  const watch = new ResizeObserver(resize);
  watch.observe(element);

  return {
    element,
    kind: painter.kind,
    show,
    colours(rgba, seen) { visible = seen; painter.colours(rgba); draw(); },
    lasso(wanted) { lasso = wanted; element.classList.toggle("lasso", wanted); },
    zoom(times) { zoomAt(...middle(), times); },
    reset,
    where: toScreen,
    end() { ended = true; clearTimeout(pace.rest); cancelAnimationFrame(frame); watch.disconnect(); painter.end(); },
  };
}

// How far points go from the middle on each axis.
function reachOf(places) {
  const reach = [0.02, 0.02];
  for (let i = 0; i < places.length; i += 1) if (Math.abs(places[i]) > reach[i % 2]) reach[i % 2] = Math.abs(places[i]);
  return reach;
}

function within(x, y, corners) {
  let found = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [corners[i], corners[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) found = !found;
  }
  return found;
}

// Points by squares of the plane, so that looking for the nearest looks at few.
function makeGrid(places) {
  const n = places.length / 2;
  const side = Math.max(1, Math.min(512, Math.ceil(Math.sqrt(n / 3))));
  const cell = (value) => Math.min(side - 1, Math.max(0, Math.floor(((value + 1) / 2) * side)));
  const starts = new Int32Array(side * side + 1);
  const square = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i += 1) {
    if (Number.isNaN(places[2 * i])) continue;
    square[i] = cell(places[2 * i + 1]) * side + cell(places[2 * i]);
    starts[square[i] + 1] += 1;
  }
  for (let i = 0; i < side * side; i += 1) starts[i + 1] += starts[i];
  const next = starts.slice();
  const rows = new Int32Array(starts[side * side]);
  for (let i = 0; i < n; i += 1) if (square[i] >= 0) rows[next[square[i]]++] = i;
  return {
    * around(x, y, reach) {
      for (let r = cell(y - reach); r <= cell(y + reach); r += 1) {
        for (let i = starts[r * side + cell(x - reach)]; i < starts[r * side + cell(x + reach) + 1]; i += 1) yield rows[i];
      }
    },
  };
}
