// Keys for the whole page: not while somebody types, and before a focused button or table takes them.
const KEYS = { " ": "space", ArrowLeft: "left", ArrowRight: "right", l: "log", L: "log", r: "refresh", R: "refresh" };
const TYPING = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable=true]";
const SLIDING = "input[type=range], [role=slider]"; // who went there by Tab moves it with the arrows

export default {
  template: "<div hidden></div>",
  mounted() {
    this.handler = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
      if (event.target.closest?.(TYPING) || document.querySelector(".us-dialog, .us-correct")) return;
      if (event.key.startsWith("Arrow") && event.target.closest?.(SLIDING)) return;
      event.preventDefault();
      event.stopPropagation();
      this.$emit("key", KEYS[event.key]);
    };
    document.addEventListener("keydown", this.handler, true);
  },
  unmounted() {
    document.removeEventListener("keydown", this.handler, true);
  },
};
