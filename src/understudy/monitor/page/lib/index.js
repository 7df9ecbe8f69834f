// What the components share.
export { Bitmaps } from "./bitmaps.js";
export { View } from "./view.js";
export { Axis, ticks, number } from "./axis.js";
export { fetchJson } from "./api.js";
export { paintCurves } from "./paint.js";
