// Shows a reel: pictures one after another, compared by wipe, side by side or difference.
// Pan and zoom stay put from one picture to the next.
import { Bitmaps, View, paintMarks, pointAt } from "understudy-page";

const EMPTY = { key: "", frames: [], modes: [], empty: "Nothing to show yet." };

export default {
  template: `
    <div class="us-viewer">
      <div class="us-bar" v-if="reel.frames.length">
        <div class="us-modes" role="tablist">
          <button v-for="choice in reel.modes" :key="choice.id" role="tab" :class="{ on: choice.id === modeId }"
            :aria-selected="choice.id === modeId" @click="choose(choice.id)">{{ choice.label }}</button>
        </div>
        <div class="us-tools" v-if="reel.frames.length">
          <label v-for="tool in tools" :key="tool.name" :title="tool.help">
            <span>{{ tool.label }}</span>
            <input type="range" :min="tool.min" :max="tool.max" :step="tool.step" :value="look[tool.name]"
              :aria-label="tool.label" @input="setLook(tool.name, $event.target.value)" @change="$event.target.blur()"
              @dblclick="setLook(tool.name, tool.start)">
            <output>{{ tool.show(look[tool.name]) }}</output>
          </label>
        </div>
      </div>
      <div class="us-stage" ref="stage" @wheel.prevent="wheel" @pointerdown="press" @pointermove="move"
        @pointerup="release" @dblclick="fit" :class="{ wiping: mode?.layout === 'wipe' }">
        <canvas ref="canvas"></canvas>
        <template v-if="!message && mode">
          <span class="us-name left" v-if="mode.layout !== 'single'">{{ mode.images[0].label }}</span>
          <span class="us-name right" v-if="mode.layout !== 'single'">{{ mode.images[1].label }}</span>
        </template>
        <div class="us-empty" v-if="message">{{ message }}</div>
      </div>
      <div class="us-time" v-if="reel.frames.length > 0">
        <button class="us-play" :title="playing ? 'Pause (space)' : 'Play (space)'" @click="togglePlay"
          :disabled="reel.frames.length < 2" :aria-label="playing ? 'Pause' : 'Play'">
          <span v-if="playing">&#10074;&#10074;</span><span v-else>&#9654;</span></button>
        <input class="us-slider" type="range" min="0" :max="reel.frames.length - 1" :value="index"
          :disabled="reel.frames.length < 2" aria-label="Which picture" @input="go(Number($event.target.value))"
          @change="$event.target.blur()">
        <span class="us-label">{{ label }}</span>
        <button class="us-quiet" title="Fit into the pane (double-click does too)" @click="fit">Fit</button>
        <span class="us-zoom">{{ percent }}</span>
      </div>
    </div>`,
  props: { reel: { type: Object, default: () => EMPTY }, wide: Number },
  data: () => ({
    index: 0,
    modeId: "",
    playing: false,
    error: "",
    waiting: false,
    percent: "",
    look: { exposure: 0, gamma: 1, gain: 4 },
  }),
  computed: {
    mode() {
      return this.reel.modes.find((mode) => mode.id === this.modeId) ?? this.reel.modes[0];
    },
    label() {
      const frame = this.reel.frames[this.index];
      return frame ? (frame.label ?? `${this.reel.unit ?? "Frame"} ${frame.id}`) : "";
    },
    message() {
      if (!this.reel.frames.length) return this.reel.empty ?? EMPTY.empty;
      if (this.error) return this.error;
      return this.waiting ? `Reading ${this.label} …` : "";
    },
    tools() {
      const stops = { name: "exposure", label: "Exposure", min: -6, max: 6, step: 0.1, start: 0 };
      const gamma = { name: "gamma", label: "Gamma", min: 0.2, max: 4, step: 0.05, start: 1 };
      const gain = { name: "gain", label: "Gain", min: 0, max: 6, step: 0.25, start: 2 };
      return [
        { ...stops, help: "In stops. Double-click resets.", show: (value) => signed(value) },
        { ...gamma, help: "Double-click resets.", show: (value) => Number(value).toFixed(2) },
        ...(this.mode?.gain ? [{ ...gain, name: "gainStops", help: "How much the difference is amplified.",
          show: (value) => `× ${Math.round(2 ** value * 10) / 10}` }] : []),
      ];
    },
  },
  created() {
    this.bitmaps = new Bitmaps();
    this.view = new View();
    this.wipe = 0.5;
    this.fine = false;
    this.shown = [];
    this.turn = 0;
    this.look.gainStops = 2;
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.$refs.stage);
    this.take(this.reel, EMPTY);
  },
  unmounted() {
    this.observer.disconnect();
    clearTimeout(this.clock);
  },
  watch: {
    reel(now, before) {
      this.take(now, before);
    },
  },
  methods: {
    // -- the reel ------------------------------------------------------------------------------------
    take(reel, before) {
      const last = reel.frames.length - 1;
      if (reel.key !== before.key || !before.frames.length) {
        this.playing = false;
        this.index = Math.max(0, reel.start === "first" ? 0 : last);
        if (!reel.modes.some((mode) => mode.id === this.modeId)) this.modeId = reel.modes[0]?.id ?? "";
      } else if (this.index >= before.frames.length - 1 && reel.start !== "first") {
        this.index = Math.max(0, last); // who looks at the newest goes on looking at the newest
      } else {
        const kept = reel.frames.findIndex((frame) => frame.id === before.frames[this.index]?.id);
        this.index = kept >= 0 ? kept : Math.max(0, Math.min(this.index, last));
      }
      this.show();
    },
    choose(id) {
      this.modeId = id;
      this.show();
    },
    go(index) {
      const count = this.reel.frames.length;
      if (!count) return;
      this.index = Math.max(0, Math.min(count - 1, index));
      this.$emit("frame", this.reel.frames[this.index].id);
      return this.show();
    },
    step(by) {
      this.playing = false;
      this.go(this.index + by);
    },
    togglePlay() {
      this.playing = !this.playing && this.reel.frames.length > 1;
      if (this.playing) this.playOn();
    },
    async playOn() {
      const began = performance.now();
      if (!this.playing) return;
      await this.go((this.index + 1) % this.reel.frames.length);
      this.ahead();
      const pause = 1000 / (this.reel.rate ?? 24) - (performance.now() - began);
      this.clock = setTimeout(() => this.playOn(), Math.max(0, pause));
    },
    ahead() {
      for (let next = 1; next <= 3; next++) {
        const frame = this.reel.frames[(this.index + next) % this.reel.frames.length];
        for (const image of this.mode.images) this.bitmaps.get(this.address(image, frame)).catch(() => {});
      }
    },
    // -- pictures ------------------------------------------------------------------------------------
    setLook(name, value) {
      this.look[name] = Number(value);
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.show(), 60);
    },
    address(image, frame) {
      const base = image.url.replaceAll("{id}", frame.id).replaceAll("{other}", frame.other ?? frame.id)
        .replaceAll("{shot}", frame.shot ?? "").replaceAll("{truth}", frame.truth ?? "");
      const query = new URLSearchParams();
      if (this.look.exposure) query.set("exposure", this.look.exposure);
      if (this.look.gamma !== 1) query.set("gamma", this.look.gamma);
      if (this.mode.gain) query.set("gain", 2 ** this.look.gainStops);
      if (this.reel.size && !this.fine) query.set("size", this.reel.size);
      if (frame.version) query.set("v", frame.version);
      const text = query.toString();
      return text ? base + (base.includes("?") ? "&" : "?") + text : base;
    },
    async show() {
      const turn = ++this.turn;
      const frame = this.reel.frames[this.index];
      clearTimeout(this.patience);
      if (!frame || !this.mode) {
        this.shown = [];
        this.error = "";
        this.waiting = false;
        return this.draw();
      }
      this.patience = setTimeout(() => turn === this.turn && !this.shown.length && (this.waiting = true), 400);
      try {
        const addresses = this.mode.images.map((image) => this.address(image, frame));
        const pictures = await Promise.all(addresses.map((url) => this.bitmaps.get(url)));
        if (turn !== this.turn) return;
        this.shown = pictures;
        this.error = "";
        this.$el.dataset.shown = addresses.join(" ");
      } catch (error) {
        if (turn !== this.turn) return;
        this.shown = [];
        this.error = error.message;
        this.playing = false;
        this.$el.dataset.shown = "";
      }
      clearTimeout(this.patience);
      this.waiting = false;
      this.draw();
    },
    draw() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (this.$refs.stage) this.paint();
      });
    },
    panes() {
      const { clientWidth: width, clientHeight: height } = this.$refs.stage;
      if (this.mode?.layout !== "side") return [[0, 0, width, height]];
      const half = Math.floor(width / 2);
      return [[0, 0, half - 1, height], [half + 1, 0, width - half - 1, height]];
    },
    paint() {
      const { clientWidth: width, clientHeight: height } = this.$refs.stage;
      const canvas = this.$refs.canvas;
      const dense = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
      const pen = canvas.getContext("2d");
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      if (!this.shown.length || !width) return;
      const panes = this.panes();
      const layout = this.mode.layout;
      panes.forEach((pane, i) => this.paintPane(pen, pane, this.shown[Math.min(i, this.shown.length - 1)]));
      if (layout === "wipe" && this.shown[1]) this.paintWipe(pen, panes[0]);
      if (this.reel.marks) this.paintMarks(pen, panes[0]);
      const scale = this.view.scale(panes[0].slice(2), size(this.shown[0]));
      this.percent = `${Math.round(scale * dense * 100)} %`;
      this.$el.dataset.zoom = this.view.zoom.toFixed(3);
      this.$el.dataset.centre = this.view.centre.map((part) => part.toFixed(3)).join(",");
    },
    paintPane(pen, pane, picture, from = 0) {
      const [x, y, wide, high] = this.view.place(pane.slice(2), size(picture));
      const scale = wide / picture.width;
      pen.save();
      pen.beginPath();
      pen.rect(pane[0] + from, pane[1], pane[2] - from, pane[3]);
      pen.clip();
      pen.imageSmoothingEnabled = scale < 3;
      pen.imageSmoothingQuality = "high";
      pen.drawImage(picture, pane[0] + x, pane[1] + y, wide, high);
      pen.restore();
    },
    paintWipe(pen, pane) {
      const at = this.wipeAt(pane);
      this.paintPane(pen, pane, this.shown[1], at);
      const [, y, , high] = this.view.place(pane.slice(2), size(this.shown[0]));
      pen.strokeStyle = "rgba(255,255,255,0.85)";
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(at, Math.max(0, y));
      pen.lineTo(at, Math.min(pane[3], y + high));
      pen.stroke();
      pen.fillStyle = "rgba(255,255,255,0.9)";
      pen.beginPath();
      pen.arc(at, pane[3] / 2, 5, 0, 7);
      pen.fill();
      this.$el.dataset.wipe = this.wipe.toFixed(3);
    },
    paintMarks(pen, pane) {
      const place = this.view.place(pane.slice(2), size(this.shown[0]));
      paintMarks(pen, place, this.shown[0], this.reel.frameSize, this.reel.marks);
    },
    // The wipe's place is a part of the picture, held inside the pane.
    wipeAt(pane) {
      const [x, , wide] = this.view.place(pane.slice(2), size(this.shown[0]));
      return Math.max(6, Math.min(pane[2] - 6, x + this.wipe * wide));
    },
    // -- hands ---------------------------------------------------------------------------------------
    fit() {
      this.view.fit();
      this.refine();
      this.draw();
    },
    where(event) {
      const box = this.$refs.stage.getBoundingClientRect();
      const at = [event.clientX - box.left, event.clientY - box.top];
      const pane = this.panes().findLast((each) => at[0] >= each[0]) ?? this.panes()[0];
      return { at: [at[0] - pane[0], at[1] - pane[1]], pane: pane.slice(2) };
    },
    wheel(event) {
      if (!this.shown.length) return;
      const { at, pane } = this.where(event);
      this.view.zoomAt(Math.exp(-event.deltaY / 400), at, pane, size(this.shown[0]));
      this.refine();
      this.draw();
    },
    // Who has zoomed in sees the frame's own pixels, where the reel has them; till they come, the coarse ones.
    refine() {
      const fine = Boolean(this.reel.fine) && this.view.zoom > 1.25;
      if (fine === this.fine) return;
      this.fine = fine;
      this.show();
    },
    press(event) {
      if (!this.shown.length) return;
      this.$refs.stage.setPointerCapture(event.pointerId);
      const { at, pane } = this.where(event);
      const near = this.mode.layout === "wipe" && Math.abs(at[0] - this.wipeAt([0, 0, ...pane])) < 14;
      this.drag = { last: [event.clientX, event.clientY], wipe: near, pane, at, moved: 0 };
    },
    move(event) {
      if (!this.drag) return this.point(event);
      const [x, y] = this.drag.last;
      this.drag.moved += Math.abs(event.clientX - x) + Math.abs(event.clientY - y);
      if (this.drag.wipe) {
        const [left, , wide] = this.view.place(this.drag.pane, size(this.shown[0]));
        this.wipe = Math.max(0, Math.min(1, (this.where(event).at[0] - left) / wide));
      } else {
        this.view.pan(event.clientX - x, event.clientY - y, this.drag.pane, size(this.shown[0]));
      }
      this.drag.last = [event.clientX, event.clientY];
      this.draw();
    },
    point(event) {
      if (this.mode?.layout !== "wipe" || !this.shown.length) return (this.$refs.stage.style.cursor = "");
      const { at, pane } = this.where(event);
      const near = Math.abs(at[0] - this.wipeAt([0, 0, ...pane])) < 14;
      this.$refs.stage.style.cursor = near ? "ew-resize" : "";
    },
    release(event) {
      const drag = this.drag;
      this.drag = null;
      if (!this.reel.marks || !drag || drag.moved > 3 || drag.wipe || event.button) return;
      const place = this.view.place(drag.pane, size(this.shown[0]));
      const point = pointAt(drag.at, place, this.shown[0], this.reel.frameSize);
      if (point) this.$emit("point", { ...point, subject: !event.shiftKey });
    },
  },
};

function size(picture) {
  return [picture.width, picture.height];
}

function signed(value) {
  const text = Number(value).toFixed(1);
  return value > 0 ? `+${text}` : text;
}
