/*
 * The list of resolutions to choose from, made of what GET resolution says. A mode has a fixed
 * size, or a range with steps, of which the usual sizes are offered.
 */

const USUAL_SIZES = [
  [320, 240], [640, 360], [640, 480], [854, 480], [1280, 720], [1920, 1080], [2560, 1440],
  [3840, 2160],
];

function fits(value, range) {
  if (typeof range === 'number') return value === range;
  const { min, max, step = 1 } = range;
  return value >= min && value <= max && (value - min) % step === 0;
}

function sizesOf(mode) {
  if (typeof mode.width === 'number' && typeof mode.height === 'number') {
    return [[mode.width, mode.height]];
  }
  return USUAL_SIZES.filter(([w, h]) => fits(w, mode.width) && fits(h, mode.height));
}

function fpsWords(fpsMax) {
  return fpsMax ? ` · up to ${Math.round(fpsMax * 100) / 100} fps` : '';
}

/* Returns [{ width, height, label }], smallest first, each size once; the current one is in it. */
export function choicesOf({ width, height, modes = [] }) {
  const bySize = new Map();
  const add = ([w, h], fpsMax) => {
    const known = bySize.get(`${w}x${h}`);
    if (!known || (fpsMax ?? 0) > (known.fpsMax ?? 0)) {
      bySize.set(`${w}x${h}`, { width: w, height: h, fpsMax });
    }
  };
  for (const mode of modes) for (const size of sizesOf(mode)) add(size, mode.fps_max);
  if (width && height && !bySize.has(`${width}x${height}`)) add([width, height]);
  return [...bySize.values()]
    .sort((a, b) => a.width * a.height - b.width * b.height || a.width - b.width)
    .map((c) => ({ ...c, label: `${c.width} × ${c.height}${fpsWords(c.fpsMax)}` }));
}
