// The frame that is painted on: the result with its strokes, drawn fast and in 8 bits. What counts is what the
// monitor makes of the strokes.
import { Coverage, clipped, united } from "./brush.js";

const TINT = [255, 64, 56]; // of the matte over the plate
const EDGE = [80, 160, 255];
const STRENGTH = 0.55;

export class Easel {
  constructor(kind, width, height) {
    this.kind = kind;
    this.width = width;
    this.height = height;
    this.style = "overlay";
    this.tint = TINT;
    this.canvas = canvas(width, height);
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.coverage = new Coverage(width, height);
    this.edges = new Uint8Array(width * height);
    this.sources = new Map(); // results of other frames, to clone from
    this.stroke = null;
    this.ready = false;
  }

  get all() {
    return { left: 0, top: 0, right: this.width, bottom: this.height };
  }

  // Take decoded pictures and the strokes on them; draws everything.
  load(plate, result, strokes) {
    this.plate = pixels(plate, this.width, this.height);
    this.base = pixels(result, this.width, this.height);
    this.ready = true;
    this.draw(strokes);
  }

  addSource(frame, picture) {
    this.sources.set(frame, pixels(picture, this.width, this.height));
  }

  // Draw these strokes on the result, from the first.
  draw(strokes) {
    if (!this.ready) return;
    this.work = new Uint8ClampedArray(this.base);
    this.now = new Uint8ClampedArray(this.base);
    this.edges.fill(0);
    for (const stroke of strokes) {
      this.begin(stroke);
      this.end();
    }
    this.compose(this.all);
  }

  // Begin a stroke that may still get points; those it has are drawn.
  begin(stroke) {
    this.stroke = stroke;
    this.drawn = 0;
    this.rect = null;
    this.target = this.targetOf(stroke);
    this.extend();
  }

  // Draw the points that were added since.
  extend() {
    let changed = null;
    for (; this.drawn < this.stroke.points.length; this.drawn++) {
      changed = united(changed, this.coverage.add(this.stroke, this.drawn));
    }
    if (!changed) return;
    this.rect = united(this.rect, changed);
    this.blend(changed);
    this.compose(changed);
  }

  end() {
    const { rect, stroke } = this;
    if (rect) {
      each(rect, this.width, (at) => {
        if (stroke.tool === "edge") this.edges[at] = Math.max(this.edges[at], this.coverage.data[at]);
        for (let c = at * 4; c < at * 4 + 3; c++) this.work[c] = this.now[c];
      });
      this.coverage.clear(rect);
    }
    this.stroke = this.rect = this.target = null;
  }

  blend(rect) {
    if (this.stroke.tool === "edge") return;
    const { work, now, target } = this;
    const opacity = this.stroke.opacity / 255;
    each(rect, this.width, (at) => {
      const part = this.coverage.data[at] * opacity;
      if (!part) return;
      const source = target(at);
      for (let c = 0; c < 3; c++) {
        now[at * 4 + c] = work[at * 4 + c] + (source.data[source.at + c] - work[at * 4 + c]) * part;
      }
    });
  }

  // What a stroke puts at a pixel: where to read it.
  targetOf(stroke) {
    const found = { data: null, at: 0 };
    const from = (data) => (at) => ((found.data = data), (found.at = at * 4), found);
    const plain = (colour) => ((found.data = colour), () => found);
    if (stroke.tool === "add") return plain([255, 255, 255]);
    if (stroke.tool === "remove") return plain([0, 0, 0]);
    if (stroke.tool === "reveal") return from(this.plate);
    if (stroke.tool === "paint") return plain(this.colourOf(stroke));
    if (stroke.tool === "blur") return from(this.blurred(stroke.size));
    if (stroke.tool === "clone") return this.cloned(stroke, found);
    return from(this.work);
  }

  colourOf(stroke) {
    if (!stroke.pick) return stroke.colour.map((part) => part * 255);
    return this.at(stroke.pick.of, stroke.pick.at);
  }

  // The display colour [r, g, b] of 0..255 at a place.
  at(of, [x, y]) {
    const data = of === "plate" ? this.plate : this.base;
    const at = 4 * (limited(y, this.height) * this.width + limited(x, this.width));
    return [...data.slice(at, at + 3)];
  }

  // From another frame its result, from this one what is there by now; nothing from outside.
  cloned(stroke, found) {
    const other = this.sources.get(stroke.from_frame);
    const source = other ?? new Uint8ClampedArray(this.work);
    const [dx, dy] = (stroke.offset ?? [0, 0]).map(Math.round);
    return (at) => {
      const [x, y] = [(at % this.width) + dx, Math.floor(at / this.width) + dy];
      const inside = x >= 0 && y >= 0 && x < this.width && y < this.height;
      found.data = inside ? source : this.work;
      found.at = 4 * (inside ? y * this.width + x : at);
      return found;
    };
  }

  blurred(size) {
    const from = canvas(this.width, this.height);
    from.getContext("2d").putImageData(new ImageData(this.work.slice(), this.width, this.height), 0, 0);
    const to = canvas(this.width, this.height);
    const pen = to.getContext("2d", { willReadFrequently: true });
    pen.filter = `blur(${Math.max(0.5, size / 10)}px)`;
    pen.drawImage(from, 0, 0);
    return pen.getImageData(0, 0, this.width, this.height).data;
  }

  setStyle(style) {
    this.style = style;
    if (this.ready) this.compose(this.all);
  }

  // Make the picture to look at.
  compose(asked) {
    const rect = clipped(asked, this.width, this.height);
    const [wide, high] = [rect.right - rect.left, rect.bottom - rect.top];
    if (wide <= 0 || high <= 0) return;
    const image = new ImageData(wide, high);
    const look = this.kind === "matte" ? this[this.style] : this.picture;
    let to = 0;
    each(rect, this.width, (at) => {
      look.call(this, image.data, to, at);
      if (this.kind === "matte") this.tintEdge(image.data, to, at);
      image.data[to + 3] = 255;
      to += 4;
    });
    this.pen.putImageData(image, rect.left, rect.top);
  }

  picture(out, to, at) {
    for (let c = 0; c < 3; c++) out[to + c] = this.now[at * 4 + c];
  }

  bw(out, to, at) {
    out[to] = out[to + 1] = out[to + 2] = this.now[at * 4];
  }

  overlay(out, to, at) {
    const part = (this.now[at * 4] / 255) * STRENGTH;
    for (let c = 0; c < 3; c++) out[to + c] = this.plate[at * 4 + c] * (1 - part) + this.tint[c] * part;
  }

  cutout(out, to, at) {
    const part = this.now[at * 4] / 255;
    const light = ((at % this.width) >> 4) + (Math.floor(at / this.width) >> 4);
    const back = light & 1 ? 52 : 68;
    for (let c = 0; c < 3; c++) out[to + c] = this.plate[at * 4 + c] * part + back * (1 - part);
  }

  tintEdge(out, to, at) {
    const live = this.stroke?.tool === "edge" ? this.coverage.data[at] : 0;
    const part = (Math.max(this.edges[at], live) / 255) * 0.45;
    if (part) for (let c = 0; c < 3; c++) out[to + c] = out[to + c] * (1 - part) + EDGE[c] * part;
  }
}

function each(rect, width, work) {
  for (let y = rect.top; y < rect.bottom; y++) {
    for (let x = rect.left; x < rect.right; x++) work(y * width + x);
  }
}

function limited(value, size) {
  return Math.min(size - 1, Math.max(0, Math.floor(value)));
}

function canvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

function pixels(picture, width, height) {
  const pen = canvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(picture, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height).data;
}
