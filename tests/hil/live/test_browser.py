"""The page in a real browser: a feed of eight users at ten updates a second, and clicks through a real run.

Needs Debian's chromium and chromium-driver; nothing is fetched from anywhere.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from hil.bus.messages import CsiReport, NodeHealth, Overview, PictureFacts, Sent, Telemetry, UserCsi, UserTelemetry
from hil.config import load_config
from hil.live.access import Access
from hil.live.serve import Site, listen, make_server
from hil.live.state import LiveState
from hil.nodes.telemetry import half_floats, thumbnail
from tests.browser import DESK, PHONE, layout_faults, resize

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

USERS, UPDATES = 8, 40
EVIL = "<img src=x onerror=\"document.title='owned'\">"
CLICKED_FRAMES = 120  # of a run that is stopped on the way: enough for a browser that is slow to show the first


@pytest.fixture
def site():
    """A state and the address where its page is served."""
    state, listener = LiveState(), listen("127.0.0.1", 0)
    server = make_server(Site(state, Access("127.0.0.1", None)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value


def text(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector).text


def facts_of(browser):
    """(updates received, frames drawn) so far."""
    return browser.execute_script("const d = document.documentElement.dataset; return [+d.updates || 0, +d.drawn || 0]")


def has_ink(browser, selector):
    """Whether a canvas shows more than one colour."""
    script = """const c = document.querySelector(arguments[0]); if (!c || !c.width) return false;
    const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer);
    return d.some((value) => value !== d[0]);"""
    return browser.execute_script(script, selector)


def complaints(browser):
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def one_update(state, number, rng):
    """What a run of eight users brings in a tenth of a second."""
    pictures = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(USERS)]
    files = [thumbnail(picture) for picture in pictures]
    users = [
        UserTelemetry(
            user=user,
            detected=True,
            reason=None,
            constellation=half_floats(rng.normal(size=600) * 0.7),
            response_db=half_floats(rng.normal(size=200) - 12),
            evm_db=-20.0,
            picture_frame=number,
            attachment=user,
            original_bytes=len(files[user]),
        )
        for user in range(USERS)
    ]
    said = [(EVIL, EVIL, True), (EVIL, None, False), (None, None, None)]
    rows = [
        PictureFacts(number, user, True, None, EVIL, 20.0 + user, 0.9, None, 9.0, {}, None, "", *said[min(user, 2)])
        for user in range(USERS)
    ]
    levels = half_floats(rng.normal(size=256) - 60)
    state.telemetry(Telemetry(number, number, 10.0, levels, users, rows), [file + file for file in files])
    csi = CsiReport(number, number, 0, 0, 10.0, [UserCsi(u, 1.0, 0, 1.0, 0, 9.0) for u in range(USERS)])
    nodes = [NodeHealth(f"tx{user}", "tx", user, "here", 0.0) for user in range(USERS)]
    sent = [Sent(number, number, user) for user in range(USERS)]
    state.overview(Overview("running", "", number, number, number + 1, nodes, sent, csi, [], 0))


def test_eight_users_at_ten_updates_a_second(browser, site, record_property):
    state, address = site
    state.begin("run", load_config(None, {"users": USERS, "frames": UPDATES}))
    state.event(EVIL)
    browser.get(address)
    wait_for(lambda: facts_of(browser)[0])
    rng, start, before = np.random.default_rng(1), time.monotonic(), facts_of(browser)
    for number in range(UPDATES):
        one_update(state, number, rng)
        time.sleep(max(0.0, start + 0.1 * (number + 1) - time.monotonic()))
    last = f"frame {UPDATES - 1}"
    wait_for(lambda: all(last in pair.text for pair in browser.find_elements(By.CSS_SELECTOR, ".pair")))
    after, seconds = facts_of(browser), time.monotonic() - start
    rates = [(now - then) / seconds for now, then in zip(after, before, strict=True)]
    record_property("updates_per_s", rates[0])
    print(f"{rates[0]:.1f} updates/s received, {rates[1]:.1f} drawings/s over {seconds:.1f} s")
    assert rates[0] < 12  # the server holds back what comes faster
    assert len(browser.find_elements(By.CSS_SELECTOR, ".pair")) == USERS
    wait_for(lambda: text(browser, "#frames") == f"{UPDATES} of {UPDATES} frames")
    shown = [element.text for element in browser.find_elements(By.CSS_SELECTOR, ".pair .psnr")]
    assert shown == [f"{20 + user:.2f} dB" for user in range(USERS)]
    captions = [element.text for element in browser.find_elements(By.CSS_SELECTOR, ".pair .caption")]
    assert captions == [f"“{EVIL}”", f"words lost · sent: “{EVIL}”"] + [""] * (USERS - 2)
    wait_for(lambda: all(
        shot.get_attribute("data-frame") == str(UPDATES - 1) for shot in browser.find_elements(By.CSS_SELECTOR, ".shot")
    ))  # fmt: skip
    for canvas in ("#psnr", "#response", "#spectrum", "#waterfall", "#constellations canvas", ".shot canvas"):
        assert has_ink(browser, canvas), canvas
    # What came from outside is text: nothing was made of it, nothing ran.
    assert EVIL in text(browser, "#events") and browser.title == "semnoma-hil"
    assert browser.execute_script("return document.images.length") == 0
    assert complaints(browser) == []


def test_read_only_it_fits_a_phone_and_follows_the_light(browser, site):
    state, address = site
    state.begin("run", load_config(None, {"users": USERS, "frames": UPDATES}))
    one_update(state, 0, np.random.default_rng(1))
    browser.get(address)
    wait_for(lambda: len(browser.find_elements(By.CSS_SELECTOR, ".pair")) == USERS)
    assert text(browser, "#mode") == "read-only"
    assert not browser.find_element(By.ID, "start").is_displayed()
    titles = "return [...document.querySelectorAll('.term')].map((node) => node.title)"  # at once: elements come and go
    wait_for(lambda: len(browser.execute_script(titles)) > 30)  # those of the tables come with the first drawing
    assert all(browser.execute_script(titles))
    said = "document.querySelector('#loops .term').focus();"
    said += "return getComputedStyle(document.activeElement, '::after').content"  # what a finger on a word brings up
    assert "carrier" in browser.execute_script(said)
    background = "return getComputedStyle(document.documentElement).backgroundColor"
    colours = []
    try:
        for scheme in ("light", "dark"):
            browser.execute_cdp_cmd(
                "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
            )
            for screen in (PHONE, DESK):
                resize(browser, *screen)
                assert layout_faults(browser) == []
            colours.append(sum(map(int, re.findall(r"\d+", browser.execute_script(background))[:3])))
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert colours[0] > 600 and colours[1] < 200


@pytest.fixture
def dashboard(tmp_path):
    """`semnoma-hil dashboard --control` as a process; yields its address and the folder of its runs."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    y, x = np.mgrid[0:32, 0:32] * 8
    for number in range(3):
        pixels = np.stack([y, x, np.full_like(x, 80 * number)], 2).astype(np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    command = [sys.executable, "-m", "hil", "dashboard", "--control", "--port", "0"]
    command += ["--images", str(pictures), "--runs", str(tmp_path / "runs")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    yield process.stdout.readline().strip(), tmp_path / "runs"
    process.send_signal(signal.SIGINT)
    assert process.wait(240) == 0
    process.stdout.close()


def test_a_run_is_started_stopped_and_finished_by_clicks(browser, dashboard):
    address, runs = dashboard
    browser.get(address)
    wait_for(lambda: browser.find_element(By.ID, "start").is_displayed())

    def fill(name, value):
        field = browser.find_element(By.NAME, name)
        field.clear()
        field.send_keys(value)

    def message():
        return text(browser, "#message")

    browser.find_element(By.TAG_NAME, "summary").click()
    fill("frames", str(CLICKED_FRAMES))
    fill("snr_db", "18")
    Select(browser.find_element(By.NAME, "channel")).select_by_value("rician")
    fill("more", "air.dac_bits=99")
    browser.find_element(By.ID, "start").click()
    wait_for(lambda: "dac_bits" in message())  # RunConfig's sentence
    assert not runs.exists()
    fill("more", "air.dac_bits=10")
    browser.find_element(By.ID, "start").click()
    wait_for(lambda: len(browser.find_elements(By.CSS_SELECTOR, "[data-health=here]")) == 4, 90)
    wait_for(lambda: has_ink(browser, ".pair [data-kind=received] canvas"), 90)
    browser.find_element(By.ID, "stop").click()
    wait_for(lambda: message().endswith("stopped"), 60)
    (out,) = runs.iterdir()
    recorded = (out / "results.jsonl").read_text().splitlines()
    assert 0 < len(recorded) < 2 * CLICKED_FRAMES
    browser.find_element(By.ID, "resume").click()
    wait_for(lambda: message().endswith("finished"), 200)
    wait_for(lambda: text(browser, "#state") == "finished")
    lines = (out / "results.jsonl").read_text().splitlines()
    assert len(lines) == 2 * CLICKED_FRAMES and lines[: len(recorded)] == recorded
    assert f"{CLICKED_FRAMES} of {CLICKED_FRAMES} frames" in text(browser, "#frames")
    assert "rician" in text(browser, "#facts")
    wait_for(lambda: f"frame {CLICKED_FRAMES - 1}" in text(browser, ".pair"))
    for canvas in ("#psnr", "#response", "#spectrum", "#waterfall", "#constellations canvas"):
        assert has_ink(browser, canvas), canvas
    assert complaints(browser) == [] or all("/api/start" in entry["message"] for entry in complaints(browser))
