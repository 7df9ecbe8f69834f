// Values <-> pixels along one axis, straight or logarithmic, and the marks on it.

export class Axis {
  constructor(low, high, start, end, log = false) {
    this.log = log;
    this.low = log ? Math.max(low, 1e-12) : low;
    this.high = Math.max(high, this.low + (log ? this.low * 1e-6 : 1e-12));
    this.start = start;
    this.end = end;
  }

  toPixel(value) {
    return this.start + this.part(value) * (this.end - this.start);
  }

  part(value) {
    if (!this.log) return (value - this.low) / (this.high - this.low);
    return Math.log(Math.max(value, 1e-12) / this.low) / Math.log(this.high / this.low);
  }

  toValue(pixel) {
    const part = (pixel - this.start) / (this.end - this.start);
    if (!this.log) return this.low + part * (this.high - this.low);
    return this.low * Math.pow(this.high / this.low, part);
  }
}

// Round values between low and high, about `wanted` of them.
export function ticks(axis, wanted) {
  if (axis.log && axis.high / axis.low > 8) return decades(axis, wanted);
  const step = roundStep((axis.high - axis.low) / wanted);
  const found = [];
  for (let at = Math.ceil(axis.low / step) * step; at <= axis.high + step / 1e6; at += step) {
    found.push(Math.abs(at) < step / 1e6 ? 0 : at);
  }
  return found;
}

function decades(axis, wanted) {
  const found = [];
  const first = Math.floor(Math.log10(axis.low));
  const last = Math.ceil(Math.log10(axis.high));
  const within = last - first <= wanted / 3 ? [1, 2, 5] : [1];
  for (let power = first; power <= last; power++) {
    for (const digit of within) {
      const value = digit * Math.pow(10, power);
      if (value >= axis.low && value <= axis.high) found.push(value);
    }
  }
  return found;
}

function roundStep(rough) {
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const digit = rough / power;
  return (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10) * power;
}

export function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim((value / 1e6).toPrecision(digits))}M`;
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  if (size >= 1e-4) return trim(value.toPrecision(digits));
  return value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e");
}

function trim(text) {
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}
