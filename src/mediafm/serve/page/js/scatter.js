// Many points, quickly: WebGL where there is one, else a canvas. The same three calls: places, colours, draw.
// every: only each so manieth point, while a slow machine is moving.

const VERTEX = `#version 300 es
in vec2 place; in vec2 before; in vec4 colour;
uniform vec2 scale; uniform vec2 shift; uniform float size; uniform float share;
out vec4 paint;
void main() {
  gl_Position = vec4(mix(before, place, share) * scale + shift, 0.0, 1.0);
  gl_PointSize = colour.a > 0.0 ? size : 0.0;
  if (colour.a == 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  paint = colour;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec4 paint; uniform float size; out vec4 result;
void main() {
  float away = length(gl_PointCoord - 0.5) * size;
  float inside = clamp(size * 0.5 - away, 0.0, 1.0);
  result = vec4(paint.rgb * paint.a * inside, paint.a * inside);
}`;

export function scatter(canvas) {
  return byWebGL(canvas) ?? byCanvas(canvas);
}

function byWebGL(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, alpha: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const uniform = Object.fromEntries(["scale", "shift", "size", "share"].map((name) => [name, gl.getUniformLocation(program, name)]));
  const buffers = Object.fromEntries(["place", "before", "colour"].map((name) => [name, gl.createBuffer()]));
  let [count, step] = [0, 1];

  function fill(name, data) {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    aim(name);
  }

  function aim(name) {
    const where = gl.getAttribLocation(program, name);
    const colour = name === "colour";
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.enableVertexAttribArray(where);
    gl.vertexAttribPointer(where, colour ? 4 : 2, colour ? gl.UNSIGNED_BYTE : gl.FLOAT, colour, (colour ? 4 : 8) * step, 0);
  }

  return {
    kind: "webgl",
    places(now, before) {
      count = now.length / 2;
      fill("place", now);
      fill("before", before ?? now);
    },
    colours(rgba) { fill("colour", rgba); },
    draw({ scaleX, scaleY, x, y, size, share, every }) {
      if (every !== step) { step = every; Object.keys(buffers).forEach(aim); }
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniform.scale, (2 * scaleX) / canvas.width, (-2 * scaleY) / canvas.height);
      gl.uniform2f(uniform.shift, (2 * x) / canvas.width - 1, 1 - (2 * y) / canvas.height);
      gl.uniform1f(uniform.size, size);
      gl.uniform1f(uniform.share, share);
      gl.drawArrays(gl.POINTS, 0, Math.floor(count / step));
    },
    end() { gl.getExtension("WEBGL_lose_context")?.loseContext(); },
  };
}

function byCanvas(canvas) {
  const paint = canvas.getContext("2d");
  let [now, before, rgba] = [new Float32Array(), new Float32Array(), new Uint8Array()];
  return {
    kind: "canvas",
    places(given, old) { [now, before] = [given, old ?? given]; },
    colours(given) { rgba = given; },
    draw({ scaleX, scaleY, x, y, size, share, every }) {
      paint.clearRect(0, 0, canvas.width, canvas.height);
      let last = "";
      for (let i = 0; i < now.length / 2; i += every) {
        const alpha = rgba[4 * i + 3];
        if (!alpha) continue;
        const left = (before[2 * i] + (now[2 * i] - before[2 * i]) * share) * scaleX + x;
        const top = (before[2 * i + 1] + (now[2 * i + 1] - before[2 * i + 1]) * share) * scaleY + y;
        if (!(left > -size && left < canvas.width + size && top > -size && top < canvas.height + size)) continue;
        const colour = `rgb(${rgba[4 * i]} ${rgba[4 * i + 1]} ${rgba[4 * i + 2]} / ${alpha / 255})`;
        if (colour !== last) paint.fillStyle = last = colour;
        paint.fillRect(left - size / 2, top - size / 2, size, size);
      }
    },
    end() {},
  };
}
