// Loss against step. Fetches what it shows from /api/curves, thinned to its own width.
import { Axis, fetchJson, number, paintCurves } from "understudy-page";

const MARGIN = { left: 58, right: 14, top: 14, bottom: 28 };
const RIGHT_AXIS = 52;
const BUDGET = 5600;

export default {
  template: `
    <div class="us-graph" ref="root">
      <canvas ref="canvas" tabindex="0" aria-label="Loss against step"
        @wheel.prevent="wheel" @pointerdown="press" @pointermove="move" @pointerup="release"
        @pointerleave="leave" @dblclick="reset" @contextmenu.prevent></canvas>
      <div class="us-rubber" v-if="rubber" :style="rubberStyle"></div>
      <div class="us-hover" v-if="hover" :style="hoverStyle">
        <div class="us-hover-step">Step {{ format(hover.step) }}</div>
        <div v-for="row in hover.rows" :key="row.name" class="us-hover-row">
          <i :style="{ background: row.colour }"></i><span>{{ row.name }}</span>
          <b>{{ format(row.loss, 6) }}</b><b v-if="row.held_out != null">{{ format(row.held_out, 4) }}</b>
        </div>
      </div>
      <div class="us-empty" v-if="message">{{ message }}</div>
    </div>`,
  props: { runs: Array, log: Boolean, smoothness: Number, original: Boolean, heldOut: Boolean, strong: String, any: Boolean, metric: String, term: String },
  data: () => ({ hover: null, rubber: null, error: "", loaded: false }),
  computed: {
    message() {
      if (this.error) return this.error;
      if (!this.any) return "The loss of each run shows here, as soon as there is one.";
      if (!this.runs.length) return "No curve is ticked. Tick runs in the table below.";
      return this.loaded && !this.anyPoints ? "No steps yet. The curve appears with the first ones." : "";
    },
    hoverStyle() {
      const { x, y, width } = this.hover;
      return { top: `${y}px`, ...(x > width / 2 ? { right: `${width - x + 14}px` } : { left: `${x + 14}px` }) };
    },
    rubberStyle() {
      const [x0, y0, x1, y1] = this.rubber;
      return {
        left: `${Math.min(x0, x1)}px`,
        top: `${Math.min(y0, y1)}px`,
        width: `${Math.abs(x1 - x0)}px`,
        height: `${Math.abs(y1 - y0)}px`,
      };
    },
    anyPoints() {
      return this.loaded && [...this.curves.values()].some((curve) => curve.steps > 0);
    },
  },
  created() {
    this.curves = new Map();
    this.span = null; // [from, to] steps, null: everything
    this.range = null; // [low, high] loss, null: what is there
    this.wanted = new Set();
    this.bytes = 0;
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.$refs.root);
    this.loadAll();
  },
  unmounted() {
    this.observer.disconnect();
  },
  watch: {
    runs(now, before) {
      const known = new Set(before.map((run) => run.name));
      this.load(now.filter((run) => !known.has(run.name) || !this.curves.has(run.name)).map((run) => run.name));
      this.draw();
    },
    smoothness() {
      this.loadAll();
    },
    metric() {
      this.loadAll();
    },
    term() {
      this.range = null;
      this.loadAll();
    },
    log() {
      this.range = null;
      this.draw();
    },
    original() {
      this.draw();
    },
    heldOut() {
      this.draw();
    },
    strong() {
      this.draw();
    },
  },
  methods: {
    format(value, digits = 4) {
      return number(value, digits);
    },
    // -- data ----------------------------------------------------------------------------------------
    refresh(names) {
      this.load(names.filter((name) => this.runs.some((run) => run.name === name)));
    },
    forget(names) {
      for (const name of names) this.curves.delete(name);
      this.draw();
    },
    loadAll() {
      this.load(this.runs.map((run) => run.name));
    },
    async load(names) {
      for (const name of names) this.wanted.add(name);
      if (this.loading) return;
      this.loading = true;
      while (this.wanted.size) await this.loadSome();
      this.loading = false;
    },
    async loadSome() {
      const names = [...this.wanted].slice(0, 50);
      for (const name of names) this.wanted.delete(name);
      try {
        const { curves } = await fetchJson(`/api/curves?${this.query(names)}`);
        for (const curve of curves) this.curves.set(curve.name, curve);
        this.error = "";
      } catch (error) {
        this.error = error.message;
      }
      this.loaded = true;
      this.draw();
    },
    query(names) {
      const each = Math.floor(BUDGET / Math.max(1, this.runs.length));
      const points = Math.max(60, Math.min(each, this.$refs.root.clientWidth * 2));
      const query = new URLSearchParams(names.map((name) => ["run", name]));
      query.set("points", points);
      query.set("smoothness", this.smoothness.toFixed(3));
      if (this.metric) query.set("metric", this.metric);
      if (this.term) query.set("term", this.term);
      if (this.span) {
        query.set("from_step", Math.max(0, Math.floor(this.span[0])));
        query.set("to_step", Math.max(0, Math.ceil(this.span[1])));
      }
      return query;
    },
    // -- picture -------------------------------------------------------------------------------------
    draw() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (this.$refs.root) this.paint();
      });
    },
    paint() {
      const { clientWidth: width, clientHeight: height } = this.$refs.root;
      const canvas = this.$refs.canvas;
      const dense = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      this.scene = this.compose(width, height);
      const pen = canvas.getContext("2d");
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      if (this.anyPoints && this.runs.length) paintCurves(pen, this.scene);
      this.$el.dataset.log = this.log;
      this.$el.dataset.metric = this.scene.metric;
      this.$el.dataset.curves = this.scene.curves.length;
      this.$el.dataset.points = this.scene.curves.reduce((sum, curve) => sum + curve.step.length, 0);
      this.$el.dataset.last = Math.max(0, ...this.scene.curves.map((curve) => curve.last_step));
      this.$el.dataset.span = this.span ? this.span.map(Math.round).join("-") : "";
      this.$el.dataset.range = this.range ? this.range.join("-") : "";
    },
    compose(width, height) {
      const curves = this.runs
        .filter((run) => this.curves.has(run.name))
        .map((run) => ({ ...this.curves.get(run.name), colour: run.colour, strong: run.name === this.strong }));
      const metric = this.heldOut ? (curves.find((curve) => curve.held_out.length && curve.metric)?.metric ?? "") : "";
      const onRight = metric !== "" && metric !== "loss";
      const box = {
        left: MARGIN.left,
        right: width - MARGIN.right - (onRight ? RIGHT_AXIS : 0),
        top: MARGIN.top + (onRight ? 6 : 0),
        bottom: height - MARGIN.bottom,
      };
      const x = new Axis(...this.spanOf(curves), box.left, box.right);
      const y = new Axis(...this.rangeOf(curves, x, !onRight), box.bottom, box.top, this.log);
      const right = onRight ? new Axis(...extent(curves.flatMap((c) => [c.held_out, ...(c.held_out_of ?? []).map((each) => each.held_out)].flat()), false), box.bottom, box.top) : null;
      return { width, height, box, x, y, right, curves, metric, original: this.original, heldOut: this.heldOut };
    },
    spanOf(curves) {
      return this.span ?? [0, Math.max(10, ...curves.map((curve) => curve.last_step))];
    },
    rangeOf(curves, x, withHeldOut) {
      if (this.range) return this.range;
      const values = [];
      const take = (steps, list) =>
        steps.forEach((step, i) => step >= x.low && step <= x.high && values.push(list[i]));
      for (const curve of curves) {
        if (this.original || !curve.smooth.length) take(curve.step, curve.loss);
        take(curve.smooth_step, curve.smooth);
        if (this.heldOut && withHeldOut) take(curve.held_out_step, curve.held_out);
      }
      return extent(values, this.log);
    },
    // -- zoom ----------------------------------------------------------------------------------------
    zoom(axis, factor, at = 0.5) {
      const scene = this.scene;
      if (!scene) return;
      const of = scene[axis];
      const pixel = (part) => of.start + part * (of.end - of.start);
      const now = [of.toValue(pixel(at - at * factor)), of.toValue(pixel(at + (1 - at) * factor))];
      if (axis === "x") this.setSpan(now);
      else this.range = now;
      this.draw();
    },
    setSpan([low, high]) {
      const last = Math.max(10, ...[...this.curves.values()].map((curve) => curve.last_step));
      const wide = Math.max(high - low, 4);
      if (wide >= last) this.span = null;
      else {
        const from = Math.min(Math.max(low, 0), last - wide);
        this.span = [from, from + wide];
      }
      this.loadSoon();
    },
    loadSoon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.loadAll(), 90);
    },
    reset() {
      this.span = this.range = null;
      this.loadAll();
      this.draw();
    },
    wheel(event) {
      const { box } = this.scene;
      const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 240)));
      const upright = event.shiftKey || event.ctrlKey || event.offsetX < box.left;
      const delta = event.deltaY || event.deltaX;
      if (upright) this.zoom("y", Math.exp(delta / 480), (box.bottom - event.offsetY) / (box.bottom - box.top));
      else this.zoom("x", factor, (event.offsetX - box.left) / (box.right - box.left));
    },
    press(event) {
      this.$refs.canvas.setPointerCapture(event.pointerId);
      const at = [event.offsetX, event.offsetY];
      this.drag = { at, last: at, pan: event.button !== 0 || event.altKey || event.shiftKey };
    },
    move(event) {
      const at = [event.offsetX, event.offsetY];
      if (!this.drag) return this.point(at);
      this.hover = null;
      if (this.drag.pan) this.pan(at[0] - this.drag.last[0], at[1] - this.drag.last[1]);
      else this.rubber = [...this.drag.at, ...at];
      this.drag.last = at;
    },
    release() {
      const box = this.rubber;
      this.drag = this.rubber = null;
      if (!box || Math.hypot(box[2] - box[0], box[3] - box[1]) < 6) return;
      const { x, y } = this.scene;
      if (Math.abs(box[3] - box[1]) > 12) {
        this.range = [y.toValue(Math.max(box[1], box[3])), y.toValue(Math.min(box[1], box[3]))];
      }
      if (Math.abs(box[2] - box[0]) > 12) {
        this.setSpan([x.toValue(Math.min(box[0], box[2])), x.toValue(Math.max(box[0], box[2]))]);
      }
      this.draw();
    },
    pan(right, down) {
      const { x, y } = this.scene;
      this.setSpan([x.toValue(x.start - right), x.toValue(x.end - right)]);
      this.range = [y.toValue(y.start - down), y.toValue(y.end - down)];
      this.draw();
    },
    leave() {
      this.hover = null;
      clearTimeout(this.asking);
    },
    // -- exact values under the pointer --------------------------------------------------------------
    point([px, py]) {
      const { x, box, width, curves } = this.scene ?? {};
      clearTimeout(this.asking);
      if (!curves?.length || px < box.left || px > box.right || py < box.top || py > box.bottom) {
        this.hover = null;
        return;
      }
      const step = Math.max(0, Math.round(x.toValue(px)));
      this.asking = setTimeout(() => this.ask(step, { x: px, y: Math.min(py, this.scene.height - 120), width }), 60);
    },
    async ask(step, place) {
      const query = new URLSearchParams(this.scene.curves.slice(0, 50).map((curve) => ["run", curve.name]));
      query.set("step", step);
      try {
        const { values } = await fetchJson(`/api/curves/at?${query}`);
        const colours = new Map(this.runs.map((run) => [run.name, run.colour]));
        const rows = values.slice(0, 14).map((row) => ({ ...row, colour: colours.get(row.name) }));
        this.hover = rows.length ? { step: rows[0].step, rows, ...place } : null;
      } catch {
        this.hover = null;
      }
    },
  },
};

function extent(values, log) {
  const known = values.filter((value) => value !== null && Number.isFinite(value) && (!log || value > 0));
  if (!known.length) return log ? [1e-3, 1] : [0, 1];
  let low = Infinity;
  let high = -Infinity;
  for (const value of known) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (log) return [low / 1.15, Math.max(high, low * 1.01) * 1.15];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low >= 0 && low < 0.35 * high ? 0 : low - room, high + room];
}
