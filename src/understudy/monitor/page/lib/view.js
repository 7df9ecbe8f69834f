// Where a picture lies in its pane: pan and zoom, which stay from one picture to the next.

export class View {
  constructor() {
    this.zoom = 1; // 1 fits the picture into the pane
    this.centre = [0.5, 0.5]; // of the pane, as a part of the picture
  }

  get fitted() {
    return this.zoom === 1 && this.centre[0] === 0.5 && this.centre[1] === 0.5;
  }

  fit() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
  }

  scale(pane, picture) {
    const margin = 0;
    const fit = Math.min((pane[0] - margin) / picture[0], (pane[1] - margin) / picture[1]);
    return Math.max(fit, 1e-6) * this.zoom;
  }

  // The picture's rectangle in the pane: [x, y, width, height].
  place(pane, picture) {
    const scale = this.scale(pane, picture);
    const size = [picture[0] * scale, picture[1] * scale];
    return [pane[0] / 2 - this.centre[0] * size[0], pane[1] / 2 - this.centre[1] * size[1], ...size];
  }

  pan(right, down, pane, picture) {
    const scale = this.scale(pane, picture);
    this.centre[0] = clamp(this.centre[0] - right / (picture[0] * scale), -0.25, 1.25);
    this.centre[1] = clamp(this.centre[1] - down / (picture[1] * scale), -0.25, 1.25);
  }

  // Zoom so that what lies under the pointer stays there.
  zoomAt(factor, at, pane, picture) {
    const before = this.place(pane, picture);
    const spot = [(at[0] - before[0]) / before[2], (at[1] - before[1]) / before[3]];
    this.zoom = clamp(this.zoom * factor, 0.02, 200);
    const after = this.place(pane, picture);
    this.pan(at[0] - after[0] - spot[0] * after[2], at[1] - after[1] - spot[1] * after[3], pane, picture);
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
