// Start, stop and resume. The server checks every value; its sentence is shown as it is.

import { element, text } from "./format.js";

const at = (id) => document.getElementById(id);
const CHANNELS = ["awgn", "rayleigh", "rician", "tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e"];
let filled = false;
let own = "";

export function showControl(control) {
  at("control").hidden = !control.enabled;
  if (!control.enabled) return;
  if (!filled) fill(control);
  at("start").disabled = control.running;
  at("stop").disabled = !control.running || control.stopping;
  text(at("stop"), control.stopping ? "Stopping" : "Stop");
  at("resume").hidden = !control.resumable || control.running;
  if (control.running) own = "";
  const sentence = own || [control.run, control.running ? (control.stopping ? "is stopping" : "is running") : control.message].filter(Boolean).join(": ");
  text(at("message"), sentence);
  at("message").dataset.bad = own ? "yes" : "no";
}

function fill({ defaults, codecs }) {
  filled = true;
  const form = at("settings");
  form.channel.append(...CHANNELS.map((name) => element("option", { value: name, textContent: name })));
  const names = codecs.includes(defaults.codec) ? codecs : [defaults.codec, ...codecs];
  form.codec.append(...names.map((name) => element("option", { value: name, textContent: name })));
  for (const [name, value] of Object.entries(defaults)) {
    if (typeof value === "boolean") form.elements[name].checked = value;
    else form.elements[name].value = value;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send("start", () => ({ settings: read(form, defaults) }));
  });
  at("stop").addEventListener("click", () => send("stop", () => ({})));
  at("resume").addEventListener("click", () => send("resume", () => ({})));
}

// A codec that the command line named by its folder cannot be named from here; unchanged, it is left to the server.
function read(form, defaults) {
  const settings = { refine: form.refine.checked, cancel: form.cancel.checked, channel: form.channel.value };
  if (form.codec.value !== defaults.codec) settings.codec = form.codec.value;
  for (const name of ["users", "frames", "snr_db"]) settings[name] = Number(form.elements[name].value);
  settings.seed = form.seed.value;
  for (const line of form.more.value.split("\n").map((part) => part.trim()).filter(Boolean)) {
    const [name, value] = [line.split("=", 1)[0].trim(), line.slice(line.indexOf("=") + 1).trim()];
    if (!line.includes("=") || !name) throw new Error(`${line} is not of the form KEY=VALUE.`);
    settings[name] = value;
  }
  return settings;
}

async function send(command, body) {
  const message = at("message");
  own = "";
  try {
    const answer = await fetch(`/api/${command}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body()),
    });
    if (!answer.ok) own = (await answer.json()).error ?? `refused with status ${answer.status}`;
  } catch (error) {
    own = String(error.message ?? error);
  }
  text(message, own);
  message.dataset.bad = own ? "yes" : "no";
}
