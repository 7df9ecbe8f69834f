// The tab Correct: the shot as a strip, one frame large with brushes over it, and what teaches the run.
import { markRaw } from "vue";
import { Bitmaps } from "understudy-page";
import { Easel, MATTE_VIEWS, Session, Stage, Strip, TOOLS, VIEWS, keyOf, rangeText, versionOf } from "understudy-correct";

const TYPING = "input:not([type=range]):not([type=checkbox]):not([type=color]), textarea, select, [contenteditable=true]";
const KINDS = { "ground-truth": "Ground truth", strokes: "Strokes", accept: "Right as it is", empty: "Nothing here" };
const SETTINGS = "understudy/brush";
const CALM = 500; // ms on a frame before the results of those beside it are made

export default {
  components: { Stage, Strip },
  mixins: [Session],
  template: `
    <div class="us-correct" v-if="active" :data-checkpoint="shot?.checkpoint ?? ''" :data-shown="shownResult" :data-frame="frame">
      <div class="us-bar us-correctbar">
        <label class="us-pick" title="The run that is corrected"><span>Run</span>
          <select aria-label="Run" :value="name" @change="$emit('choose', $event.target.value); $event.target.blur()">
            <option v-for="each in runs" :key="each" :value="each">{{ each }}</option></select></label>
        <label class="us-pick" v-if="shots.length > 1" title="Which of the shots that the run learns from"><span>Shot</span>
          <select aria-label="Shot" :value="index" @change="chooseShot(Number($event.target.value)); $event.target.blur()">
            <option v-for="(each, i) in shots" :key="i" :value="i">{{ each }}</option></select></label>
        <div class="us-modes" role="tablist" aria-label="What to look at">
          <button v-for="each in views" :key="each.id" role="tab" :class="{ on: each.id === mode }" :aria-selected="each.id === mode"
            :disabled="each.id === 'truth' && !hasTruth" :title="each.label + ' (' + each.key + ')'" @click="setMode(each.id)">{{ each.label }}</button></div>
        <div class="us-modes" role="radiogroup" aria-label="How the matte shows" v-if="kind === 'matte'">
          <button v-for="each in matteViews" :key="each.id" role="radio" :class="{ on: each.id === matte }" :aria-checked="each.id === matte"
            :title="each.label + ' (' + each.key + ')'" @click="setMatte(each.id)">{{ each.label }}</button></div>
        <label class="us-pick" title="Which of the mattes is looked at and put right" v-if="mattes.length">
          <span class="us-swatch" :style="{ background: colourOfOne }" aria-hidden="true"></span>
          <select aria-label="Matte" :value="one" @change="setOne($event.target.value); $event.target.blur()">
            <option v-for="each in mattes" :key="each.name" :value="each.name">{{ each.name }}</option></select></label>
        <div class="us-gap"></div>
        <span class="us-small us-place" v-if="at">{{ at }}</span>
        <span class="us-zoom">{{ percent }}</span>
        <button class="us-quiet" title="Fit into the pane (F, or a click with the middle button)" @click="$refs.stage.fit()">Fit</button>
        <button class="us-quiet" title="One pixel is one pixel (Shift-F)" @click="$refs.stage.actual()">1:1</button>
      </div>
      <div class="us-work">
        <div class="us-toolbox" role="toolbar" aria-label="Brushes" aria-orientation="vertical">
          <button v-for="each in tools" :key="each.id" :class="{ on: each.id === brush.tool }" :aria-pressed="each.id === brush.tool"
            :aria-label="each.label" :title="each.label + ' (' + each.key + ')\\n' + each.help" @click="setTool(each.id)">
            <i class="material-icons" aria-hidden="true">{{ each.icon }}</i><span>{{ each.label }}</span></button>
          <hr>
          <button :disabled="!canUndo" aria-label="Undo" title="Undo the last stroke of this frame (Ctrl-Z)" @click="undo">
            <i class="material-icons" aria-hidden="true">undo</i></button>
          <button :disabled="!canRedo" aria-label="Redo" title="Redo (Ctrl-Shift-Z)" @click="redo">
            <i class="material-icons" aria-hidden="true">redo</i></button>
        </div>
        <div class="us-canvas">
          <div class="us-brushbar">
            <label v-for="each in sliders" :key="each.name" :title="each.help"><span>{{ each.label }}</span>
              <input type="range" :min="each.min" :max="each.max" :step="each.step" :value="each.value" :aria-label="each.label"
                @input="setBrush(each.name, each.from(Number($event.target.value)))" @change="$event.target.blur()">
              <output>{{ each.text }}</output></label>
            <label title="A pen that presses lightly paints more faintly"><input type="checkbox" v-model="brush.pressure" @change="keepBrush"> <span>Pen pressure</span></label>
            <template v-if="brush.tool === 'clone'">
              <label title="The frame whose result is copied; empty: this one"><span>From frame</span>
                <input class="us-number" type="number" aria-label="From frame" :placeholder="frame" :value="brush.from"
                  @change="setSource($event.target.value); $event.target.blur()"></label>
              <span class="us-small">{{ sourceText }}</span>
            </template>
            <template v-if="brush.tool === 'paint'">
              <label title="The colour to paint; Ctrl-click takes one from the picture, in its exact value"><span>Colour</span>
                <input type="color" aria-label="Colour" :value="brush.colour" @input="setColour($event.target.value)"></label>
              <span class="us-small" v-if="brush.pick">from the {{ brush.pick.of }} at {{ brush.pick.at.join(", ") }}</span>
            </template>
          </div>
          <stage ref="stage" :easel="easel" :pictures="pictures" :mode="mode" :brush="brush" :message="message" :can-paint="canPaint"
            :source="cross" @stroke="stroked" @resize="resize" @control="control" @zoomed="percent = $event" @hover="hover"></stage>
        </div>
        <aside class="us-side" aria-label="This frame and what is saved">
          <div class="us-side-part">
            <div class="us-side-head"><b>{{ frame == null ? "No frame" : "Frame " + frame }}</b><span class="us-tag" v-for="tag in tags" :key="tag">{{ tag }}</span></div>
            <div class="us-small" v-if="frameWords">{{ frameWords }}</div>
            <div class="us-small" v-else-if="suggesting">{{ suggesting }}</div>
            <div class="us-row">
              <button class="us-quiet" :disabled="!wanted.length" title="The next of the frames that would teach the run most (S, Ctrl-Right)" @click="nextSuggested(1)">Next suggested</button>
              <button class="us-quiet" :disabled="learning" title="Look again which frames would teach it most, now that it has learned" @click="suggest()">Suggest again</button></div>
          </div>
          <div class="us-side-part">
            <label class="us-framesfield" title="One frame, a range, or several: 1001-1010,1020. Shift-click in the strip takes a range"><span>Frames</span>
              <input aria-label="Frames" :value="rangeField" @change="setRange($event.target.value); $event.target.blur()" @keydown.enter="$event.target.blur()"></label>
            <div class="us-row">
              <button class="us-quiet wide" :class="{ on: markOfRange === 'accept' }" :aria-pressed="markOfRange === 'accept'"
                title="The result of these frames is right: it stays so" @click="mark('accept')">Right as it is</button>
              <button class="us-quiet wide" :class="{ on: markOfRange === 'empty' }" :aria-pressed="markOfRange === 'empty'"
                :title="kind === 'matte' ? 'There is nothing to matte on these frames' : 'There is nothing to change on these frames'" @click="mark('empty')">Nothing here</button></div>
          </div>
          <div class="us-side-part">
            <div class="us-side-head"><b>Not saved yet</b></div>
            <div class="us-small" v-if="!waiting.length">Paint on what is wrong: a few strokes are enough.</div>
            <ul class="us-list" v-else><li v-for="each in waitingRows" :key="each.frames[0]">
              <button class="us-link" @click="show(each.frames[0])" :title="'Go to frame ' + each.frames[0]">{{ each.text }}</button><span>{{ each.words }}</span>
              <button class="us-icon-button" :aria-label="'Discard what is not saved on frame ' + each.text" title="Discard" @click="discard(each.frames)"><i class="material-icons">close</i></button></li></ul>
            <button class="us-save" :disabled="!waiting.length || saving" title="Save, and teach the run (Ctrl-S)" @click="save">{{ saving ? "Saving …" : "Save and teach" }}</button>
            <div class="us-small warn" v-if="pending?.fault">{{ pending.fault }}</div>
          </div>
          <div class="us-side-part" role="status" v-if="told || learning || outcome || warned.length">
            <div class="us-small">{{ learning ? learningText : told }}</div>
            <div class="us-progress" v-if="learning"><div :class="{ busy: !part }" :style="{ width: (part || 0.3) * 100 + '%' }"></div></div>
            <div class="us-small" v-if="learning && told">{{ told }}</div>
            <div class="us-small" v-if="!learning && outcome">{{ outcome }}</div>
            <div class="us-small warn" v-for="each in warned" :key="each">{{ each }}</div>
          </div>
          <div class="us-side-part bad" role="alert" v-if="fault || trouble">{{ fault || trouble }}</div>
          <div class="us-side-part grow">
            <div class="us-side-head"><b>Corrections</b><span class="us-small">{{ corrections.length || "none yet" }}</span></div>
            <ul class="us-list"><li v-for="each in newestFirst" :key="each.id" :class="{ undone: each.undone }" :title="titleOf(each)">
              <button class="us-link" @click="showFirst(each)">{{ framesText(each.frames) }}</button><span>{{ kinds[each.kind] ?? each.kind }}<small v-if="each.shot && shots.length > 1"> · {{ shots[each.shot] }}</small></span>
              <button class="us-icon-button" v-if="!each.undone" :aria-label="'Undo correction ' + each.id" title="Undo this correction: the run forgets it" @click="undoCorrection(each)"><i class="material-icons">undo</i></button>
              <em v-else>undone</em></li></ul>
          </div>
        </aside>
      </div>
      <strip v-if="frames.length" :name="name" :index="index" :frames="frames" :frame="frame" :marks="marks" :range="range" @go="go"></strip>
    </div>`,
  props: { name: String, runs: Array, row: Object, active: Boolean },
  emits: ["choose"],
  data: () => ({
    frame: null, range: null, extra: "", mode: "result", matte: "overlay", pictures: {}, easel: null, trouble: "", loading: "",
    percent: "", at: "", one: "", offset: null, spot: null, shownResult: "",
    brush: { tool: "add", size: 40, hardness: 0.8, opacity: 1, pressure: true, colour: "#ffffff", pick: null, from: "" },
  }),
  computed: {
    views: () => VIEWS,
    matteViews: () => MATTE_VIEWS,
    kinds: () => KINDS,
    // The names and colours of several mattes.
    mattes() {
      return this.shot?.mattes ?? [];
    },
    colourOfOne() {
      return this.mattes.find((each) => each.name === this.one)?.colour;
    },
    kind() {
      return this.shot?.kind ?? "image";
    },
    tools() {
      return TOOLS[this.kind] ?? TOOLS.image;
    },
    sliders() {
      const { size, hardness, opacity } = this.brush;
      const percent = { min: 0, max: 1, step: 0.01, from: (value) => value };
      return [
        { name: "size", label: "Size", min: 0, max: 100, step: 0.5, value: 100 * Math.log2(size) / 10, from: (value) => 2 ** (value / 10),
          text: `${Math.round(size * 10) / 10} px`, help: "Diameter in pixels of the frame ([ and ], or Shift-drag in the picture)" },
        { ...percent, name: "hardness", label: "Hardness", value: hardness, text: `${Math.round(hardness * 100)} %`, help: "How far the brush is solid before it falls off ({ and }, or Ctrl-Shift-drag)" },
        { ...percent, name: "opacity", label: "Opacity", value: opacity, text: `${Math.round(opacity * 100)} %`, help: "How much of it shows", min: 0.01 },
      ];
    },
    canPaint() {
      return Boolean(this.shot) && this.shownResult !== "" && ["result", "wipe"].includes(this.mode);
    },
    canUndo() {
      this.version;
      return Boolean(this.pending?.strokes(this.frame).length);
    },
    canRedo() {
      this.version;
      return Boolean(this.pending?.canRedo(this.frame));
    },
    hasTruth() {
      return [this.shot?.painted, this.shot?.corrected].some((list) => list?.includes(this.frame));
    },
    message() {
      if (!this.name) return "No run is chosen.";
      if (!this.shot) return this.fault ? "" : "Reading the shot …";
      return this.loading;
    },
    tags() {
      const mark = this.marks[this.frame] ?? {};
      return [mark.painted && "painted", mark.corrected && "corrected", mark.pending].filter(Boolean);
    },
    frameWords() {
      const mark = this.marks[this.frame] ?? {};
      const error = mark.error == null ? "" : `Expected error ${mark.error}.`;
      return [mark.suggested ? `Suggestion ${mark.suggested}: ${mark.reason}.` : "", error].join(" ").replace("..", ".").trim();
    },
    rangeField() {
      if (this.extra) return this.extra;
      return this.range ? rangeText(this.rangeFrames) : String(this.frame ?? "");
    },
    rangeFrames() {
      if (this.extra) return framesOf(this.extra, this.frames) ?? [];
      const [low, high] = this.range ?? [this.frame, this.frame];
      return this.frames.filter((frame) => frame >= low && frame <= high);
    },
    markOfRange() {
      this.version;
      const marks = new Set(this.rangeFrames.map((frame) => this.pending?.mark(frame) ?? ""));
      return marks.size === 1 ? [...marks][0] : "";
    },
    newestFirst() {
      return [...this.corrections].reverse();
    },
    cross() {
      if (this.brush.tool !== "clone") return null;
      if (this.offset) return [0, 0, ...this.offset];
      return this.spot;
    },
    sourceText() {
      if (this.offset) return `Offset ${this.offset.map(Math.round).join(", ")}`;
      return this.spot ? "Paint where it shall go" : this.brush.from ? "" : "Ctrl-click the source";
    },
    part() {
      const { step, total, busy } = this.row ?? {};
      return busy && total ? Math.min(1, step / total) : 0;
    },
    learningText() {
      const { busy, step, time_left: left } = this.row ?? {};
      if (!busy) return "The run begins to learn …";
      const rest = left == null ? "" : `, ${Math.max(1, Math.round(left))} s left`;
      return `Learning: step ${Number(step).toLocaleString("en-US")}${rest}`;
    },
  },
  watch: {
    active(now) {
      if (now) this.openRun();
      else clearTimeout(this.clock);
    },
    name() {
      this.index = 0;
      if (this.active) this.openRun();
    },
    row(now, before) {
      if (this.active && this.shot && JSON.stringify(now) !== JSON.stringify(before)) this.look();
    },
  },
  created() {
    this.bitmaps = new Bitmaps();
    this.turn = 0;
    this.readBrush();
    this.brush.stroke = (at, eraser) => this.newStroke(at, eraser);
  },
  mounted() {
    this.keys = (event) => this.pressed(event);
    document.addEventListener("keydown", this.keys, true);
    if (this.active) this.openRun();
  },
  unmounted() {
    document.removeEventListener("keydown", this.keys, true);
  },
  methods: {
    // -- frames --------------------------------------------------------------------------------------
    opened() {
      const { kind, width, height, frames } = this.shot;
      this.easel = markRaw(new Easel(kind, width, height));
      this.easel.style = this.matte;
      this.chooseOne(this.mattes.some((each) => each.name === this.one) ? this.one : this.mattes[0]?.name ?? "");
      if (!this.tools.some((tool) => tool.id === this.brush.tool)) this.setTool(this.tools[0].id);
      this.offset = this.spot = null;
      this.brush.from = "";
      this.brush.pick = null;
      this.show(frames.includes(this.frame) ? this.frame : frames[0]);
    },
    url(frame, part) {
      const one = this.one ? `&matte=${encodeURIComponent(this.one)}` : "";
      const fresh = part === "plate" ? "" : `&checkpoint=${versionOf(this.shot)}${one}`;
      return `${this.route}/frames/${frame}/${part}.png?shot=${this.index}${fresh}`;
    },
    go(frame, extend) {
      if (extend && this.frame != null) {
        this.extra = "";
        this.range = [Math.min(frame, this.frame), Math.max(frame, this.frame)];
        return;
      }
      this.show(frame);
    },
    show(frame) {
      if (frame == null || this.easel?.stroke) return;
      if (frame !== this.frame) {
        this.range = null;
        this.extra = "";
        if (this.mode === "truth") this.mode = "result";
      }
      this.frame = frame;
      if (!this.hasTruth && this.mode === "truth") this.mode = "result";
      this.easel.ready = false;
      this.pictures = {};
      this.shownResult = "";
      this.load();
    },
    // Fetch what the frame and the mode need. The plate is there first.
    async load() {
      const turn = ++this.turn;
      const { frame } = this;
      const checkpoint = versionOf(this.shot);
      this.trouble = "";
      const patience = setTimeout(() => turn === this.turn && (this.loading = `Making the result of frame ${frame} …`), 300);
      try {
        const plate = await this.bitmaps.get(this.url(frame, "plate"));
        if (turn !== this.turn) return;
        this.pictures = { ...this.pictures, plate };
        const result = await this.bitmaps.get(this.url(frame, "result"));
        if (turn !== this.turn) return;
        await this.loadSource();
        if (turn !== this.turn) return;
        this.take(plate, result, `${frame}@${checkpoint}`);
        await this.loadMore(turn);
      } catch (error) {
        if (turn === this.turn) this.trouble = error.message;
      } finally {
        clearTimeout(patience);
        if (turn === this.turn) this.loading = "";
      }
      // While the run learns, no frame is waited for as anxiously as those beside the one that was corrected.
      if (turn === this.turn) this.loadNeighbours(frame, this.learning ? 0 : CALM);
    },
    take(plate, result, shown) {
      this.waitingPictures = null;
      if (this.easel.stroke) return (this.waitingPictures = [plate, result, shown]); // not under the brush
      this.easel.load(plate, result, this.strokesOn(this.frame));
      this.shownResult = shown;
      this.redraw();
    },
    async loadMore(turn) {
      const part = this.mode;
      if (part !== "difference" && part !== "truth") return;
      const picture = await this.bitmaps.get(this.url(this.frame, part));
      if (turn === this.turn) this.pictures = { ...this.pictures, [part]: picture };
    },
    // The monitor has nothing else to do now: the next frames' results, so that they are there at once.
    loadNeighbours(frame, wait) {
      clearTimeout(this.ahead);
      this.ahead = setTimeout(async () => {
        const at = this.frames.indexOf(frame);
        for (const next of [this.frames[at + 1], this.frames[at - 1]]) {
          if (next == null || frame !== this.frame || !this.active) continue;
          for (const part of ["plate", "result"]) await this.bitmaps.get(this.url(next, part)).catch(() => {});
        }
      }, wait);
    },
    newCheckpoint() {
      this.load();
    },
    correctionsChanged() {
      const { one } = this;
      for (const { name } of this.mattes.length ? this.mattes : [{ name: "" }]) {
        this.one = name;
        for (const frame of this.frames) this.bitmaps.forget(this.url(frame, "truth"));
      }
      this.one = one;
    },
    redraw() {
      this.$refs.stage?.redraw();
    },
    step(by) {
      const at = this.frames.indexOf(this.frame) + by;
      if (at >= 0 && at < this.frames.length) this.show(this.frames[at]);
    },
    nextSuggested(by) {
      const at = this.wanted.findIndex((each) => each.frame === this.frame);
      const count = this.wanted.length;
      if (count) this.show(this.wanted[at < 0 ? 0 : (at + by + count) % count].frame);
    },
    async showFirst({ frames, shot }) {
      await this.chooseShot(shot ?? 0);
      const first = framesOf(this.framesText(frames), this.frames)?.[0];
      if (first != null) this.show(first);
    },
    // -- several mattes ------------------------------------------------------------------------------
    chooseOne(name) {
      this.one = name;
      const colour = this.colourOfOne;
      if (colour) this.easel.tint = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    },
    setOne(name) {
      if (name === this.one || this.easel?.stroke) return;
      this.chooseOne(name);
      this.show(this.frame);
    },
    // -- looks ---------------------------------------------------------------------------------------
    setMode(mode) {
      if (mode === "truth" && !this.hasTruth) return;
      this.mode = mode;
      if (this.shot) this.load();
    },
    setMatte(style) {
      this.matte = style;
      if (!["result", "wipe"].includes(this.mode)) this.setMode("result");
      this.easel?.setStyle(style);
      this.redraw();
    },
    hover(at) {
      this.at = at && this.shot ? `${Math.floor(at[0])}, ${Math.floor(at[1])}` : "";
    },
    // -- the brush -----------------------------------------------------------------------------------
    setTool(id) {
      this.brush.tool = id;
      if (this.shot && !["result", "wipe"].includes(this.mode)) this.setMode("result");
      this.keepBrush();
    },
    cycleTool(key) {
      const same = this.tools.filter((tool) => tool.key === key);
      const at = same.findIndex((tool) => tool.id === this.brush.tool);
      this.setTool(same[(at + 1) % same.length].id);
    },
    setBrush(name, value) {
      const limits = { size: [1, 1000], hardness: [0, 1], opacity: [0.01, 1] }[name];
      this.brush[name] = Math.min(limits[1], Math.max(limits[0], value));
      this.keepBrush();
    },
    resize(name, by) {
      this.setBrush(name, this.brush[name] + by);
    },
    keepBrush() {
      const { tool, size, hardness, opacity, pressure, colour } = this.brush;
      try {
        localStorage.setItem(SETTINGS, JSON.stringify({ tool, size, hardness, opacity, pressure, colour }));
      } catch {
        // A browser without room forgets the brush.
      }
    },
    readBrush() {
      try {
        const kept = JSON.parse(localStorage.getItem(SETTINGS) ?? "{}");
        for (const [name, value] of Object.entries(kept)) {
          if (typeof value === typeof this.brush[name]) this.brush[name] = value;
        }
      } catch {
        localStorage.removeItem(SETTINGS);
      }
    },
    setColour(text) {
      this.brush.colour = text;
      this.brush.pick = null;
      this.keepBrush();
    },
    setSource(text) {
      const frame = Number(text);
      const known = text !== "" && this.frames.includes(frame);
      this.trouble = text === "" || known ? "" : `The shot has no frame ${text}.`;
      this.brush.from = known ? frame : "";
      if (known && !this.offset) this.offset = [0, 0];
      if (known) this.loadSource().catch((error) => (this.trouble = error.message));
    },
    // The results that strokes are cloned from.
    async loadSource() {
      const wanted = this.strokesOn(this.frame).map((stroke) => stroke.from_frame);
      for (const frame of new Set([...wanted, this.brush.from])) {
        if (frame === "" || frame == null) continue;
        this.easel.addSource(frame, await this.bitmaps.get(this.url(frame, "result")));
      }
    },
    // Ctrl-click: where to clone from, or the colour to paint.
    control(at) {
      if (this.brush.tool === "clone") {
        this.spot = at;
        this.offset = null;
      } else if (this.brush.tool === "paint") {
        const [x, y] = [limited(at[0], this.shot.width), limited(at[1], this.shot.height)];
        const of = this.mode === "wipe" && at[0] < this.$refs.stage.wipe * this.shot.width ? "plate" : "result";
        this.brush.pick = { of, at: [x, y] };
        this.brush.colour = hex(this.easel.at(of, [x, y]));
      }
    },
    newStroke(at, eraser) {
      const { size, hardness, opacity, from, colour, pick } = this.brush;
      const tool = eraser && this.kind === "matte" ? "remove" : this.brush.tool;
      const stroke = { tool, points: [], size: rounded(size), hardness: rounded(hardness), opacity: rounded(opacity) };
      if (tool === "clone") {
        if (!this.offset && this.spot) this.offset = [this.spot[0] - at[0], this.spot[1] - at[1]];
        this.spot = null;
        stroke.offset = (this.offset ?? [0, 0]).map(Math.round);
        if (from !== "") stroke.from_frame = from;
      }
      if (this.one) stroke.matte = this.one;
      if (tool === "paint" && pick) stroke.pick = { of: pick.of, at: [...pick.at] };
      else if (tool === "paint") stroke.colour = [1, 3, 5].map((i) => rounded(parseInt(colour.slice(i, i + 2), 16) / 255));
      return stroke;
    },
    stroked(stroke) {
      this.pending.add(this.frame, stroke);
      this.version++;
      if (this.waitingPictures) this.take(...this.waitingPictures);
      this.redraw();
    },
    undo() {
      this.change("undo");
    },
    redo() {
      this.change("redo");
    },
    change(what) {
      if (!this.pending || this.easel?.stroke) return;
      const changed = this.pending[what](this.frame);
      if (changed?.matte && changed.matte !== this.one) this.setOne(changed.matte); // it is to be seen
      this.version++;
      this.redrawFrame();
    },
    redrawFrame() {
      if (this.easel?.stroke) return;
      this.easel?.draw(this.strokesOn(this.frame));
      this.redraw();
    },
    discard(frames) {
      frames.forEach((frame) => this.pending.forget(frame));
      this.version++;
      if (frames.includes(this.frame)) this.redrawFrame();
    },
    // -- right as it is, nothing here ----------------------------------------------------------------
    setRange(text) {
      this.trouble = "";
      if (!text.trim()) return (this.extra = ""), (this.range = null);
      if (framesOf(text, this.frames)?.length) this.extra = text.trim();
      else this.trouble = `The shot has no frames ${text}. Write 1001-1010,1020.`;
    },
    mark(mark) {
      const drawn = this.rangeFrames.filter((frame) => this.pending.strokes(frame).length);
      if (drawn.length) {
        this.trouble = `Frame ${rangeText(drawn)} has strokes that are not saved. Save or discard them first.`;
        return;
      }
      const value = this.markOfRange === mark ? "" : mark;
      for (const frame of this.rangeFrames) this.pending.setMark(frame, value);
      this.trouble = "";
      this.version++;
    },
    // -- words ---------------------------------------------------------------------------------------
    framesText(frames) {
      return Array.isArray(frames) ? rangeText([...frames].sort((one, other) => one - other)) : String(frames);
    },
    titleOf({ id, author, time, shot }) {
      return [`Correction ${id}`, this.shots.length > 1 && `of ${this.shots[shot ?? 0]}`, author && `by ${author}`, time && new Date(typeof time === "number" ? time * 1000 : time).toLocaleString()].filter(Boolean).join("\n");
    },
    // -- keys ----------------------------------------------------------------------------------------
    pressed(event) {
      if (!this.active || event.target.closest?.(TYPING) || document.querySelector(".us-dialog, .us-large")) return;
      if (event.key === " ") return event.target.closest?.("button") ? undefined : event.preventDefault();
      if (event.key.startsWith("Arrow") && event.target.closest?.("input[type=range]")) return;
      const asked = keyOf(event, this.kind);
      if (!asked) return;
      event.preventDefault();
      event.stopPropagation();
      this.act(...asked);
    },
    act(name, value) {
      if (!this.shot) return;
      const acts = {
        step: () => this.step(value),
        end: () => this.show(value < 0 ? this.frames[0] : this.frames.at(-1)),
        suggested: () => this.nextSuggested(value),
        size: () => this.setBrush("size", this.brush.size * value),
        hardness: () => this.setBrush("hardness", this.brush.hardness + value),
        zoom: () => this.$refs.stage.zoom(value),
        fit: () => this.$refs.stage.fit(),
        actual: () => this.$refs.stage.actual(),
        view: () => this.setMode(value === "wipe" && this.mode === "wipe" ? "result" : value),
        matte: () => this.setMatte(value),
        tool: () => this.cycleTool(value),
        undo: () => this.undo(),
        redo: () => this.redo(),
        save: () => this.save(),
      };
      acts[name]();
    },
  },
};

function limited(value, size) {
  return Math.min(size - 1, Math.max(0, Math.floor(value)));
}

function rounded(value) {
  return Math.round(value * 1000) / 1000;
}

function hex(colour) {
  return `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

// The frames of the shot that a text such as 1001-1010,1020 names; undefined when it names none.
function framesOf(text, frames) {
  const found = new Set();
  for (const part of text.split(",")) {
    const match = part.trim().match(/^(-?\d+)(?:-(-?\d+))?$/);
    if (!match) return undefined;
    const [low, high] = [Number(match[1]), Number(match[2] ?? match[1])];
    for (const frame of frames) if (frame >= low && frame <= high) found.add(frame);
  }
  return [...found].sort((one, other) => one - other);
}
