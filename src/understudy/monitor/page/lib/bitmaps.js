// Decoded pictures by address; the ones looked at longest ago go first.
import { fetchRoute } from "./api.js";

const MOST_PIXELS = 90e6;

export class Bitmaps {
  constructor() {
    this.kept = new Map();
  }

  get(url) {
    const known = this.kept.get(url);
    if (known) {
      this.kept.delete(url);
      this.kept.set(url, known);
      return known.promise;
    }
    const entry = { pixels: 0, promise: null };
    entry.promise = this.load(url, entry).catch((error) => {
      this.kept.delete(url);
      throw error;
    });
    this.kept.set(url, entry);
    return entry.promise;
  }

  async load(url, entry) {
    const answer = await fetchRoute(url);
    const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
    entry.pixels = bitmap.width * bitmap.height;
    this.trim();
    return bitmap;
  }

  trim() {
    let sum = 0;
    for (const entry of this.kept.values()) sum += entry.pixels;
    for (const [url, entry] of this.kept) {
      if (sum <= MOST_PIXELS) return;
      sum -= entry.pixels;
      this.kept.delete(url);
    }
  }

  // Fetch it anew the next time.
  forget(url) {
    this.kept.delete(url);
  }

  has(url) {
    return this.kept.has(url);
  }
}
