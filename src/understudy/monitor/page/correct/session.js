// A run that is corrected: what the monitor knows of its shot, and what is sent to it.
import { fetchJson, fetchRoute, sendJson } from "understudy-page";
import { Pending, rangeText } from "./pending.js";

const SUGGESTED = 5;
const LEARNING = 400; // ms between looks at the run while it learns
const IDLE = 4000;
const MOST_WARNED = 5;
const TAKEN_UP = 5000; // ms until a process that waits for strokes has begun to learn them
const SAVED = "Saved. The run is being taught; go on with the next frame.";

export const Session = {
  data: () => ({
    shot: null, suggestions: null, suggesting: "", corrections: [], fault: "", saving: false,
    version: 0, // grows with every change of what is pending
    taught: {}, // by frame: strokes that are saved, until a checkpoint has learned from them
    told: "", learnsSince: 0, outcome: "", warned: [],
    index: 0, // which of the run's shots
    jobs: {}, // what was saved, by the job that teaches it
  }),
  computed: {
    route() {
      return `/api/runs/${encodeURIComponent(this.name)}`;
    },
    // Several shots of one run, by names that tell them apart.
    shots() {
      return namesOf(this.shot?.shots ?? []);
    },
    frames() {
      return this.shot?.frames ?? [];
    },
    learning() {
      return Boolean(this.row?.busy) || this.learnsSince > 0;
    },
    // The suggested frames that nobody has painted or answered yet, best first.
    wanted() {
      this.version;
      const done = new Set([...(this.shot?.painted ?? []), ...(this.shot?.corrected ?? [])]);
      const open = (this.suggestions?.frames ?? []).filter(({ frame }) => !done.has(frame) && !this.pending.waiting(frame));
      return open.slice(0, SUGGESTED);
    },
    marks() {
      this.version;
      const marks = {};
      const of = (frame) => (marks[frame] ??= {});
      for (const frame of this.shot?.painted ?? []) of(frame).painted = true;
      for (const frame of this.shot?.corrected ?? []) of(frame).corrected = true;
      const all = this.suggestions?.all ?? [];
      const worst = Math.max(...all.map((each) => each.expected_error ?? 0), 1e-9);
      for (const { frame, expected_error: error } of all) {
        if (error != null) Object.assign(of(frame), { risk: error / worst, error: Number(error.toPrecision(3)) });
      }
      this.wanted.forEach(({ frame, reason }, i) => Object.assign(of(frame), { suggested: i + 1, reason }));
      for (const { frame, words } of this.waiting) of(frame).pending = words;
      return marks;
    },
    // What is not saved yet, frame by frame.
    waiting() {
      this.version;
      return [...(this.pending?.frames.keys() ?? [])].filter((frame) => this.pending.waiting(frame))
        .filter((frame) => this.frames.includes(frame)).sort((one, other) => one - other)
        .map((frame) => ({ frame, words: wordsOf(this.pending, frame) }));
    },
    // The same in rows: of frames side by side that are marked alike, one.
    waitingRows() {
      const rows = [];
      for (const { frame, words } of this.waiting) {
        const last = rows.at(-1);
        const beside = last && this.frames.indexOf(frame) === this.frames.indexOf(last.frames.at(-1)) + 1;
        if (beside && last.words === words && this.pending.mark(frame)) last.frames.push(frame);
        else rows.push({ frames: [frame], words });
      }
      return rows.map((row) => ({ ...row, text: rangeText(row.frames) }));
    },
  },
  watch: {
    // Somebody begins to paint: the run is read meanwhile, so that it learns at once when that is saved.
    "waiting.length"(now, before) {
      if (now && !before && this.shot) sendJson("POST", `${this.route}/teacher`, {}).catch(() => {});
    },
  },
  created() {
    this.pending = null;
  },
  unmounted() {
    clearTimeout(this.clock);
  },
  methods: {
    async openRun() {
      clearTimeout(this.clock);
      const opening = (this.opening = {});
      Object.assign(this, { shot: null, suggestions: null, corrections: [], taught: {}, fault: "", told: "", learnsSince: 0, jobs: {}, outcome: "", warned: [] });
      this.pending = this.name ? new Pending(this.name, this.index) : null;
      this.version++;
      if (!this.name) return;
      try {
        const shot = await fetchJson(`${this.route}/shot?shot=${this.index}`);
        if (opening !== this.opening) return;
        this.shot = shot;
        this.opened();
      } catch (error) {
        if (opening === this.opening) this.fault = error.message;
        return;
      }
      this.loadCorrections();
      this.suggest();
      this.again();
    },
    async chooseShot(index) {
      if (index === this.index || this.easel?.stroke) return;
      this.index = index;
      await this.openRun();
    },
    again() {
      clearTimeout(this.clock);
      this.clock = setTimeout(() => this.look(), this.learning ? LEARNING : IDLE);
    },
    // Has the run learned more?
    async look() {
      const { opening, shot } = this;
      try {
        const now = await fetchJson(`${this.route}/shot?shot=${this.index}`);
        if (opening !== this.opening) return;
        if (JSON.stringify(now) !== JSON.stringify(shot)) this.shot = now;
        if (versionOf(now) !== versionOf(shot)) this.learned(versionOf(shot));
        if (this.learning || String(now.corrected) !== String(shot.corrected)) this.loadCorrections();
        await this.lookAtJobs(opening);
      } catch (error) {
        if (opening === this.opening) this.fault = error.message;
      }
      if (opening === this.opening) this.again();
    },
    // How the commands go on that keep and teach what was saved. Of one that failed the strokes come back.
    async lookAtJobs(opening) {
      for (const [id, kept] of Object.entries(this.jobs)) {
        const job = await fetchJson(`/api/jobs/${id}`);
        if (opening !== this.opening) return;
        this.warned = [...new Set([...this.warned, ...(job.warnings ?? [])])].slice(-MOST_WARNED);
        if (job.state === "running" && (!job.waiting || this.soon())) continue;
        delete this.jobs[id];
        if (job.state === "failed") this.notKept(kept, job);
        else if (job.message) Object.assign(this, { outcome: job.message, told: this.told === SAVED ? "" : this.told });
      }
      if (!Object.keys(this.jobs).length && !this.soon()) this.learnsSince = 0;
    },
    soon() {
      return Date.now() - this.learnsSince < TAKEN_UP;
    },
    notKept(entries, { message }) {
      for (const [frame, entry] of entries) {
        this.pending.restore(frame, entry);
        delete this.taught[frame];
      }
      this.told = "";
      this.fault = ["Not taught.", message].filter(Boolean).join("\n");
      this.version++;
      this.redrawFrame();
    },
    learned(before) {
      for (const [frame, each] of Object.entries(this.taught)) if (each.checkpoint === before) delete this.taught[frame];
      this.told = `Shows what is learned up to step ${Number(this.shot.checkpoint).toLocaleString("en-US")}.`;
      this.newCheckpoint();
    },
    async loadCorrections() {
      try {
        const now = await fetchJson(`${this.route}/corrections`);
        if (JSON.stringify(now) === JSON.stringify(this.corrections)) return;
        this.corrections = now;
        this.correctionsChanged();
      } catch (error) {
        this.fault = error.message;
      }
    },
    // The suggestions are made in the background: ask until they are there.
    async suggest() {
      const { opening } = this;
      this.suggesting = "Looking for the frames that would teach it most …";
      try {
        for (;;) {
          const answer = await fetchRoute(`${this.route}/suggestions?shot=${this.index}`);
          if (opening !== this.opening) return;
          if (answer.status === 200) {
            this.suggestions = await answer.json();
            this.suggesting = "";
            return;
          }
          await new Promise((done) => setTimeout(done, 1500));
          if (opening !== this.opening) return;
        }
      } catch (error) {
        if (opening === this.opening) this.suggesting = error.message;
      }
    },
    async save() {
      const frames = this.waiting.map((each) => each.frame);
      const body = this.pending?.body(frames);
      if (!body || this.saving) return;
      if (this.index) body.shot = this.index;
      Object.assign(this, { saving: true, fault: "", outcome: "", warned: [] });
      try {
        const answer = await sendJson("POST", `${this.route}/corrections`, body);
        this.saved(frames, answer.job);
      } catch (error) {
        this.fault = error.message;
      }
      this.saving = false;
    },
    saved(frames, job) {
      const kept = frames.map((frame) => [frame, this.pending.take(frame)]);
      for (const [frame, { strokes }] of kept) {
        if (!strokes.length) continue;
        const before = this.taught[frame]?.strokes ?? [];
        this.taught[frame] = { strokes: [...before, ...strokes], checkpoint: versionOf(this.shot) };
      }
      this.version++;
      this.told = SAVED;
      this.follow(job, kept);
    },
    follow(job, kept) {
      if (job) this.jobs[job.id] = [...(this.jobs[job.id] ?? []), ...kept];
      this.learnsSince = Date.now();
      this.loadCorrections();
      this.again();
    },
    async undoCorrection(correction) {
      try {
        const { job } = await sendJson("DELETE", `${this.route}/corrections/${encodeURIComponent(correction.id)}`);
        this.told = `Correction ${correction.id} is taken back.`;
        this.follow(job, []);
      } catch (error) {
        this.fault = error.message;
      }
    },
    strokesOn(frame) {
      const all = [...(this.taught[frame]?.strokes ?? []), ...(this.pending?.strokes(frame) ?? [])];
      return all.filter((stroke) => (stroke.matte ?? "") === this.one);
    },
  },
};

// The last parts of paths that tell them apart: plate.####.exr, or 010/plate.####.exr and 020/plate.####.exr.
export function namesOf(paths) {
  const parts = paths.map((path) => path.split(/[\\/]/));
  const longest = Math.max(1, ...parts.map((each) => each.length));
  for (let count = 1; count <= longest; count++) {
    const names = parts.map((each) => each.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return paths;
}

// What changes with the network that the results are made with.
export function versionOf(shot) {
  return [shot.checkpoint, shot.checkpoint_tag].filter((part) => part != null && part !== "").join("-");
}

function wordsOf(pending, frame) {
  const mark = pending.mark(frame);
  if (mark) return mark === "accept" ? "right as it is" : "nothing here";
  const count = pending.strokes(frame).length;
  return count === 1 ? "1 stroke" : `${count} strokes`;
}
