precision highp float;

in vec3 position;
in vec3 destination;
in vec4 colour; // red, green, blue; state

uniform mat4 matrix;
uniform vec4 depth; // plane: -1 in front, 1 at the back
uniform vec3 background;
uniform vec3 grey;
uniform float share;
uniform float size;
uniform float nearness; // distance of the eye from the target; 0: no perspective
uniform float opacity;
uniform float selecting;

out vec4 tint;
out float diameter;
out float box;

void main() {
  vec4 place = vec4(mix(position, destination, share), 1.0);
  gl_Position = matrix * place;
  float state = floor(colour.a * 255.0 + 0.5);
  float back = smoothstep(-0.5, 1.0, dot(depth, place));

  tint = vec4(mix(colour.rgb, background, 0.5 * back), opacity);
  diameter = size;
  if (nearness > 0.0) diameter *= clamp(nearness / gl_Position.w, 0.6, 1.8);
  if (state < 0.5) {
    tint = vec4(mix(grey, background, 0.3 + 0.5 * back), 0.6 * opacity);
    diameter *= 0.7;
    // Behind all that is shown.
    gl_Position.z = gl_Position.w * (0.95 + 0.05 * gl_Position.z / gl_Position.w);
  } else if (selecting > 0.5 && state < 1.5) {
    tint.a *= 0.16;
    diameter *= 0.85;
  } else if (selecting > 0.5) {
    tint.a = 1.0;
    diameter *= 1.2;
  }
  diameter = max(diameter, 1.5);
  box = diameter + 2.0;
  gl_PointSize = box;
}
