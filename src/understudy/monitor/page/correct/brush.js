// Where a stroke covers the frame: for every pixel the most that any part of the stroke puts there.
// An 8-bit likeness of what the monitor draws in float from the same strokes.

export class Coverage {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
  }

  clear(rect) {
    for (let y = rect.top; y < rect.bottom; y++) {
      this.data.fill(0, y * this.width + rect.left, y * this.width + rect.right);
    }
  }

  // Adds the part of the stroke from point i - 1 to i (or the dot i = 0). The rectangle that may have changed.
  add(stroke, i) {
    const to = dab(stroke, stroke.points[i]);
    const from = i ? dab(stroke, stroke.points[i - 1]) : to;
    const rect = clipped(bounds(from, to), this.width, this.height);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = dx * dx + dy * dy;
    for (let y = rect.top; y < rect.bottom; y++) {
      for (let x = rect.left; x < rect.right; x++) {
        const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
        const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
        const radius = from.radius + (to.radius - from.radius) * along;
        const part = Math.hypot(px - along * dx, py - along * dy) / radius;
        if (part >= 1 + 0.5 / radius) continue;
        const value = 255 * falloff(part, radius, stroke.hardness) + 0.5;
        const at = y * this.width + x;
        if (value > this.data[at]) this.data[at] = value;
      }
    }
    return rect;
  }
}

function dab(stroke, [x, y, pressure]) {
  return { x, y, radius: Math.max(0.5, (stroke.size / 2) * pressure) };
}

// 1 in the core, 0 at the rim; a hard brush still ends over one pixel.
function falloff(part, radius, hardness) {
  const soft = Math.max(1 - hardness, 1 / radius);
  const end = hardness > 1 - 1 / radius ? 1 + 0.5 / radius : 1;
  const at = Math.min(1, Math.max(0, (end - part) / soft));
  return at * at * (3 - 2 * at);
}

function bounds(from, to) {
  return {
    left: Math.floor(Math.min(from.x - from.radius, to.x - to.radius) - 1),
    top: Math.floor(Math.min(from.y - from.radius, to.y - to.radius) - 1),
    right: Math.ceil(Math.max(from.x + from.radius, to.x + to.radius) + 1),
    bottom: Math.ceil(Math.max(from.y + from.radius, to.y + to.radius) + 1),
  };
}

export function clipped(rect, width, height) {
  const within = (value, high) => Math.min(high, Math.max(0, value));
  return {
    left: within(rect.left, width), top: within(rect.top, height),
    right: within(rect.right, width), bottom: within(rect.bottom, height),
  };
}

export function united(one, other) {
  if (!one) return other;
  return {
    left: Math.min(one.left, other.left), top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right), bottom: Math.max(one.bottom, other.bottom),
  };
}
