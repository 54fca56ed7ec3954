// Everything on the page that is text or a picture. What arrives is put in as text, never as markup.

import { explain } from "./words.js";
import { clock, duration, element, number, text, userColour } from "./format.js";

const at = (id) => document.getElementById(id);
const LATE_S = 2;
const MAX_EVENTS = 200;
const MAX_HISTORY = 24;
const COLUMNS = [
  ["frequency", "carrier loop"], ["cfo_hz", "carrier left, Hz", 1], ["precorrection_hz", "corrected, Hz", 1],
  ["timing", "timing loop"], ["arrival_samples", "arrival, samples", 2], ["advance_ticks", "advanced, samples", 0],
  ["power", "power loop"], ["snr_db", "SNR, dB", 1], ["gain_db", "relative gain, dB", 1], ["tx_gain_db", "commanded gain, dB", 2],
  ["clock_ppm", "clock, ppm", 2], ["csi_age_ms", "CSI age, ms", 2], ["papr_db", "PAPR, dB", 1],
];
const WORDS = { idle: "idle", waiting: "waiting for nodes", running: "running", finished: "finished", stopped: "stopped", recorded: "recorded" };

export function showHeader(update) {
  const { run, source, control } = update;
  const state = at("state");
  text(state, WORDS[run.state] ?? run.state);
  state.dataset.state = run.state;
  state.title = run.reason;
  text(at("mode"), control.enabled ? "" : "read-only");
  const facts = run.users
    ? [["users", `${run.users}`], ["SNR", number(run.snr_db, 1, "dB")], ["channel", run.channel], ["codec", run.codec],
       ["carrier", number(run.center_frequency_hz / 1e6, 1, "MHz")], ["rate", number(run.sample_rate_hz / 1e6, 1, "Msamples/s")],
       ["seed", run.seed], ...(run.sharing ? [["shared", run.sharing]] : []), ...(run.predicted_psnr_db !== null && run.sharing ? [["expected", number(run.predicted_psnr_db, 1, "dB")]] : []),
       ...(run.refine ? [["refined", "yes"]] : []), ...(run.cancel ? [["cancellation", "yes"]] : [])]
    : [];
  rows(at("facts"), facts.length, () => element("div", {}, element("dt"), element("dd")), (row, index) => {
    text(row.firstChild, facts[index][0]);
    text(row.lastChild, facts[index][1]);
  });
  const over = run.open_ended && ["finished", "recorded"].includes(run.state);
  const share = over ? 100 : run.frames && !run.open_ended ? (100 * run.frames_done) / run.frames : 0;
  at("bar").style.width = `${share}%`;
  at("progress").setAttribute("aria-valuenow", share.toFixed(0));
  text(at("frames"), run.open_ended ? `${run.frames_done} frames` : run.frames ? `${run.frames_done} of ${run.frames} frames` : "no run");
  const pace = [];
  if (run.recorded) pace.push(`${run.decoded} of ${run.recorded} pictures decoded`);
  if (run.images_per_s) pace.push(`${number(run.images_per_s, 1)} pictures/s`);
  if (run.remaining_s !== null && run.remaining_s !== undefined) pace.push(`${duration(run.remaining_s)} left`);
  if (run.sharing_reason) pace.push(run.sharing_reason);
  if (run.reason) pace.push(run.reason);
  text(at("pace"), pace.join(" · "));
  at("report").hidden = !run.report;
  text(at("source"), source.sentence);
  at("link").dataset.on = source.connected ? "yes" : "no";
  text(at("malformed"), run.malformed ? `${run.malformed} malformed messages dropped` : "");
}

export function showLink(open) {
  if (open) return;
  at("link").dataset.on = "lost";
  text(at("source"), "the dashboard does not answer; trying again");
}

export function showNodes(nodes) {
  const words = { tx: "transmitter", rx: "receiver", air: "simulated air" };
  at("no-nodes").hidden = nodes.length > 0;
  const make = () => element("li", {}, element("i", { className: "dot" }), element("b"),
    element("span", { className: "role" }), element("span", { className: "health" }));
  const order = [...nodes].sort((one, other) => one.name.localeCompare(other.name));
  rows(at("nodes"), order.length, make, (row, index) => {
    const node = order[index];
    const late = node.state === "here" && node.silent_s > LATE_S;
    const [dot, name, role, health] = row.children;
    dot.style.setProperty("--c", node.user === null ? "var(--quiet)" : userColour(node.user));
    text(name, node.name);
    text(role, words[node.role] ?? node.role);
    health.dataset.health = late ? "late" : node.state;
    text(health, late ? `silent for ${number(node.silent_s, 1)} s` : { here: "here", left: "left", missing: "not joined", lost: "lost" }[node.state] ?? node.state);
  });
}

// Rows of a list are made once and written over; what is too many goes.
function rows(parent, count, make, write) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) parent.append(make());
  for (let index = 0; index < count; index += 1) write(parent.children[index], index);
}

function makePair() {
  const shot = (name) => element("div", { className: "shot", data: { kind: name } }, element("canvas"), element("span", { textContent: name }));
  const caption = element("figcaption", {}, element("span", { className: "name" }), element("span", { className: "psnr" }),
    element("span", { className: "ssim quiet" }), element("span", { className: "ideal quiet" }), element("span", { className: "id" }),
    element("span", { className: "caption", dir: "auto" }));
  return element("figure", { className: "pair" }, element("div", { className: "frames" }, shot("original"), shot("received")), caption);
}

// What arrived beside a picture; where it is lost, or other than what was sent, that too.
function words(caption) {
  if (caption === null) return "";
  const sent = caption.sent ? `sent: “${caption.sent}”` : "";
  const received = caption.received ? `“${caption.received}”` : "";
  return caption.delivered ? received : [received, "words lost", sent].filter(Boolean).join(" · ");
}

export function showUsers(users) {
  const parent = at("pictures");
  parent.classList.toggle("two", users.length <= 4 && users.length > 1);
  at("no-pictures").hidden = users.length > 0;
  rows(parent, users.length, makePair, (figure, index) => {
    const user = users[index];
    const caption = figure.lastElementChild;
    const [name, psnr, ssim, ideal, id, said] = caption.children;
    if (!name.firstChild) name.append(element("i", { className: "dot" }), element("span"));
    name.firstChild.style.setProperty("--c", userColour(index));
    text(name.lastChild, `user ${user.user}`);
    text(psnr, user.psnr_db === null ? user.score : number(user.psnr_db, 2, "dB"));
    text(ssim, user.ssim === null ? "" : `SSIM ${number(user.ssim, 3)}`);
    text(ideal, user.ideal_psnr_db === null ? "" : `ideal ${number(user.ideal_psnr_db, 2, "dB")}`);
    const frame = user.frame === null ? "" : `frame ${user.frame}`;
    const age = user.age_ms === null || user.age_ms === undefined ? "" : `shown ${number(user.age_ms, 0)} ms after capture`;
    text(id, [frame, figure.dataset.size, user.image_id, age, user.decoded === false ? `not decoded: ${user.reason}` : ""].filter(Boolean).join(" · "));
    [[psnr, "psnr"], [ssim, "ssim"], [ideal, "ideal"]].forEach(([node, word]) => explain(node, word));
    text(said, words(user.caption));
    said.classList.toggle("lost", user.caption !== null && !user.caption.delivered);
    figure.dataset.frame = user.frame ?? "";
  });
}

// Decoding happens beside the page; a picture that was overtaken meanwhile is not drawn.
export async function showPicture({ user, kind, frame, file }) {
  const shot = at("pictures").children[user]?.querySelector(`[data-kind="${kind}"]`);
  if (!shot) return;
  const [canvas, label] = shot.children;
  shot.dataset.frame = frame;
  if (!file) {
    canvas.width = canvas.height = 0;
    text(label, kind === "received" ? "not decoded" : "unknown");
    return;
  }
  try {
    const bitmap = await createImageBitmap(file);
    if (shot.dataset.frame === String(frame)) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.className = bitmap.width < 160 ? "small" : "";
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${kind} picture of user ${user}, frame ${frame}`);
      text(label, "");
      if (kind === "original") shot.closest("figure").dataset.size = `${bitmap.width} × ${bitmap.height} px`;
      else remember(canvas, user, frame);
    }
    bitmap.close();
  } catch {
    text(label, "not a picture");
  }
}

// The received pictures of the last frames, newest first.
function remember(canvas, user, frame) {
  const history = at("history");
  if (history.firstChild?.dataset.key === `${frame} ${user}`) return;
  const copy = element("canvas", { title: `frame ${frame}, user ${user}`, data: { key: `${frame} ${user}` } });
  [copy.width, copy.height] = [canvas.width, canvas.height];
  copy.className = canvas.className;
  copy.getContext("2d").drawImage(canvas, 0, 0);
  copy.style.setProperty("--c", userColour(user));
  history.prepend(copy);
  while (history.children.length > MAX_HISTORY) history.lastElementChild.remove();
  history.hidden = false;
}

export function clearPictures() {
  at("history").replaceChildren();
  at("history").hidden = true;
  at("pictures").replaceChildren();
  at("events").replaceChildren();
  at("no-events").hidden = false;
}

export function showLegends(count) {
  for (const legend of document.querySelectorAll(".legend")) {
    rows(legend, count, () => element("span", {}, element("i", { className: "dot" }), element("span")), (entry, user) => {
      entry.firstChild.style.setProperty("--c", userColour(user));
      text(entry.lastChild, `user ${user}`);
    });
  }
}

export function showConstellations(users) {
  const parent = at("constellations");
  parent.classList.toggle("few", users.length <= 2);
  parent.classList.toggle("many", users.length > 4);
  rows(parent, users.length, () => element("div", {}, element("canvas"), element("p", {}, element("b"), element("span"), element("span"), element("span"))), (place, index) => {
    const user = users[index];
    const details = [
      `user ${user.user}`,
      user.snr_db === null ? "" : `SNR ${number(user.snr_db, 1, "dB")}`,
      user.payload_sinr_db === null ? "" : `payload ${number(user.payload_sinr_db, 1, "dB")}`,
      user.evm_db === null ? "" : `EVM ${number(user.evm_db, 1, "dB")}`,
    ];
    place.firstChild.setAttribute("role", "img");
    place.firstChild.setAttribute("aria-label", `constellation of ${details.filter(Boolean).join(", ")}`);
    details.forEach((detail, part) => text(explain(place.lastChild.children[part], ["", "snr", "payload", "evm"][part]), detail));
  });
  return [...parent.children].map((place) => place.firstChild);
}

export function showLoops(users, run) {
  const head = document.querySelector("#loops thead");
  if (!head.children.length) {
    head.append(element("tr", {}, element("th", { textContent: "" }), ...COLUMNS.map(([key, title]) => element("th", {}, explain(element("span", { textContent: title }), key)))));
  }
  const cell = ([key, title]) => element("td", {}, explain(element("span", { className: "label", textContent: title }), key), element("span"));
  const make = () => element("tr", {}, element("td", {}, element("i", { className: "dot" }), element("span")), ...COLUMNS.map(cell));
  rows(document.querySelector("#loops tbody"), users.length, make, (row, index) => {
    const { loops, user } = users[index];
    row.firstChild.firstChild.style.setProperty("--c", userColour(user));
    text(row.firstChild.lastChild, `user ${user}`);
    COLUMNS.forEach(([key, , digits], column) => {
      const cell = row.children[column + 1];
      const state = digits === undefined ? loops.states?.[key] || "–" : null;
      text(cell.lastChild, state ?? number(loops[key], digits));
      if (state) cell.lastChild.dataset.loop = state;
    });
  });
  const on = (value) => (value ? "on" : "off");
  const stored = run.calibration ? `stored calibration ${run.calibration}` : "no stored calibration";
  text(at("loops-title"), run.users ? `${stored} · CSI feedback ${on(run.csi)} · loops: carrier ${on(run.carrier)}, timing ${on(run.timing)}, power ${on(run.power)}` : "");
}

export function showEvents(events) {
  const list = at("events");
  for (const [when, sentence] of events) {
    list.prepend(element("li", {}, element("time", { textContent: clock(when) }), element("span", { textContent: sentence })));
  }
  while (list.children.length > MAX_EVENTS) list.lastElementChild.remove();
  at("no-events").hidden = list.children.length > 0;
}
