// Mouse, fingers and keys over a matrix.

const STEP = 1.5;
const DRAG = 5; // pixels before a press is a drag

export function handle(canvas, acts) {
  const { view, n, zoom, pan, point, go } = acts;
  const fingers = new Map();
  let pressed = null; // where a press began, and whether it has become a drag
  let apart = 0;

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { column: view.x + ((event.clientX - box.left) / box.width) * view.span, row: view.y + ((event.clientY - box.top) / box.height) * view.span };
  };
  const cell = (event) => { const { column, row } = place(event); return { column: Math.floor(column), row: Math.floor(row) }; };
  const grip = () => { canvas.style.touchAction = view.span < n ? "none" : "pan-x pan-y"; };

  canvas.addEventListener("wheel", (event) => {
    // Over the whole title a wheel that turns outwards scrolls the page on.
    if (view.span >= n && event.deltaY > 0) return;
    event.preventDefault();
    const { column, row } = place(event);
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)), column, row);
    grip();
  }, { passive: false });

  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    pressed = fingers.size === 1 ? { x: event.clientX, y: event.clientY, dragged: false } : { dragged: true };
    apart = spread(fingers);
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) { point(cell(event)); return; }
    fingers.set(event.pointerId, event);
    const shots = view.span / canvas.clientWidth;
    if (fingers.size === 2) {
      const now = spread(fingers);
      const [a, b] = [...fingers.values()];
      const { column, row } = place({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });
      if (apart > 0) zoom(now / apart, column, row);
      apart = now;
      grip();
      return;
    }
    if (!pressed.dragged && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < DRAG) return;
    if (!pressed.dragged) canvas.setPointerCapture(event.pointerId);
    pressed.dragged = true;
    pan((before.clientX - event.clientX) * shots, (before.clientY - event.clientY) * shots);
  });

  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") point(null); });
  canvas.addEventListener("click", (event) => {
    if (pressed?.dragged) return;
    point(cell(event));
    go(cell(event).column);
  });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? Math.max(1, Math.round(view.span / 10)) : 1;
    const at = acts.pointer() ?? { column: acts.now(), row: acts.now() };
    const to = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (to) point({ column: at.column + to[0], row: at.row + to[1] }, true);
    else if (event.key === "+" || event.key === "=") zoom(STEP, at.column + 0.5, at.row + 0.5);
    else if (event.key === "-") zoom(1 / STEP, at.column + 0.5, at.row + 0.5);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Enter") go(at.column);
    else if (event.key === "Escape") point(null);
    else return;
    grip();
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => point(null));
  grip();
}

function spread(fingers) {
  const [a, b] = [...fingers.values()];
  return b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
}
