// The brushes, the ways to look at a frame, and their keys: Nuke's where Nuke has one.

export const TOOLS = {
  matte: [
    { id: "add", label: "Add", icon: "add_circle", key: "N", help: "What is missing in the matte becomes white" },
    { id: "remove", label: "Remove", icon: "remove_circle", key: "N", help: "What is too much becomes black. A pen's eraser does it, too" },
    { id: "edge", label: "Edge", icon: "blur_linear", key: "X", help: "For hair and fur: the matte is drawn anew here, along the plate's own edges" },
  ],
  image: [
    { id: "reveal", label: "Reveal", icon: "layers_clear", key: "C", help: "The plate comes through" },
    { id: "clone", label: "Clone", icon: "approval", key: "C", help: "Copies from another place. Ctrl-click sets the source" },
    { id: "paint", label: "Paint", icon: "brush", key: "N", help: "Paints a colour. Ctrl-click picks one from the picture" },
    { id: "blur", label: "Blur", icon: "blur_on", key: "X", help: "Softens the result" },
  ],
};

export const VIEWS = [
  { id: "plate", label: "Plate", key: "1" },
  { id: "result", label: "Result", key: "2" },
  { id: "difference", label: "Difference", key: "3" },
  { id: "truth", label: "Truth", key: "4" },
  { id: "wipe", label: "Wipe", key: "W" },
];

export const MATTE_VIEWS = [
  { id: "overlay", label: "Overlay", key: "M" },
  { id: "bw", label: "Black and white", key: "A" },
  { id: "cutout", label: "Cut-out", key: "K" },
];

const PLAIN = {
  ArrowLeft: ["step", -1], ArrowRight: ["step", 1], Home: ["end", -1], End: ["end", 1],
  "[": ["size", 1 / 1.2], "]": ["size", 1.2], "{": ["hardness", -0.1], "}": ["hardness", 0.1],
  "+": ["zoom", 1.25], "=": ["zoom", 1.25], "-": ["zoom", 0.8],
  f: ["fit"], F: ["actual"], s: ["suggested", 1], S: ["suggested", -1],
};
const CONTROL = {
  ArrowLeft: ["suggested", -1], ArrowRight: ["suggested", 1], z: ["undo"], Z: ["redo"], y: ["redo"], Enter: ["save"], s: ["save"],
};

// What a key asks for: [name, value], or undefined.
export function keyOf(event, kind) {
  if (event.altKey) return undefined;
  if (event.ctrlKey || event.metaKey) return CONTROL[event.shiftKey && event.key === "z" ? "Z" : event.key];
  const key = event.key.toUpperCase();
  const view = VIEWS.find((each) => each.key === key);
  if (view) return ["view", view.id];
  const matte = kind === "matte" && MATTE_VIEWS.find((each) => each.key === key);
  if (matte) return ["matte", matte.id];
  if (TOOLS[kind]?.some((tool) => tool.key === key)) return ["tool", key];
  return PLAIN[event.key];
}
