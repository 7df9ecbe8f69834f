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
    const [toX, toY, toPressure] = stroke.points[i];
    const [x0, y0, pressure] = stroke.points[Math.max(0, i - 1)];
    const radius = stroke.size / 2;
    const rect = clipped(bounds([x0, y0], [toX, toY], radius + 1), this.width, this.height);
    const [dx, dy, more] = [toX - x0, toY - y0, toPressure - pressure];
    const length = dx * dx + dy * dy;
    for (let y = rect.top; y < rect.bottom; y++) {
      for (let x = rect.left; x < rect.right; x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
        const part = profile(Math.hypot(px - along * dx, py - along * dy), radius, stroke.hardness);
        if (!part) continue;
        const value = 255 * part * (pressure + more * along) + 0.5;
        const at = y * this.width + x;
        if (value > this.data[at]) this.data[at] = value;
      }
    }
    return rect;
  }
}

// 1 in the core, from there smoothly to 0 at the rim; a hard brush ends over one pixel.
function profile(distance, radius, hardness) {
  const soft = radius * (1 - hardness);
  if (soft < 1) return Math.min(1, Math.max(0, radius + 0.5 - distance));
  const at = Math.min(1, Math.max(0, (radius - distance) / soft));
  return at * at * (3 - 2 * at);
}

function bounds(from, to, reach) {
  return {
    left: Math.floor(Math.min(from[0], to[0]) - reach),
    top: Math.floor(Math.min(from[1], to[1]) - reach),
    right: Math.ceil(Math.max(from[0], to[0]) + reach),
    bottom: Math.ceil(Math.max(from[1], to[1]) + reach),
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
