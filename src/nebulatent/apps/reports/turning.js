// Draws clouds, meshes and filled cells that a reader turns: no WebGL, pixel by pixel into a canvas.
// Nearer pixels hide farther ones, so pieces may pass through one another; all machines draw alike.
const turning = (() => {
  "use strict";
  const AMBIENT = 0.6; // light in the shadow
  const LIGHT = [-0.36, 0.48, 0.8]; // from the left, above and the eye
  const FADE = 0.55; // of the farthest dots towards white
  const ROUND = 0.3; // how much darker the rim of a dot is
  const DISC = 0.011; // radius of a dot of a thousand, in picture sides
  const SPAN = 65535; // coordinates are whole numbers from 0 to this
  const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]; // of a cell's face, counter-clockwise
  const WHITE = 0xffffffff;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const shorts = (text) => new Uint16Array(bytes(text).buffer);
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  // Directions to the right, to the top and towards the eye, for a view in degrees.
  const axes = ({ turn, tilt }) => {
    const [a, b] = [(turn * Math.PI) / 180, (tilt * Math.PI) / 180];
    const [s, c] = [Math.sin(a), Math.cos(a)];
    return [
      [c, s, 0],
      [-s * Math.sin(b), c * Math.sin(b), Math.cos(b)],
      [s * Math.cos(b), -c * Math.cos(b), Math.sin(b)],
    ];
  };

  const cross = (a, b) => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
  ];

  // What the page holds of a pane, as numbers: places, triangles, normals, a colour for each.
  const unpack = (pane, box) => {
    const colours = pane.colours.map(channels);
    if (pane.kind === "cells") return { ...cells(pane), colours };
    const points = Float32Array.from(shorts(pane.points), (q) => (2 * q / SPAN - 1) * box);
    const group = bytes(pane.group);
    if (pane.kind === "dots") return { points, group, colours, fades: pane.fades };
    const triangles = shorts(pane.triangles);
    return { points, triangles, group, colours, normals: smoothNormals(points, triangles) };
  };

  // A normal for each corner: the sum of those of its triangles, larger ones counting more.
  const smoothNormals = (points, triangles) => {
    const normals = new Float32Array(points.length);
    const corner = (i) => points.subarray(3 * i, 3 * i + 3);
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => corner(triangles[t + k]));
      const [u, v] = [b, c].map((p) => [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
      const normal = cross(u, v);
      for (let k = 0; k < 3; k += 1)
        for (let i = 0; i < 3; i += 1) normals[3 * triangles[t + k] + i] += normal[i];
    }
    for (let i = 0; i < normals.length; i += 3) {
      const length = Math.hypot(normals[i], normals[i + 1], normals[i + 2]) || 1;
      for (let k = 0; k < 3; k += 1) normals[i + k] /= length;
    }
    return normals;
  };

  // The faces between filled cells and all else, two triangles each.
  const cells = ({ size, side, bits }) => {
    const packed = bytes(bits);
    const filled = (place) => {
      if (place.some((at, axis) => at < 0 || at >= size[axis])) return false;
      const at = (place[0] * size[1] + place[1]) * size[2] + place[2];
      return (packed[at >> 3] >> (7 - (at & 7))) & 1;
    };
    const [points, normals, triangles] = [[], [], []];
    const face = (place, axis, way) => {
      const first = points.length / 3;
      for (const [u, v] of way > 0 ? CORNERS : [...CORNERS].reverse()) {
        const corner = [...place];
        corner[axis] += (way + 1) / 2;
        corner[(axis + 1) % 3] += u;
        corner[(axis + 2) % 3] += v;
        points.push(...corner.map((at, i) => (at - size[i] / 2) * side));
        normals.push(...[0, 1, 2].map((i) => (i === axis ? way : 0)));
      }
      triangles.push(first, first + 1, first + 2, first, first + 2, first + 3);
    };
    for (let x = 0; x < size[0]; x += 1)
      for (let y = 0; y < size[1]; y += 1)
        for (let z = 0; z < size[2]; z += 1)
          if (filled([x, y, z]))
            for (let axis = 0; axis < 3; axis += 1)
              for (const way of [1, -1]) {
                const beyond = [x, y, z];
                beyond[axis] += way;
                if (!filled(beyond)) face([x, y, z], axis, way);
              }
    const group = new Uint8Array(triangles.length / 3);
    return {
      points: Float32Array.from(points),
      normals: Float32Array.from(normals),
      triangles: Uint32Array.from(triangles),
      group,
    };
  };

  const turned = (vectors, directions) => {
    const result = new Float32Array(vectors.length);
    for (let i = 0; i < vectors.length; i += 3)
      for (let k = 0; k < 3; k += 1) {
        const way = directions[k];
        result[i + k] = vectors[i] * way[0] + vectors[i + 1] * way[1] + vectors[i + 2] * way[2];
      }
    return result;
  };

  // Red, green and blue of a pixel, as a canvas keeps them.
  const pack = ([r, g, b], shade, white) =>
    (0xff000000 |
      ((b * shade * (1 - white) + 255 * white) << 16) |
      ((g * shade * (1 - white) + 255 * white) << 8) |
      (r * shade * (1 - white) + 255 * white)) >>>
    0;

  // The pixels of a model seen from a view; `reach` is what is shown around the origin.
  const render = (model, view, side, reach) => {
    const seen = turned(model.points, axes(view));
    for (let i = 0; i < seen.length; i += 3) {
      seen[i] = ((seen[i] / reach + 1) * (side - 1)) / 2;
      seen[i + 1] = ((1 - seen[i + 1] / reach) * (side - 1)) / 2;
    }
    const picture = {
      side,
      depth: new Float32Array(side * side).fill(-Infinity),
      pixels: new Uint32Array(side * side).fill(WHITE),
    };
    if (model.triangles) faces(picture, model, seen, turned(model.normals, axes(view)));
    else dots(picture, model, seen);
    return picture.pixels;
  };

  const dots = ({ side, depth, pixels }, { group, colours, fades }, seen) => {
    const many = seen.length / 3;
    const radius = Math.max(1, side * DISC * Math.min(1.6, (1000 / many) ** 0.25));
    let [far, near] = [Infinity, -Infinity];
    for (let i = 2; i < seen.length; i += 3) {
      far = Math.min(far, seen[i]);
      near = Math.max(near, seen[i]);
    }
    for (let i = 0; i < many; i += 1) {
      const [x, y, z] = seen.subarray(3 * i, 3 * i + 3);
      const white = fades ? (FADE * (near - z)) / Math.max(near - far, 1e-6) : 0;
      const colour = colours[group[i]];
      const bottom = Math.min(side - 1, Math.floor(y + radius));
      for (let row = Math.max(0, Math.ceil(y - radius)); row <= bottom; row += 1) {
        const half = Math.sqrt(radius * radius - (row - y) ** 2);
        const last = Math.min(side - 1, Math.floor(x + half));
        for (let column = Math.max(0, Math.ceil(x - half)); column <= last; column += 1) {
          const at = row * side + column;
          if (z <= depth[at]) continue;
          depth[at] = z;
          const rim = ((row - y) ** 2 + (column - x) ** 2) / (radius * radius);
          pixels[at] = pack(colour, fades ? 1 - ROUND * rim : 1, white);
        }
      }
    }
  };

  const faces = (picture, { triangles, group, colours }, seen, normals) => {
    const shade = new Float32Array(normals.length / 3);
    for (let i = 0; i < shade.length; i += 1) {
      const lit = LIGHT.reduce((sum, part, k) => sum + part * normals[3 * i + k], 0);
      shade[i] = AMBIENT + (1 - AMBIENT) * Math.max(0, lit);
    }
    for (let t = 0; t < triangles.length; t += 3) {
      const corners = triangles.subarray(t, t + 3);
      face(picture, corners, seen, shade, colours[group[t / 3]]);
    }
  };

  const face = ({ side, depth, pixels }, [a, b, c], seen, shade, colour) => {
    const [ax, ay, az] = seen.subarray(3 * a, 3 * a + 3);
    const [bx, by, bz] = seen.subarray(3 * b, 3 * b + 3);
    const [cx, cy, cz] = seen.subarray(3 * c, 3 * c + 3);
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area >= 0) return; // seen from inside, rows counting downwards
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy)));
    const bottom = Math.min(side - 1, Math.floor(Math.max(ay, by, cy)));
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx)));
    const right = Math.min(side - 1, Math.floor(Math.max(ax, bx, cx)));
    for (let row = top; row <= bottom; row += 1)
      for (let column = left; column <= right; column += 1) {
        const u = ((bx - column) * (cy - row) - (by - row) * (cx - column)) / area;
        const v = ((cx - column) * (ay - row) - (cy - row) * (ax - column)) / area;
        const w = 1 - u - v;
        if (u < -1e-6 || v < -1e-6 || w < -1e-6) continue;
        const z = u * az + v * bz + w * cz;
        const at = row * side + column;
        if (z <= depth[at]) continue;
        depth[at] = z;
        pixels[at] = pack(colour, u * shade[a] + v * shade[b] + w * shade[c], 0);
      }
  };

  return { render, unpack };
})();

if (typeof document !== "undefined") {
  document.querySelectorAll(".turning").forEach((place) => {
    "use strict";
    const FINER = 2; // pixels of a picture for one of the page, so that edges are smooth
    const STEP = 10; // degrees of an arrow key
    const SPEED = 0.5; // degrees of a pixel dragged
    const scene = JSON.parse(place.querySelector("script").textContent);
    const stage = place.querySelector(".stage");
    const select = place.querySelector("select");
    let view = { ...scene.view };
    let panes = [];
    let waiting = false;

    const draw = () => {
      waiting = false;
      panes.forEach(({ canvas, model }) => {
        const side = Math.max(1, FINER * canvas.clientWidth);
        canvas.width = canvas.height = side;
        const pixels = turning.render(model, view, side, scene.reach);
        const picture = new ImageData(new Uint8ClampedArray(pixels.buffer), side, side);
        canvas.getContext("2d").putImageData(picture, 0, 0);
      });
    };
    const redraw = () => {
      if (!waiting) window.requestAnimationFrame(draw);
      waiting = true;
    };
    const turnBy = (turn, tilt) => {
      view.turn = (view.turn + turn) % 360;
      view.tilt = Math.max(-90, Math.min(90, view.tilt + tilt));
      redraw();
    };
    const choose = () => {
      const shape = scene.shapes[select.selectedIndex];
      panes = shape.panes.map((pane) => {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `${pane.title} of ${shape.name}`);
        const caption = document.createElement("span");
        caption.textContent = pane.title;
        const box = document.createElement("div");
        box.append(canvas, caption);
        return { box, canvas, model: turning.unpack(pane, scene.box) };
      });
      stage.replaceChildren(...panes.map(({ box }) => box));
      redraw();
    };

    stage.addEventListener("pointerdown", (event) => stage.setPointerCapture(event.pointerId));
    stage.addEventListener("pointermove", (event) => {
      if (event.buttons) turnBy(-SPEED * event.movementX, SPEED * event.movementY);
    });
    const keys = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    stage.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      turnBy(...keys[event.key]);
    });
    place.querySelector("button").addEventListener("click", () => {
      view = { ...scene.view };
      redraw();
    });
    select.addEventListener("change", choose);
    new ResizeObserver(redraw).observe(stage);
    choose();
  });
}
