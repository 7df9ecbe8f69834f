// What the tab Correct is made of.
export { Easel } from "./easel.js";
export { Pending, rangeText } from "./pending.js";
export { Session, versionOf } from "./session.js";
export { Stage } from "./stage.js";
export { Strip } from "./strip.js";
export { TOOLS, VIEWS, MATTE_VIEWS, keyOf } from "./tools.js";
