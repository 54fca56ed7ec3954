"""Chromium without a window, and what it says about how a page is laid out.

Needs Debian's chromium and chromium-driver; nothing is fetched from anywhere.
"""

import time
from pathlib import Path

import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
PHONE = (390, 844, 2, True)  # CSS pixels, device pixels per CSS pixel, whether it is held in a hand
DESK = (1440, 1000, 1, False)
LEAST_TEXT_PX = 12
# WCAG 2.2: 24 pixels for words in a text (2.5.8), 44 for what stands by itself (2.5.5).
FINGER_PX = {"abbr, .term": 24, "a, button, summary, select, input:not([type=checkbox]):not([type=radio])": 44}

# What is wrong with the layout, as a list of sentences. A table of pictures (.grid) may be scrolled sideways.
_FAULTS = """
const [leastText, fingers] = arguments, faults = [], width = document.documentElement.clientWidth;
const said = (node) => node.textContent.trim().slice(0, 40);
const name = (node) => `<${node.tagName.toLowerCase()} class="${node.className}"> ${said(node)}`;
const hidden = (node) => node.closest("thead")?.offsetHeight === 1 || getComputedStyle(node).visibility === "hidden";
const whole = document.documentElement.scrollWidth;
if (whole > width) faults.push(`the page is ${whole} px wide`);
for (const node of document.querySelectorAll("body *")) {
  const box = node.getBoundingClientRect(), style = getComputedStyle(node);
  if (!box.width || !box.height || hidden(node)) continue;
  if ([...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) {
    if (parseFloat(style.fontSize) < leastText) faults.push(`text of ${style.fontSize}: ${name(node)}`);
    const cut = style.overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1;
    if (width < 600 && cut && node.tagName !== "PRE")
      faults.push(`text is cut: ${name(node)}`);
  }
  const scrolls = ["auto", "scroll"].includes(style.overflowX) && !node.matches("pre, textarea, .history");
  if (scrolls && !(node.querySelector(".grid") || width > 600) && node.scrollWidth > node.clientWidth + 1)
    faults.push(`${name(node)} is ${node.scrollWidth} px wide in ${node.clientWidth}`);
  if (node.matches(".stack td")) {
    const next = node.nextElementSibling?.getBoundingClientRect();
    if (next && next.top < box.bottom - 1 && next.bottom > box.top + 1 && next.left < box.right - 1)
      faults.push(`cells overlap: ${name(node)}`);
  }
  if (node.matches(".scroll") && !node.querySelector(".grid") && node.scrollWidth > node.clientWidth + 1)
    faults.push(`a table is ${node.scrollWidth} px wide in ${node.clientWidth}: ${node.getAttribute("aria-label")}`);
  const form = node.naturalWidth / node.naturalHeight;
  if (node.matches("img") && node.complete && Math.abs(box.width / box.height / form - 1) > 0.02)
    faults.push(`a picture is stretched or cropped: ${node.alt}`);
}
for (const [what, least] of width < 600 ? Object.entries(fingers) : [])
  for (const node of document.querySelectorAll(what)) {
    if (!node.getBoundingClientRect().height || hidden(node) || node.disabled) continue;
    node.scrollIntoView({ block: "center", behavior: "instant" });
    const box = node.getClientRects()[0], [x, y] = [box.x + Math.min(box.width, 30) / 2, box.y + box.height / 2];
    for (const far of [1 - least / 2, least / 2 - 1]) {
      const met = document.elementFromPoint(x, y + far);
      if (met === node || node.contains(met)) continue;
      faults.push(`under ${least} px for a finger (${met?.tagName}): ${name(node)}`);
    }
  }
return [...new Set(faults)];"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("chromium or chromium-driver is not installed: apt-get install them")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}", "--window-size=1440,1000"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield made
    made.quit()


def resize(browser, width, height=1000, scale=1, mobile=False):
    values = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", values)
    time.sleep(0.3)


def layout_faults(browser):
    """What does not fit, is cut, too small to read or to touch on the page as it is now, as sentences."""
    return browser.execute_script(_FAULTS, LEAST_TEXT_PX, FINGER_PX)
