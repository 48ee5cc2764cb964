// The sharpness of now against the best of this session.

const KEPT = 90;

export class Focus {
  constructor() {
    this.restart();
  }

  restart() {
    this.trace = [];
    this.best = 0;
    this.least = Infinity;
  }

  // A best is believed when the middle of three pictures had it: a lorry that passes is none.
  add(value) {
    this.least = Math.min(this.least, value);
    this.trace.push(value);
    if (this.trace.length > KEPT) this.trace.shift();
    if (this.trace.length >= 3) {
      this.best = Math.max(this.best, this.trace.slice(-3).sort((a, b) => a - b)[1]);
    } else {
      this.best = Math.max(...this.trace);
    }
  }

  get share() {
    const now = this.trace[this.trace.length - 1] ?? 0;
    return this.best > 0 ? Math.min(1, now / this.best) : 0;
  }

  // Whether the ring was turned so far that a best means anything: it was a sixth less once.
  get passed() {
    return this.least < 0.83 * this.best;
  }

  // The trace as points of an SVG polyline, 100 wide and 40 high.
  get line() {
    const top = Math.max(this.best, ...this.trace, 1e-9);
    return this.trace
      .map((value, i) => `${(100 * (KEPT - this.trace.length + i)) / (KEPT - 1)},${40 - (38 * value) / top}`)
      .join(" ");
  }
}
