// What is painted and said, but not saved yet: per frame its strokes, or the mark "accept" or "empty".
// Every change is kept in the browser at once, so that a reload loses nothing.

const PREFIX = "understudy/corrections/";

export class Pending {
  // Of the first shot of a run, or of another one of this index.
  constructor(run, index = 0, storage = window.localStorage) {
    this.prefix = `${PREFIX}${run}/${index ? `@${index}/` : ""}`;
    this.storage = storage;
    this.frames = new Map();
    this.fault = "";
    this.read();
  }

  read() {
    for (let i = 0; i < this.storage.length; i++) {
      const key = this.storage.key(i);
      if (!key.startsWith(this.prefix)) continue;
      const entry = entryOf(this.storage.getItem(key));
      const frame = Number(key.slice(this.prefix.length));
      if (entry && Number.isInteger(frame)) this.frames.set(frame, entry);
    }
  }

  strokes(frame) {
    return this.frames.get(frame)?.strokes ?? [];
  }

  mark(frame) {
    return this.frames.get(frame)?.mark ?? "";
  }

  canRedo(frame) {
    return Boolean(this.frames.get(frame)?.redo.length);
  }

  add(frame, stroke) {
    const entry = this.entry(frame);
    entry.strokes = [...entry.strokes, stroke];
    entry.redo = [];
    entry.mark = "";
    this.write(frame);
  }

  // Undo and redo give the stroke that went or came.
  undo(frame) {
    const entry = this.frames.get(frame);
    if (!entry?.strokes.length) return;
    entry.redo.push(entry.strokes.at(-1));
    entry.strokes = entry.strokes.slice(0, -1);
    this.write(frame);
    return entry.redo.at(-1);
  }

  redo(frame) {
    const entry = this.frames.get(frame);
    if (!entry?.redo.length) return;
    entry.strokes = [...entry.strokes, entry.redo.pop()];
    entry.mark = "";
    this.write(frame);
    return entry.strokes.at(-1);
  }

  setMark(frame, mark) {
    this.entry(frame).mark = mark;
    this.write(frame);
  }

  // What there is of a frame; here it is forgotten.
  take(frame) {
    const entry = this.entry(frame);
    this.forget(frame);
    return entry;
  }

  // Put back what was taken; what has come since lies over it.
  restore(frame, { strokes, mark }) {
    const entry = this.entry(frame);
    entry.strokes = [...strokes, ...entry.strokes];
    entry.mark = entry.strokes.length ? "" : entry.mark || mark;
    this.write(frame);
  }

  forget(frame) {
    this.frames.delete(frame);
    this.storage.removeItem(this.prefix + frame);
  }

  // What the route takes, of these frames; undefined when there is nothing.
  body(frames) {
    const numbers = frames.filter((frame) => this.frames.has(frame));
    const strokes = numbers.filter((frame) => this.strokes(frame).length)
      .map((frame) => ({ version: 1, frame, strokes: this.strokes(frame) }));
    const marked = (mark) => rangeText(numbers.filter((frame) => this.mark(frame) === mark));
    const body = {};
    if (strokes.length) body.strokes = strokes;
    if (marked("accept")) body.accept = marked("accept");
    if (marked("empty")) body.empty = marked("empty");
    return Object.keys(body).length ? body : undefined;
  }

  waiting(frame) {
    return this.strokes(frame).length > 0 || this.mark(frame) !== "";
  }

  entry(frame) {
    if (!this.frames.has(frame)) this.frames.set(frame, { strokes: [], redo: [], mark: "" });
    return this.frames.get(frame);
  }

  write(frame) {
    const { strokes, mark } = this.frames.get(frame);
    try {
      if (!strokes.length && !mark) this.storage.removeItem(this.prefix + frame);
      else this.storage.setItem(this.prefix + frame, JSON.stringify({ version: 1, frame, strokes, mark }));
      this.fault = "";
    } catch {
      this.fault = "The browser has no room to keep these strokes over a reload. Save them soon.";
    }
  }
}

function entryOf(text) {
  try {
    const { version, strokes, mark } = JSON.parse(text);
    return version === 1 && Array.isArray(strokes) ? { strokes, mark: mark ?? "", redo: [] } : undefined;
  } catch {
    return undefined;
  }
}

// "1001-1003,1010" of sorted numbers.
export function rangeText(numbers) {
  const parts = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(",");
}
