// Spectra over time, newest on top, in a scale of colours whose lightness grows with the level.

import { number } from "./format.js";
import { axes, prepare } from "./plots.js";

const ANCHORS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37],
];
const TABLE = new Uint8Array(256 * 3);
for (let level = 0; level < 256; level += 1) {
  const place = (level / 255) * (ANCHORS.length - 1);
  const [below, part] = [Math.min(Math.floor(place), ANCHORS.length - 2), place - Math.min(Math.floor(place), ANCHORS.length - 2)];
  for (let c = 0; c < 3; c += 1) TABLE[3 * level + c] = ANCHORS[below][c] * (1 - part) + ANCHORS[below + 1][c] * part;
}
const buffer = document.createElement("canvas");

export function drawWaterfall(canvas, theme, spectra, rows, run) {
  const plot = prepare(canvas);
  if (!spectra.length) return;
  const newest = [...spectra[spectra.length - 1]].sort((one, other) => one - other);
  const low = Math.floor(newest[Math.floor(newest.length * 0.05)] / 5) * 5 - 5;
  const high = Math.max(low + 20, Math.ceil(newest[newest.length - 1] / 5) * 5);
  const bins = spectra[spectra.length - 1].length;
  buffer.width = bins;
  buffer.height = rows;
  const brush = buffer.getContext("2d");
  const image = brush.createImageData(bins, rows);
  for (let row = 0; row < Math.min(rows, spectra.length); row += 1) {
    const levels = spectra[spectra.length - 1 - row];
    if (levels.length !== bins) continue;
    for (let bin = 0; bin < bins; bin += 1) {
      const level = 3 * Math.max(0, Math.min(255, Math.round(((levels[bin] - low) / (high - low)) * 255)));
      const at = 4 * (row * bins + bin);
      image.data[at] = TABLE[level];
      image.data[at + 1] = TABLE[level + 1];
      image.data[at + 2] = TABLE[level + 2];
      image.data[at + 3] = 255;
    }
  }
  brush.putImageData(image, 0, 0);
  const half = run.sample_rate_hz / 2e6;
  const { box } = axes(plot, theme, [-half, half], [0, 1], { xLabel: plot.width < 420 ? "MHz" : "MHz from the carrier", yTicks: false });
  const { context } = plot;
  context.fillStyle = theme.well;
  context.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  context.imageSmoothingEnabled = false;
  context.drawImage(buffer, box.left, box.top, box.right - box.left, box.bottom - box.top);
  for (let step = 0; step < 256; step += 1) {
    context.fillStyle = `rgb(${TABLE[3 * step]} ${TABLE[3 * step + 1]} ${TABLE[3 * step + 2]})`;
    context.fillRect(box.left + step * 0.35, box.bottom + 20, 0.8, 6);
  }
  context.fillStyle = theme.quiet;
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText("now", box.left - 6, box.top);
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(`${number(low, 0)} to ${number(high, 0)} dB`, box.left + 96, box.bottom + 23);
}
