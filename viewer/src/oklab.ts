/** Colours as eyes measure them: OKLab (Ottosson, 2020), and how they look without a kind of cone. */

/** Red, green and blue, 0 to 1, as on the screen (sRGB). */
export type Rgb = readonly [number, number, number];
/** Lightness 0 to 1, green to red, blue to yellow. */
export type Lab = readonly [number, number, number];

export type Sight = "normal" | "protanopia" | "deuteranopia" | "tritanopia";

// Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB.
const SIGHT: Record<Exclude<Sight, "normal">, readonly number[]> = {
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

export function parseHex(hex: string): Rgb {
  const value = parseInt(hex.slice(1), 16);
  return [((value >> 16) & 255) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

export function toHex(rgb: Rgb): string {
  return (
    "#" +
    rgb
      .map((value) =>
        Math.round(value * 255)
          .toString(16)
          .padStart(2, "0"),
      )
      .join("")
  );
}

export function toLab(rgb: Rgb): Lab {
  const [r, g, b] = rgb.map(linear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** The screen colour of a lightness, chroma and hue (in turns), or null where no screen shows it. */
export function fromLch(lightness: number, chroma: number, turn: number): Rgb | null {
  const angle = turn * 2 * Math.PI;
  const rgb = fromLab([lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)]);
  return rgb.every((value) => value >= -1e-4 && value <= 1 + 1e-4) ? clamp(rgb) : null;
}

export function fromLab([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    companded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    companded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    companded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** A colour between two, even to the eye; `share` 0 to 1. */
export function between(from: Lab, to: Lab, share: number): Rgb {
  const mix = (k: 0 | 1 | 2) => from[k] + (to[k] - from[k]) * share;
  return clamp(fromLab([mix(0), mix(1), mix(2)]));
}

/** What a person of that colour vision sees. */
export function seenBy(rgb: Rgb, sight: Sight): Rgb {
  if (sight === "normal") return rgb;
  const m = SIGHT[sight];
  const [r, g, b] = rgb.map(linear);
  return clamp([
    companded(m[0] * r + m[1] * g + m[2] * b),
    companded(m[3] * r + m[4] * g + m[5] * b),
    companded(m[6] * r + m[7] * g + m[8] * b),
  ]);
}

export function distance(a: Lab, b: Lab): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** WCAG's contrast ratio, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (light + 0.05) / (dark + 0.05);
}

export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map(linear);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function clamp([r, g, b]: Rgb): Rgb {
  return [Math.min(1, Math.max(0, r)), Math.min(1, Math.max(0, g)), Math.min(1, Math.max(0, b))];
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function companded(value: number): number {
  if (value <= 0.0031308) return 12.92 * value;
  return 1.055 * value ** (1 / 2.4) - 0.055;
}
