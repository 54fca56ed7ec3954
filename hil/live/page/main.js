// Keeps what has arrived and draws it, at most once a screen refresh and only while the page is seen.

import { connect } from "./feed.js";
import { colours, number } from "./format.js";
import { drawConstellation, drawPsnr, drawResponse, drawSpectrum } from "./plots.js";
import { drawWaterfall } from "./waterfall.js";
import { showControl } from "./control.js";
import { explainHeadings } from "./words.js";
import {
  clearPictures, showConstellations, showEvents, showHeader, showLegends, showLink, showLoops, showNodes, showPicture, showUsers,
} from "./view.js";

const MAX_POINTS = 4000;
const ROWS = 100;
const at = (id) => document.getElementById(id);
const kept = { points: [], spectra: [], users: [], run: {}, update: null };
const facts = document.documentElement.dataset; // what has been received and drawn, for whoever tests the page
let theme = colours();
let waiting = false;
let pointer = null;

function onUpdate(update, pictures) {
  if (update.fresh) {
    kept.points = [];
    kept.spectra = [];
    clearPictures();
  }
  kept.update = update;
  kept.users = update.users;
  kept.run = update.run;
  kept.points = kept.points.concat(update.points).slice(-MAX_POINTS);
  kept.spectra = kept.spectra.concat(update.spectra).slice(-ROWS);
  showUsers(kept.users);
  showEvents(update.events);
  for (const picture of pictures) showPicture(picture);
  facts.updates = Number(facts.updates ?? 0) + 1;
  draw();
}

function draw() {
  if (waiting || !kept.update) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    const { update, users, run, points, spectra } = kept;
    showHeader(update);
    showNodes(update.nodes);
    showControl(update.control);
    showLegends(users.length);
    showLoops(users, run);
    showConstellations(users).forEach((canvas, index) =>
      drawConstellation(canvas, theme, users[index].constellation, theme.users[users[index].user % 8]));
    at("psnr-title").textContent = points.length > 60 * users.length ? "dB, by frame, and its moving mean" : "dB, by frame";
    const psnr = drawPsnr(at("psnr"), theme, points);
    drawResponse(at("response"), theme, users, run);
    drawSpectrum(at("spectrum"), theme, spectra[spectra.length - 1], run);
    drawWaterfall(at("waterfall"), theme, spectra, ROWS, run);
    showTip(psnr);
    facts.drawn = Number(facts.drawn ?? 0) + 1;
  });
}

// The figures of the frame under the pointer.
function showTip(plot) {
  const tip = at("tip");
  tip.hidden = !pointer || !plot;
  if (tip.hidden) return;
  const share = (pointer.x - plot.box.left) / (plot.box.right - plot.box.left);
  const frame = Math.round(plot.frames[0] + share * (plot.frames[1] - plot.frames[0]));
  const own = kept.points.filter((point) => point[0] === frame).sort((one, other) => one[1] - other[1]);
  tip.hidden = !own.length;
  tip.textContent = [`frame ${frame}`, ...own.map(([, user, psnr]) =>
    `user ${user}  ${psnr === null ? "not decoded" : number(psnr, 2, "dB")}`)].join("\n");
  tip.style.left = `${Math.min(pointer.pageX + 14, innerWidth - 150)}px`;
  tip.style.top = `${pointer.pageY + 14}px`;
}

at("psnr").addEventListener("pointermove", (event) => {
  pointer = { x: event.offsetX, pageX: event.clientX, pageY: event.clientY };
  draw();
});
at("psnr").addEventListener("pointerleave", () => {
  pointer = null;
  at("tip").hidden = true;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  theme = colours();
  draw();
});
addEventListener("resize", draw);
document.addEventListener("visibilitychange", draw);
explainHeadings();
connect(onUpdate, showLink);
