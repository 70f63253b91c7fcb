/** All points of a map in one buffer and one draw call. */

import {
  BufferAttribute,
  BufferGeometry,
  Camera,
  CustomBlending,
  GLSL3,
  Matrix4,
  OneFactor,
  OneMinusSrcAlphaFactor,
  Points,
  RawShaderMaterial,
  Vector3,
  Vector4,
} from "three";
import type { Camera as Viewpoint, View } from "./camera";
import { dot } from "./camera";
import { parseHex } from "./oklab";
import { DepthOrder, SORTED_AT_MOST } from "./order";
import fragmentShader from "./points.frag.glsl?raw";
import vertexShader from "./points.vert.glsl?raw";

/** States in the fourth byte of a point's colour. */
export const FILTERED = 0;
export const SHOWN = 1;
export const SELECTED = 2;

export interface Look {
  /** Diameter in device pixels. */
  size: number;
  opacity: number;
  background: string;
  grey: string;
  /** Some points are selected: the others step back. */
  selecting: boolean;
}

/** How far from the target, in map units, the depth cue reaches. */
const CUE_DEPTH = 2.2;

export class PointCloud {
  readonly object: Points<BufferGeometry, RawShaderMaterial>;
  private readonly depthOrder: DepthOrder | null;
  private readonly uniforms;

  constructor(
    private from: Float32Array,
    colours: BufferAttribute,
  ) {
    const count = from.length / 3;
    const geometry = new BufferGeometry();
    const position = new BufferAttribute(from, 3);
    geometry.setAttribute("position", position);
    geometry.setAttribute("destination", position);
    geometry.setAttribute("colour", colours);
    this.depthOrder = count <= SORTED_AT_MOST ? new DepthOrder(count) : null;
    if (this.depthOrder) geometry.setIndex(new BufferAttribute(new Uint32Array(count), 1));
    this.uniforms = {
      matrix: { value: new Matrix4() },
      depth: { value: new Vector4() },
      background: { value: new Vector3() },
      grey: { value: new Vector3() },
      share: { value: 0 },
      size: { value: 1 },
      nearness: { value: 0 },
      opacity: { value: 1 },
      selecting: { value: 0 },
    };
    const material = new RawShaderMaterial({
      uniforms: this.uniforms,
      vertexShader,
      fragmentShader,
      glslVersion: GLSL3,
      transparent: true,
      blending: CustomBlending,
      blendSrc: OneFactor,
      blendDst: OneMinusSrcAlphaFactor,
    });
    this.object = new Points(geometry, material);
    this.object.frustumCulled = false;
    this.object.matrixAutoUpdate = false;
  }

  /** Points on their way from one map to another; both the same: at rest. */
  travel(from: Float32Array, to: Float32Array): void {
    const { geometry } = this.object;
    this.from = from;
    const start = new BufferAttribute(from, 3);
    geometry.setAttribute("position", start);
    geometry.setAttribute("destination", from === to ? start : new BufferAttribute(to, 3));
  }

  /** Sort by depth. `share` of the way to `to` is done. */
  sort(view: View, to: Float32Array, share: number, shown: Uint8Array): void {
    const { index } = this.object.geometry;
    if (!this.depthOrder || !index) return;
    this.depthOrder.sort(index.array as Uint32Array, this.from, to, share, view.towards, shown);
    index.needsUpdate = true;
  }

  aim(view: View, camera: Viewpoint, share: number, look: Look): void {
    const { uniforms } = this;
    const { material } = this.object;
    uniforms.matrix.value.fromArray(view.matrix);
    const [x, y, z] = view.towards.map((value) => -value / CUE_DEPTH);
    uniforms.depth.value.set(x, y, z, dot(view.towards, camera.target) / CUE_DEPTH);
    uniforms.background.value.set(...parseHex(look.background));
    uniforms.grey.value.set(...parseHex(look.grey));
    uniforms.share.value = share;
    uniforms.size.value = look.size;
    uniforms.nearness.value = view.perspective ? view.distance : 0;
    uniforms.opacity.value = look.opacity;
    uniforms.selecting.value = look.selecting ? 1 : 0;
    // Sorted points need no depth buffer; unsorted ones do as long as they are opaque.
    const buffered = !this.depthOrder && look.opacity > 0.95;
    material.depthTest = buffered;
    material.depthWrite = buffered;
  }

  dispose(): void {
    this.object.geometry.dispose();
    this.object.material.dispose();
  }
}

/** Matrices come with the points; three.js asks for a camera all the same. */
export const NO_CAMERA = new Camera();
