// Numbers and times as text, and elements made of text: nothing here ever parses markup.

export const number = (value, digits = 1, unit = "") =>
  value === null || value === undefined || !Number.isFinite(value)
    ? "–"
    : value.toFixed(digits).replace("-", "−") + (unit && ` ${unit}`);

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export const clock = (unixSeconds) => new Date(unixSeconds * 1000).toLocaleTimeString([], { hour12: false });

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(made.dataset, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

// Writes only what changes, so that ten updates a second cost no layout.
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export const userColour = (user) => `var(--u${user % 8})`;

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    ink: read("--ink"), quiet: read("--quiet"), line: read("--line"), well: read("--well"), bad: read("--bad"),
    users: [0, 1, 2, 3, 4, 5, 6, 7].map((user) => read(`--u${user}`)),
  };
}
