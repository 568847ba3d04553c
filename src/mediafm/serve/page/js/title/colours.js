// One accent, as strong as a value is high. The page's own colours, so that light and dark are right.

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// 256 colours, little-endian RGBA, from the ground over the accent to its deepest: of `low` and below to `high` and above.
export function ramp(low = 0, high = 255) {
  const stops = ["--ramp-0", "--ramp-1", "--ramp-2", "--ramp-3"].map((name) => parts(colour(name)));
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const at = Math.min(Math.max((byte - low) / Math.max(high - low, 1), 0), 1) * (stops.length - 1);
    const first = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[first].map((from, i) => Math.round(from + (stops[first + 1][i] - from) * (at - first)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

export function whenColoursChange(act) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", act);
  return () => dark.removeEventListener("change", act);
}
