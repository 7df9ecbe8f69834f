// How the runs table shows its values. Text only ever goes in as text: a folder may be called anything.
window.usCells = {
  name(params) {
    const cell = document.createElement("div");
    cell.className = "us-namecell";
    const swatch = document.createElement("i");
    swatch.className = "us-swatch";
    swatch.style.background = params.data.shown ? params.data.colour : "transparent";
    swatch.style.boxShadow = params.data.shown ? "none" : `inset 0 0 0 1.5px ${params.data.colour}`;
    const text = document.createElement("span");
    text.textContent = params.value;
    cell.title = params.value;
    cell.append(swatch, text);
    return cell;
  },
  state(params) {
    const cell = document.createElement("span");
    const lost = params.value === "stopped (lost)";
    cell.className = `us-state ${lost ? "lost" : params.value}`;
    cell.textContent = params.value;
    cell.title = params.data.reason || params.value;
    return cell;
  },
  step({ data }) {
    const count = (value) => value.toLocaleString("en-US");
    return data.total ? `${count(data.step)} / ${count(data.total)}` : count(data.step);
  },
  number(digits) {
    return ({ value }) => {
      if (value === null || value === undefined) return "–";
      if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(Math.max(0, digits - 2));
      return Number(value.toPrecision(digits)).toString();
    };
  },
  heldOut({ data }) {
    const best = data.held_out;
    if (!best || best.value === null) return "–";
    return `${Number(best.value.toPrecision(4))} ${best.metric}`.trim();
  },
  duration({ value }) {
    if (value === null || value === undefined) return "–";
    const seconds = Math.round(value);
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")}`;
    return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")}`;
  },
};
