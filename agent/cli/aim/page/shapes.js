// Geometry of masks and zones, in fractions of the picture from its top left corner; no page in here.

export const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));
export const rounded = (point) => point.map((value) => Math.round(clamp(value) * 1e4) / 1e4);

export function rectangle(a, b) {
  const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  return [[left, top], [right, top], [right, bottom], [left, bottom]].map(rounded);
}

export const between = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

// Moved as far as it stays within the picture.
export function moved(points, dx, dy) {
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const x = clamp(dx, -Math.min(...xs), 1 - Math.max(...xs));
  const y = clamp(dy, -Math.min(...ys), 1 - Math.max(...ys));
  return points.map((p) => rounded([p[0] + x, p[1] + y]));
}

export function crosses(points) {
  const side = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  const sides = points.map((p, i) => [p, points[(i + 1) % points.length]]);
  return sides.some((one, i) => sides.some((other, j) => {
    if (j < i + 2 || (i === 0 && j === sides.length - 1)) return false;
    const [a, b] = one;
    const [c, d] = other;
    return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
  }));
}

// The scale of a staff: level = a + b * way along the marks' own line (least squares), lengths in pixels.
// null until two marks have levels that differ; `off` is the largest distance of a mark from the fit, m.
export function scaleOf(marks, width, height) {
  const known = marks.filter((mark) => Number.isFinite(mark.level_m));
  if (known.length < 2 || new Set(known.map((mark) => mark.level_m)).size < 2) return null;
  const byLevel = [...known].sort((a, b) => a.level_m - b.level_m);
  const pixels = (mark) => [mark.at[0] * width, mark.at[1] * height];
  const [x0, y0] = pixels(byLevel[0]);
  const [x1, y1] = pixels(byLevel[byLevel.length - 1]);
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 1) return null;
  const along = known.map((mark) => {
    const [x, y] = pixels(mark);
    return ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length;
  });
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [m, l] = [mean(along), mean(known.map((mark) => mark.level_m))];
  const spread = along.reduce((sum, s) => sum + (s - m) ** 2, 0);
  if (spread < 1) return null;
  const slope = known.reduce((sum, mark, i) => sum + (along[i] - m) * (mark.level_m - l), 0) / spread;
  if (slope === 0) return null;
  const off = Math.max(...known.map((mark, i) => Math.abs(l + slope * (along[i] - m) - mark.level_m)));
  return { pixelsPerMetre: Math.abs(1 / slope), off };
}

// Degrees a line is off the nearer of level and plumb, clockwise positive, -45 to 45.
export function tilt(a, b, width, height) {
  const [dx, dy] = [(b[0] - a[0]) * width, (b[1] - a[1]) * height];
  const degrees = (Math.atan2(dy, dx) * 180) / Math.PI;
  const nearest = Math.round(degrees / 90);
  return { degrees: degrees - nearest * 90, plumb: Math.abs(nearest) % 2 === 1 };
}
