/** The camera: where one looks from. All in float64; the graphics card gets the finished matrix. */

export type Vector = readonly [number, number, number];

export interface Camera {
  /** Degrees around the third axis, from the first to the second. */
  azimuth: number;
  /** Degrees above the plane of the first two axes. */
  elevation: number;
  /** What one looks at, and turns around. */
  target: Vector;
  /** Extent of the plane through the target that is seen along the shorter side of a viewport. */
  span: number;
}

/** The part of a canvas that shows a map, in CSS pixels. */
export interface Viewport {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface View {
  right: Vector;
  up: Vector;
  /** From the target to the eye. */
  towards: Vector;
  /** World to clip space, columns first. */
  matrix: Float64Array;
  /** Distance of the eye from the target. */
  distance: number;
  perspective: boolean;
}

export const START: Camera = { azimuth: 300, elevation: 25, target: [0, 0, 0], span: 4.4 };
/** Seen from above: the first axis to the right, the second upwards. */
export const FLAT = { azimuth: 270, elevation: 90 } as const;

const FIELD_OF_VIEW = (32 * Math.PI) / 180;
const LEAST_SPAN = 1e-5;
const LARGEST_SPAN = 200;

/** `radius`: how far points lie from 0, which sets the depth range. */
export function viewOf(camera: Camera, aspect: number, perspective: boolean, radius: number): View {
  const { right, up, towards } = axes(camera);
  const distance = distanceOf(camera.span);
  const reach = radius + length(camera.target);
  const near = perspective ? Math.max(distance - reach, distance * 0.01) : distance - reach;
  const far = distance + reach;
  const matrix = new Float64Array(16);
  const halfWidth = (camera.span / 2) * Math.max(1, aspect);
  const halfHeight = camera.span / 2 / Math.min(1, aspect);
  const across = [right, up, towards];
  // Eye coordinates: e = axes . (p - target), z shifted by the distance of the eye.
  const offset = across.map((axis) => -dot(axis, camera.target));
  for (let column = 0; column < 4; column++) {
    const [x, y, z] = across.map((axis, k) => (column < 3 ? axis[column] : offset[k]));
    const w = column < 3 ? 0 : 1;
    const depth = w * distance - z; // in front of the eye
    if (perspective) {
      matrix[column * 4] = (x * distance) / halfWidth;
      matrix[column * 4 + 1] = (y * distance) / halfHeight;
      matrix[column * 4 + 2] = ((far + near) * depth - 2 * far * near * w) / (far - near);
      matrix[column * 4 + 3] = depth;
    } else {
      matrix[column * 4] = x / halfWidth;
      matrix[column * 4 + 1] = y / halfHeight;
      matrix[column * 4 + 2] = (2 * depth - (far + near) * w) / (far - near);
      matrix[column * 4 + 3] = w;
    }
  }
  return { right, up, towards, matrix, distance, perspective };
}

/** How far the eye is from the target. */
export function distanceOf(span: number): number {
  return span / 2 / Math.tan(FIELD_OF_VIEW / 2);
}

export function axes({ azimuth, elevation }: Camera): { right: Vector; up: Vector; towards: Vector } {
  const a = (azimuth * Math.PI) / 180;
  const e = (elevation * Math.PI) / 180;
  return {
    right: [-Math.sin(a), Math.cos(a), 0],
    up: [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)],
    towards: [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)],
  };
}

export function orbit(camera: Camera, degreesRight: number, degreesUp: number): Camera {
  const azimuth = (((camera.azimuth - degreesRight) % 360) + 360) % 360;
  const elevation = Math.min(90, Math.max(-90, camera.elevation + degreesUp));
  return { ...camera, azimuth, elevation };
}

/** Move what is seen by pixels, so that the plane of the target stays under the pointer. */
export function pan(camera: Camera, dx: number, dy: number, viewport: Viewport): Camera {
  const { right, up } = axes(camera);
  const unit = camera.span / Math.min(viewport.width, viewport.height);
  const [x, y, z] = camera.target.map((value, k) => value + (-dx * right[k] + dy * up[k]) * unit);
  return { ...camera, target: [x, y, z] };
}

/** Come nearer by a factor; what lies under (x, y), in pixels of the viewport, stays there. */
export function zoom(camera: Camera, factor: number, x: number, y: number, viewport: Viewport): Camera {
  const span = Math.min(LARGEST_SPAN, Math.max(LEAST_SPAN, camera.span / factor));
  const dx = x - viewport.width / 2;
  const dy = y - viewport.height / 2;
  const before = pan(camera, -dx, -dy, viewport);
  const after = pan({ ...before, span }, dx, dy, viewport);
  return after;
}

/** Part of the way from one camera to another; angles go the short way round, spans by factors. */
export function blend(from: Camera, to: Camera, share: number): Camera {
  const turn = ((((to.azimuth - from.azimuth) % 360) + 540) % 360) - 180;
  const mix = (a: number, b: number) => a + (b - a) * share;
  const [x, y, z] = from.target.map((value, k) => mix(value, to.target[k]));
  return {
    azimuth: (from.azimuth + turn * share + 360) % 360,
    elevation: mix(from.elevation, to.elevation),
    target: [x, y, z],
    span: Math.exp(mix(Math.log(from.span), Math.log(to.span))),
  };
}

/** Nearer than a tenth of a pixel or of a degree: the same picture. */
export function sameView(a: Camera, b: Camera): boolean {
  const unit = Math.min(a.span, b.span) * 1e-4;
  return (
    Math.abs(a.azimuth - b.azimuth) < 0.02 &&
    Math.abs(a.elevation - b.elevation) < 0.02 &&
    Math.abs(a.span - b.span) < unit &&
    a.target.every((value, k) => Math.abs(value - b.target[k]) < unit)
  );
}

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function length(a: Vector): number {
  return Math.sqrt(dot(a, a));
}
