// Line plots and constellations on canvases. Every function draws one canvas anew from the data it is given.

import { number } from "./format.js";

const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

// Matches the canvas to its place on the screen; returns its context in CSS pixels, cleared.
export function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  return { context, width, height };
}

// Round steps of 1, 2 or 5 times a power of ten, at most `most` of them.
export function ticks(low, high, most, whole = false) {
  const span = Math.max(high - low, 1e-9);
  const power = 10 ** Math.floor(Math.log10(span / most));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= most);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(value);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

// The frame of a plot. Returns x and y as functions from values to pixels, and the box.
export function axes({ context, width, height }, theme, xRange, yRange, { xLabel = "", whole = false, xTicks = true, yTicks = true } = {}) {
  const box = { left: 42, right: width - 10, top: 8, bottom: height - (xTicks ? 30 : 8) };
  const x = (value) => box.left + ((value - xRange[0]) / (xRange[1] - xRange[0] || 1)) * (box.right - box.left);
  const y = (value) => box.bottom - ((value - yRange[0]) / (yRange[1] - yRange[0] || 1)) * (box.bottom - box.top);
  context.lineWidth = 1;
  context.strokeStyle = theme.line;
  context.fillStyle = theme.quiet;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const rows = ticks(...yRange, Math.max(2, Math.floor((box.bottom - box.top) / 38)));
  for (const value of yTicks ? rows.found : []) {
    const at = Math.round(y(value)) + 0.5;
    context.beginPath();
    context.moveTo(box.left, at);
    context.lineTo(box.right, at);
    context.stroke();
    context.fillText(number(value, rows.digits), box.left - 6, at);
  }
  if (xTicks) {
    context.textAlign = "center";
    context.textBaseline = "top";
    const columns = ticks(...xRange, Math.max(2, Math.floor((box.right - box.left) / 70)), whole);
    for (const value of columns.found) context.fillText(number(value, columns.digits), x(value), box.bottom + 4);
    context.textAlign = "right";
    context.fillText(xLabel, box.right, box.bottom + 17);
  }
  return { x, y, box };
}

export function line(context, points, colour, width = 1.75) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.beginPath();
  let down = false;
  for (const point of points) {
    if (!point) down = false;
    else if (down) context.lineTo(...point);
    else {
      context.moveTo(...point);
      down = true;
    }
  }
  context.stroke();
}

const padded = (values, least, step) => {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, least];
  const extra = Math.max(0, least - (high - low)) / 2;
  return [Math.floor((low - extra) / step) * step, Math.ceil((high + extra) / step + 1e-9) * step];
};

// points: [frame, user, PSNR in dB or null for what was not decoded], in any order.
export function drawPsnr(canvas, theme, points) {
  const plot = prepare(canvas);
  if (!points.length) return empty(plot, theme, "no picture yet");
  const byUser = new Map();
  for (const [frame, user, psnr] of points) {
    if (!byUser.has(user)) byUser.set(user, []);
    byUser.get(user).push([frame, psnr]);
  }
  const known = points.filter((point) => point[2] !== null);
  let frames = [Infinity, -Infinity];
  for (const [frame] of points) frames = [Math.min(frames[0], frame), Math.max(frames[1], frame)];
  if (frames[0] === frames[1]) frames = [frames[0] - 0.5, frames[1] + 0.5];
  const range = padded(known.map((point) => point[2]), 4, 2);
  const { x, y, box } = axes(plot, theme, frames, range, { xLabel: "frame", whole: true });
  const { context } = plot;
  const few = frames[1] - frames[0] < 60;
  for (const [user, own] of [...byUser].sort((one, other) => one[0] - other[0])) {
    own.sort((one, other) => one[0] - other[0]);
    const colour = theme.users[user % 8];
    context.globalAlpha = few ? 1 : 0.3;
    line(context, own.map(([frame, psnr]) => (psnr === null ? null : [x(frame), y(psnr)])), colour, few ? 1.75 : 1);
    context.globalAlpha = 1;
    if (!few) line(context, movingMean(own).map(([frame, psnr]) => [x(frame), y(psnr)]), colour, 2);
    context.fillStyle = colour;
    const marks = few ? own : own.slice(-1);
    for (const [frame, psnr] of marks) {
      if (psnr === null) continue;
      context.beginPath();
      context.arc(x(frame), y(psnr), few ? 2.6 : 3.2, 0, 7);
      context.fill();
    }
    context.fillStyle = theme.bad;
    for (const [frame, psnr] of own) if (psnr === null) context.fillRect(x(frame) - 1, box.bottom - 6 - 5 * (user % 8), 2, 5);
  }
  return { x, box, frames };
}

// Means over a fortieth of the points, at their middles.
function movingMean(own) {
  const known = own.filter((point) => point[1] !== null);
  const width = Math.max(3, Math.round(known.length / 40));
  const means = [];
  let sum = 0;
  known.forEach(([, psnr], index) => {
    sum += psnr;
    if (index >= width) sum -= known[index - width][1];
    if (index >= width - 1) means.push([known[index - Math.floor(width / 2)][0], sum / width]);
  });
  return means;
}

// users: {user, response_db}; lowest frequency first, an empty carrier in the middle.
export function drawResponse(canvas, theme, users, run) {
  const plot = prepare(canvas);
  const heard = users.filter((user) => user.response_db.length);
  if (!heard.length) return empty(plot, theme, "no channel measured yet");
  const half = ((run.active_subcarriers / 2) * run.spacing_hz) / 1e6;
  const levels = heard.flatMap((user) => user.response_db);
  const range = padded(levels, 6, 3);
  range[0] = Math.max(range[0], range[1] - 48); // a deep fade must not flatten the rest
  const { x, y, box } = axes(plot, theme, [-half, half], range, { xLabel: "MHz from the carrier" });
  for (const user of heard) {
    const step = (2 * half) / Math.max(1, user.response_db.length - 1);
    const points = user.response_db.map((value, index) => [x(-half + index * step), y(value)]);
    plot.context.save();
    plot.context.beginPath();
    plot.context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    plot.context.clip();
    line(plot.context, points, theme.users[user.user % 8], 1.6);
    plot.context.restore();
  }
  return null;
}

// values: I and Q in turn, unit mean power.
export function drawConstellation(canvas, theme, values, colour) {
  const { context, width, height } = prepare(canvas);
  const reach = 2.6;
  const scale = Math.min(width, height) / (2 * reach);
  const [middleX, middleY] = [width / 2, height / 2];
  context.fillStyle = theme.well;
  context.beginPath();
  context.roundRect(0, 0, width, height, 6);
  context.fill();
  context.strokeStyle = theme.quiet;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(middleX, 0);
  context.lineTo(middleX, height);
  context.moveTo(0, middleY);
  context.lineTo(width, middleY);
  context.moveTo(middleX + scale, middleY);
  context.arc(middleX, middleY, scale, 0, 2 * Math.PI);
  context.stroke();
  context.fillStyle = colour;
  context.globalAlpha = 0.65;
  const size = Math.max(1.6, width / 110);
  for (let index = 0; index + 1 < values.length; index += 2) {
    const [i, q] = [values[index], values[index + 1]].map((value) => Math.max(-reach, Math.min(reach, value)));
    context.beginPath();
    context.arc(middleX + i * scale, middleY - q * scale, size, 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
}

export function drawSpectrum(canvas, theme, levels, run) {
  const plot = prepare(canvas);
  if (!levels) return empty(plot, theme, "no samples yet");
  const half = run.sample_rate_hz / 2e6;
  const { x, y, box } = axes(plot, theme, [-half, half], padded(levels, 20, 10), { xTicks: false });
  const step = (2 * half) / levels.length;
  const points = levels.map((value, index) => [x(-half + (index + 0.5) * step), y(value)]);
  const { context } = plot;
  line(context, points, theme.users[0], 1.4);
  context.lineTo(box.right, box.bottom);
  context.lineTo(box.left, box.bottom);
  context.globalAlpha = 0.12;
  context.fillStyle = theme.users[0];
  context.fill();
  context.globalAlpha = 1;
  return null;
}

function empty({ context, width, height }, theme, sentence) {
  context.fillStyle = theme.quiet;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(sentence, width / 2, height / 2);
  return null;
}
