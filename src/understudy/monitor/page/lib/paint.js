// Draws axes and curves. Nothing here knows of the page.
import { number, ticks } from "./axis.js";

const LINES = "#2b3038";
const WORDS = "#8d96a3";
const FONT = "11px Roboto, system-ui, sans-serif";

export function paintCurves(pen, scene) {
  const { box } = scene;
  pen.clearRect(0, 0, scene.width, scene.height);
  pen.font = FONT;
  paintGrid(pen, scene);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  pen.clip();
  for (const curve of scene.curves) paintCurve(pen, scene, curve);
  pen.restore();
}

function paintGrid(pen, { x, y, right, box, metric }) {
  pen.lineWidth = 1;
  pen.strokeStyle = LINES;
  pen.fillStyle = WORDS;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const value of ticks(y, 6)) {
    const at = Math.round(y.toPixel(value)) + 0.5;
    line(pen, box.left, at, box.right, at);
    pen.fillText(number(value, 3), box.left - 8, at);
  }
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const value of ticks(x, Math.max(2, Math.round((box.right - box.left) / 110)))) {
    const at = Math.round(x.toPixel(value)) + 0.5;
    line(pen, at, box.top, at, box.bottom);
    pen.fillText(number(value, 4), at, box.bottom + 7);
  }
  if (right) paintRight(pen, right, box, metric);
}

function paintRight(pen, right, box, metric) {
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const value of ticks(right, 5)) {
    pen.fillText(number(value, 3), box.right + 8, right.toPixel(value));
  }
  pen.textBaseline = "bottom";
  pen.textAlign = "right";
  pen.fillText(`held-out ${metric}`.trim(), box.right + 44, box.top - 4);
}

function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}

function paintCurve(pen, scene, curve) {
  const { x, y, right, box } = scene;
  const faint = curve.smooth.length > 0;
  if (scene.original || !faint) {
    const veil = curve.strong || scene.curves.length === 1 ? 0.32 : scene.curves.length > 5 ? 0.09 : 0.14;
    path(pen, x, y, curve.step, curve.loss, curve.colour, faint ? veil : 0.95, faint ? 1 : 1.5);
  }
  path(pen, x, y, curve.smooth_step, curve.smooth, curve.colour, 1, curve.strong ? 2.5 : 1.75);
  if (scene.heldOut) {
    const axis = right ?? y;
    pen.setLineDash([5, 4]);
    path(pen, x, axis, curve.held_out_step, curve.held_out, curve.colour, 0.9, 1.25);
    pen.setLineDash([]);
    dots(pen, x, axis, curve.held_out_step, curve.held_out, curve.colour);
    if (curve.strong || scene.curves.length === 1) paintMattes(pen, x, axis, curve);
  }
  marks(pen, x, box, curve);
}

// Each of several mattes in its colour, with its name at the end.
function paintMattes(pen, x, axis, curve) {
  const steps = curve.held_out_step;
  for (const { name, colour, held_out: values } of curve.held_out_of ?? []) {
    pen.setLineDash([2, 3]);
    path(pen, x, axis, steps, values, colour, 0.9, 1.25);
    pen.setLineDash([]);
    const last = values.findLastIndex((value) => value !== null);
    if (last < 0) continue;
    pen.globalAlpha = 1;
    pen.fillStyle = colour;
    pen.fillText(name, x.toPixel(steps[last]) + 4, axis.toPixel(values[last]) - 4);
  }
}

function path(pen, x, y, steps, values, colour, strength, width) {
  if (steps.length === 0) return;
  pen.globalAlpha = strength;
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.beginPath();
  let up = true;
  for (let i = 0; i < steps.length; i++) {
    if (values[i] === null) {
      up = true;
      continue;
    }
    const [px, py] = [x.toPixel(steps[i]), y.toPixel(values[i])];
    up ? pen.moveTo(px, py) : pen.lineTo(px, py);
    up = false;
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function dots(pen, x, y, steps, values, colour) {
  if (steps.length > 120) return;
  pen.fillStyle = colour;
  steps.forEach((step, i) => {
    if (values[i] === null) return;
    pen.beginPath();
    pen.arc(x.toPixel(step), y.toPixel(values[i]), 2.5, 0, 7);
    pen.fill();
  });
}

// Checkpoints are marked along the lower edge; the best one is filled.
function marks(pen, x, box, curve) {
  pen.lineWidth = 1.25;
  pen.strokeStyle = pen.fillStyle = curve.colour;
  for (const step of new Set([...curve.checkpoints, ...(curve.best_step ? [curve.best_step] : [])])) {
    const at = x.toPixel(step);
    pen.beginPath();
    pen.moveTo(at, box.bottom - 8);
    pen.lineTo(at - 4, box.bottom - 1);
    pen.lineTo(at + 4, box.bottom - 1);
    pen.closePath();
    step === curve.best_step ? pen.fill() : pen.stroke();
  }
}
