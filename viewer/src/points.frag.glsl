precision highp float;

in vec4 tint;
in float diameter;
in float box;

out vec4 fragment;

void main() {
  float radius = 0.5 * diameter;
  float away = length(gl_PointCoord - 0.5) * box;
  float cover = clamp(radius + 0.5 - away, 0.0, 1.0) * tint.a;
  if (cover < 0.02) discard;
  // A darker rim keeps discs of one colour apart.
  float rim = smoothstep(radius - 1.8, radius - 0.4, away) * step(2.5, radius);
  fragment = vec4(tint.rgb * (1.0 - 0.25 * rim) * cover, cover);
}
