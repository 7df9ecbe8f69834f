// What the components share.
export { Bitmaps } from "./bitmaps.js";
export { View } from "./view.js";
export { Axis, ticks, number } from "./axis.js";
export { fetchJson, fetchRoute, sendJson } from "./api.js";
export { paintMarks, pointAt } from "./points.js";
export { paintCurves } from "./paint.js";
