// The frame, large: zoom and pan, wipe, and the brush. It knows neither the monitor nor what a stroke is for.
import { View } from "understudy-page";

const NEAR = 12; // pixels within which the wipe's line is taken

export const Stage = {
  template: `
    <div class="us-stage us-easel" ref="stage" tabindex="0" aria-label="The frame. Drag to paint"
      @wheel.prevent="wheel" @pointerdown="press" @pointermove="move" @pointerup="release" @pointercancel="release"
      @pointerleave="leave" @contextmenu.prevent>
      <canvas ref="canvas"></canvas>
      <template v-if="mode === 'wipe'"><span class="us-name left">Plate</span><span class="us-name right">Result</span></template>
      <div class="us-veil" v-if="message" role="status">{{ message }}</div>
    </div>`,
  props: { easel: Object, pictures: Object, mode: String, brush: Object, message: String, canPaint: Boolean, source: Array },
  emits: ["stroke", "resize", "control", "zoomed", "hover"],
  created() {
    this.view = new View();
    this.wipe = 0.5;
    this.pointer = null; // where the brush is, in the pane
    this.space = false;
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.$refs.stage);
    this.keys = (event) => this.heldKey(event);
    for (const name of ["keydown", "keyup"]) document.addEventListener(name, this.keys);
  },
  unmounted() {
    this.observer.disconnect();
    for (const name of ["keydown", "keyup"]) document.removeEventListener(name, this.keys);
  },
  watch: {
    brush: { deep: true, handler() { this.redraw(); } },
    mode() { this.redraw(); },
    pictures() { this.redraw(); },
    source() { this.redraw(); },
  },
  methods: {
    heldKey(event) {
      if (event.key === " ") this.space = event.type === "keydown";
      if (["Control", "Shift", " "].includes(event.key)) this.redraw();
    },
    size() {
      return [this.easel.width, this.easel.height];
    },
    pane() {
      return [this.$refs.stage.clientWidth, this.$refs.stage.clientHeight];
    },
    // -- drawing -------------------------------------------------------------------------------------
    redraw() {
      if (this.waiting) return;
      this.waiting = requestAnimationFrame(() => {
        this.waiting = 0;
        if (this.$refs.stage) this.paint();
      });
    },
    paint() {
      const [width, height] = this.pane();
      const { canvas } = this.$refs;
      const dense = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      const pen = canvas.getContext("2d");
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      if (!this.easel || !width) return;
      const [one, other] = this.shown();
      if (one) this.paintPicture(pen, one, 0, width);
      if (other) this.paintWipe(pen, other, width, height);
      this.paintSource(pen);
      this.paintRing(pen);
      this.tell(dense);
    },
    // What lies under the view, and right of the wipe's line.
    shown() {
      const result = this.easel.ready ? this.easel.canvas : this.pictures.plate;
      if (this.mode === "wipe") return [this.pictures.plate, result];
      return [this.mode === "result" ? result : this.pictures[this.mode]];
    },
    paintPicture(pen, picture, left, right) {
      const [x, y, wide, high] = this.view.place(this.pane(), this.size());
      pen.save();
      pen.beginPath();
      pen.rect(left, 0, right - left, this.pane()[1]);
      pen.clip();
      pen.imageSmoothingEnabled = wide / this.easel.width < 3;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(picture, x, y, wide, high);
      pen.restore();
    },
    paintWipe(pen, picture, width, height) {
      const at = this.wipeAt();
      this.paintPicture(pen, picture, at, width);
      pen.fillStyle = "rgba(255,255,255,0.85)";
      pen.fillRect(at - 0.5, 0, 1, height);
      pen.beginPath();
      pen.arc(at, height / 2, 5, 0, 7);
      pen.fill();
    },
    wipeAt() {
      const [x, , wide] = this.view.place(this.pane(), this.size());
      return Math.max(6, Math.min(this.pane()[0] - 6, x + this.wipe * wide));
    },
    // The brush: its rim, and dashed within it where it begins to fall off.
    paintRing(pen) {
      if (!this.pointer || !this.canPaint || this.space || this.drag?.pan) return;
      const radius = (this.brush.size / 2) * this.scale();
      this.ring(pen, radius, []);
      if (this.brush.hardness < 0.99) this.ring(pen, radius * this.brush.hardness, [3, 3]);
    },
    ring(pen, radius, dashes) {
      const [x, y] = this.pointer;
      for (const [style, wide] of [["rgba(0,0,0,0.7)", 3], ["rgba(255,255,255,0.95)", 1.2]]) {
        pen.setLineDash(dashes);
        pen.strokeStyle = style;
        pen.lineWidth = wide;
        pen.beginPath();
        pen.arc(x, y, Math.max(1, radius), 0, 7);
        pen.stroke();
      }
      pen.setLineDash([]);
    },
    // A cross where the clone brush reads.
    paintSource(pen) {
      if (!this.source || !this.canPaint) return;
      const [left, top] = this.view.place(this.pane(), this.size());
      const spot = this.source.length === 4 && this.pointer ? this.moved() : this.source;
      const [x, y] = [left + spot[0] * this.scale(), top + spot[1] * this.scale()];
      for (const [style, wide] of [["#000", 3], ["#ffd25e", 1.2]]) {
        pen.strokeStyle = style;
        pen.lineWidth = wide;
        pen.beginPath();
        pen.moveTo(x - 8, y);
        pen.lineTo(x + 8, y);
        pen.moveTo(x, y - 8);
        pen.lineTo(x, y + 8);
        pen.stroke();
      }
    },
    moved() {
      const [x, y] = this.toFrame(this.pointer);
      return [x + this.source[2], y + this.source[3]];
    },
    tell(dense) {
      this.$emit("zoomed", `${Math.round(this.scale() * dense * 100)} %`);
      const { dataset } = this.$el;
      dataset.zoom = this.view.zoom.toFixed(3);
      dataset.wipe = this.wipe.toFixed(3);
      dataset.centre = this.view.centre.map((part) => part.toFixed(3)).join(",");
    },
    // -- places --------------------------------------------------------------------------------------
    scale() {
      return this.view.scale(this.pane(), this.size());
    },
    inPane(event) {
      const box = this.$refs.stage.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    },
    toFrame([x, y]) {
      const [left, top] = this.view.place(this.pane(), this.size());
      return [(x - left) / this.scale(), (y - top) / this.scale()];
    },
    fit() {
      this.view.fit();
      this.redraw();
    },
    actual() {
      this.zoom(1 / (this.scale() * (window.devicePixelRatio || 1)));
    },
    zoom(factor, at = this.pane().map((length) => length / 2)) {
      this.view.zoomAt(factor, at, this.pane(), this.size());
      this.redraw();
    },
    // -- hands ---------------------------------------------------------------------------------------
    wheel(event) {
      if (this.easel) this.zoom(Math.exp(-event.deltaY / 400), this.inPane(event));
    },
    press(event) {
      if (!this.easel) return;
      event.preventDefault();
      this.$refs.stage.focus({ preventScroll: true });
      this.$refs.stage.setPointerCapture(event.pointerId);
      this.pointer = this.inPane(event);
      this.drag = this.dragOf(event);
      this.redraw();
    },
    dragOf(event) {
      const last = [event.clientX, event.clientY];
      const pans = event.button === 1 || this.space || event.altKey;
      if (pans) return { pan: true, last, middle: event.button === 1 };
      const near = this.mode === "wipe" && Math.abs(this.pointer[0] - this.wipeAt()) < NEAR;
      if (near && event.button === 0) return { wipe: true };
      if (event.button !== 0 && event.button !== 5) return null;
      if (!this.canPaint) return { pan: true, last };
      if (event.shiftKey) return { resize: event.ctrlKey || event.metaKey ? "hardness" : "size", last, at: this.pointer };
      if (event.ctrlKey || event.metaKey) return this.$emit("control", this.toFrame(this.pointer)), null;
      return this.beginStroke(event);
    },
    beginStroke(event) {
      const stroke = this.brush.stroke(this.toFrame(this.pointer), event.button === 5);
      stroke.points.push(this.point(event));
      this.easel.begin(stroke);
      return { stroke };
    },
    // [x, y, pressure]: a mouse presses fully.
    point(event) {
      const [x, y] = this.toFrame(this.inPane(event));
      const pen = event.pointerType === "pen" && this.brush.pressure;
      const pressure = pen ? Math.min(1, Math.max(0.02, event.pressure)) : 1;
      return [rounded(x), rounded(y), Math.round(pressure * 1000) / 1000];
    },
    move(event) {
      this.pointer = this.inPane(event);
      if (this.easel) this.$emit("hover", this.toFrame(this.pointer));
      const { drag } = this;
      if (drag?.pan) this.panBy(event);
      else if (drag?.wipe) this.wipe = Math.max(0, Math.min(1, this.toFrame(this.pointer)[0] / this.easel.width));
      else if (drag?.resize) this.resizeBy(event);
      else if (drag?.stroke) this.extend(event);
      else this.$refs.stage.style.cursor = this.cursor();
      this.redraw();
    },
    cursor() {
      if (this.space) return "grab";
      if (this.mode === "wipe" && this.easel && Math.abs(this.pointer[0] - this.wipeAt()) < NEAR) return "ew-resize";
      return this.canPaint ? "none" : "grab";
    },
    panBy(event) {
      const [x, y] = this.drag.last;
      this.view.pan(event.clientX - x, event.clientY - y, this.pane(), this.size());
      this.drag.moved ||= Math.hypot(event.clientX - x, event.clientY - y) > 0;
      this.drag.last = [event.clientX, event.clientY];
    },
    resizeBy(event) {
      const by = event.clientX - this.drag.last[0];
      this.drag.last = [event.clientX, event.clientY];
      this.pointer = this.drag.at;
      this.$emit("resize", this.drag.resize, this.drag.resize === "size" ? by / this.scale() : by / 200);
    },
    extend(event) {
      const { points, size } = this.drag.stroke;
      const events = event.getCoalescedEvents?.() ?? [];
      for (const part of events.length ? events : [event]) {
        const point = this.point(part);
        const last = points.at(-1);
        if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= Math.max(0.5, size / 40)) points.push(point);
      }
      this.easel.extend();
    },
    release() {
      const { drag } = this;
      this.drag = null;
      if (drag?.middle && !drag.moved) this.fit();
      if (drag?.stroke) this.finish(drag.stroke);
      this.redraw();
    },
    finish(stroke) {
      this.easel.end();
      this.$emit("stroke", stroke);
    },
    leave() {
      if (!this.drag) this.pointer = null;
      this.$emit("hover", null);
      this.redraw();
    },
  },
};

function rounded(value) {
  return Math.round(value * 10) / 10;
}
