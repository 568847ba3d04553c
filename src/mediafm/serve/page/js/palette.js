// Colours that are told apart, equally light, on light and on dark ground: points on a circle of OKLCH.

const GOLDEN = 137.508; // degrees: neighbours in order lie far apart

export const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function category(number, dark = isDark()) {
  return oklch(dark ? 0.76 : 0.6, dark ? 0.12 : 0.15, (255 + number * GOLDEN) % 360);
}

export const grey = (dark = isDark()) => (dark ? [110, 116, 130] : [176, 181, 192]);

// From the beginning of something (0) to its end (1).
export function ramp(share, dark = isDark()) {
  const at = Math.min(1, Math.max(0, share));
  return oklch(dark ? 0.55 + 0.3 * at : 0.45 + 0.3 * at, 0.13, 265 + 165 * at);
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

function oklch(lightness, chroma, hue) {
  const [a, b] = [chroma * Math.cos((hue * Math.PI) / 180), chroma * Math.sin((hue * Math.PI) / 180)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((x) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))));
}
