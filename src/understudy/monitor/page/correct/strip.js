// The whole shot: above, every frame as a line of its risk; below, a strip of thumbnails that scrolls.
// Only the cells in sight exist, and their pictures come two at a time.
import { fetchRoute } from "understudy-page";

const GAP = 3;
const AT_ONCE = 2;
const CALM = 120; // ms without scrolling before pictures are asked for

export const Strip = {
  template: `
    <section class="us-strip" aria-label="The shot" ref="root">
      <canvas class="us-risk" ref="risk" tabindex="0" role="slider" aria-label="Risk of every frame; drag to go to a frame"
        :aria-valuemin="frames[0]" :aria-valuemax="frames.at(-1)" :aria-valuenow="frame" title="The whole shot: the redder, the larger the expected error. Click or drag to go to a frame."
        @pointerdown="scrub" @pointermove="scrubOn" @pointerup="scrubbing = false"></canvas>
      <div class="us-cells" ref="scroll" @scroll.passive="scrolled" @wheel.prevent="wheel">
        <div class="us-reel" :style="{ width: frames.length * pitch + 'px' }" role="listbox" aria-label="Frames of the shot">
          <button v-for="cell in cells" :key="cell.frame" class="us-cell" role="option" :aria-selected="cell.frame === frame"
            :class="{ on: cell.frame === frame, chosen: cell.chosen, corrected: cell.mark.corrected, painted: cell.mark.painted, suggested: cell.mark.suggested }"
            :data-frame="cell.frame" :style="{ left: cell.left + 'px', width: width + 'px' }" :title="cell.title" tabindex="-1"
            @click="$emit('go', cell.frame, $event.shiftKey)">
            <img v-if="cell.picture" :src="cell.picture" alt="" draggable="false">
            <span class="us-badges" aria-hidden="true">
              <i v-if="cell.mark.painted" class="painted"></i><i v-if="cell.mark.corrected" class="corrected"></i>
              <b v-if="cell.mark.suggested">{{ cell.mark.suggested }}</b></span>
            <i v-if="cell.mark.pending" class="us-pending" aria-hidden="true"></i>
            <span class="us-riskbar" :style="{ background: cell.colour }"></span>
            <span class="us-cellname" v-if="width >= 34">{{ cell.frame }}</span>
          </button>
        </div>
      </div>
    </section>`,
  props: { name: String, index: Number, frames: Array, frame: Number, marks: Object, range: Array, shape: Number, version: Number },
  emits: ["go"],
  data: () => ({ width: 76, left: 0, wide: 800, pictures: {} }),
  computed: {
    pitch() {
      return this.width + (this.width > 20 ? GAP : 1);
    },
    cells() {
      const first = Math.max(0, Math.floor(this.left / this.pitch) - 2);
      const last = Math.min(this.frames.length, Math.ceil((this.left + this.wide) / this.pitch) + 2);
      return this.frames.slice(first, last).map((frame, i) => this.cell(frame, first + i));
    },
  },
  watch: {
    frame() { this.reveal(); this.draw(); },
    marks() { this.draw(); },
    name() { this.emptied(); },
    index() { this.emptied(); },
    frames() { this.fitted(); this.calm(); },
    width() { this.calm(); },
  },
  mounted() {
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.$refs.root);
    this.loading = 0;
    this.fitted();
  },
  unmounted() {
    this.observer.disconnect();
    clearTimeout(this.clock);
    Object.values(this.pictures).forEach((url) => URL.revokeObjectURL(url));
  },
  methods: {
    cell(frame, index) {
      const mark = this.marks[frame] ?? {};
      const [low, high] = this.range ?? [frame, frame];
      return {
        frame, mark, left: index * this.pitch, picture: this.pictures[frame], colour: riskColour(mark.risk),
        chosen: high > low && frame >= low && frame <= high, title: titleOf(frame, mark),
      };
    },
    emptied() {
      this.pictures = {};
      this.fitted();
      this.calm();
    },
    // Narrower cells for longer shots, until somebody chooses a width.
    fitted() {
      this.chosen = false;
      const room = (this.$refs.root?.clientWidth || 1200) / Math.max(1, this.frames.length) - GAP;
      this.width = Math.round(Math.min(96, Math.max(room, this.frames.length > 400 ? 52 : 72)));
    },
    resized() {
      this.wide = this.$refs.scroll.clientWidth;
      if (!this.chosen) this.fitted();
      this.reveal();
      this.draw();
      this.calm();
    },
    reveal() {
      const at = this.frames.indexOf(this.frame) * this.pitch;
      const { scroll } = this.$refs;
      if (!scroll || at < 0) return;
      if (at < scroll.scrollLeft + this.pitch || at + 2 * this.pitch > scroll.scrollLeft + scroll.clientWidth) {
        scroll.scrollLeft = at - scroll.clientWidth / 2 + this.pitch / 2;
      }
    },
    scrolled() {
      this.left = this.$refs.scroll.scrollLeft;
      this.draw();
      this.calm();
    },
    wheel(event) {
      if (!event.ctrlKey) return (this.$refs.scroll.scrollLeft += event.deltaY + event.deltaX);
      this.chosen = true;
      this.width = Math.round(Math.min(140, Math.max(8, this.width * Math.exp(-event.deltaY / 300))));
      this.$nextTick(() => this.reveal());
    },
    // -- thumbnails ----------------------------------------------------------------------------------
    calm() {
      clearTimeout(this.clock);
      this.clock = setTimeout(() => this.fetchMore(), CALM);
    },
    async fetchMore() {
      if (this.width < 24) return;
      while (this.loading < AT_ONCE) {
        const next = this.cells.find((cell) => !(cell.frame in this.pictures));
        if (!next) return;
        this.pictures[next.frame] = "";
        this.fetchOne(this.name, this.index, next.frame);
      }
    },
    async fetchOne(name, index, frame) {
      this.loading++;
      try {
        const route = `/api/runs/${encodeURIComponent(name)}/frames/${frame}/plate.png?width=120&shot=${index}`;
        const answer = await fetchRoute(route);
        const url = URL.createObjectURL(await answer.blob());
        if (name === this.name && index === this.index) this.pictures[frame] = url;
      } catch {
        // The cell stays without a picture; the large view says why when it is opened.
      }
      this.loading--;
      this.fetchMore();
    },
    // -- the line of risk ----------------------------------------------------------------------------
    draw() {
      const { risk } = this.$refs;
      if (!risk) return;
      const [width, height] = [risk.clientWidth, risk.clientHeight];
      const dense = window.devicePixelRatio || 1;
      Object.assign(risk, { width: width * dense, height: height * dense });
      const pen = risk.getContext("2d");
      pen.scale(dense, dense);
      const step = width / Math.max(1, this.frames.length);
      this.frames.forEach((frame, i) => this.drawFrame(pen, this.marks[frame] ?? {}, i * step, Math.max(step, 1), height));
      this.drawWindow(pen, step, height);
    },
    drawFrame(pen, mark, x, wide, height) {
      pen.fillStyle = riskColour(mark.risk);
      pen.fillRect(x, 6, wide > 4 ? wide - 1 : wide, height - 12);
      const spot = mark.corrected ? "#6ea8fe" : mark.painted ? "#6fc48a" : mark.suggested ? "#ffd25e" : "";
      if (spot) this.drawSpot(pen, spot, x + wide / 2, 0);
      if (mark.pending) this.drawSpot(pen, "#ff9d4d", x + wide / 2, height - 5);
    },
    drawSpot(pen, colour, x, y) {
      pen.fillStyle = colour;
      pen.fillRect(x - 2, y, 4, 5);
    },
    drawWindow(pen, step, height) {
      pen.strokeStyle = "rgba(255,255,255,0.35)";
      pen.lineWidth = 1;
      const part = step / this.pitch;
      pen.strokeRect(this.left * part + 0.5, 5.5, Math.min(this.wide, this.frames.length * this.pitch) * part - 1, height - 11);
      pen.fillStyle = "#fff";
      pen.fillRect(this.frames.indexOf(this.frame) * step + step / 2 - 1, 2, 2, height - 4);
    },
    scrub(event) {
      this.scrubbing = true;
      this.$refs.risk.setPointerCapture(event.pointerId);
      this.scrubOn(event);
    },
    scrubOn(event) {
      if (!this.scrubbing) return;
      const part = event.offsetX / this.$refs.risk.clientWidth;
      const index = Math.min(this.frames.length - 1, Math.max(0, Math.floor(part * this.frames.length)));
      if (this.frames[index] !== this.frame) this.$emit("go", this.frames[index], false);
    },
  },
};

function titleOf(frame, mark) {
  const words = [`Frame ${frame}`];
  if (mark.painted) words.push("painted");
  if (mark.corrected) words.push("corrected");
  if (mark.pending) words.push(mark.pending);
  if (mark.suggested) words.push(`suggestion ${mark.suggested}: ${mark.reason}`);
  if (mark.error != null) words.push(`expected error ${mark.error}`);
  return words.join("\n");
}

// Calm to alarming: 0 to 1. Grey where nothing is known.
export function riskColour(risk) {
  if (risk == null) return "#39404a";
  return `hsl(${Math.round(150 - 146 * risk)} ${Math.round(32 + 40 * risk)}% ${Math.round(40 + 14 * risk)}%)`;
}
