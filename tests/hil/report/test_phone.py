"""The report in a real browser, as wide as a phone and as a desk."""

import contextlib

import numpy as np
import pytest
from matplotlib.text import Text

from hil.comparing.page import build_page
from hil.comparing.runs import read_runs
from hil.report import build_report, charts
from hil.report.small_screen import fitted
from hil.results.rows import ResultRow
from hil.results.writer import ResultWriter
from tests.browser import DESK, LEAST_TEXT_PX, PHONE, layout_faults, resize

SIZES = ((256, 128), (128, 256), (480, 640), (16, 16))  # height and width of the pictures
LONG = "a photograph whose name says where it was taken, when, by whom and with which lens.png"


def make_run(out, users):
    """A run with portraits, landscapes, a lost picture, an event, a shared payload and a reason for it."""
    rng = np.random.default_rng(1)
    with contextlib.closing(ResultWriter(out, resume=False)) as writer:
        for frame, (height, width) in enumerate(SIZES):
            for user in range(users):
                pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
                facts = dict(
                    image_id=LONG, user_snr_db=7.0, payload_sinr_db=6.5, cfo_hz=-123.4, csi_age_s=0.015, hit_symbols=3,
                    delay_samples=-12.5, sharing="superposed" if frame else "parted", events={"overflow": 2},
                    sharing_reason="superposed promises 28.4 dB (+2.4 dB against parted): 2 users on 1 antenna",
                    latency_ms={stage: 300.0 for stage in ("receive", "phy", "encode", "modulate", "decode")},
                )  # fmt: skip
                if (frame, user) == (1, 0):
                    writer.append(
                        ResultRow(frame=frame, user=user, decoded=False, reason="its header is wrong", **facts)
                    )
                    continue
                facts |= dict(psnr_db=20.0 + user, ideal_psnr_db=21.5, ssim=0.5)
                writer.append(
                    ResultRow(frame=frame, user=user, decoded=True, reason=None, **facts),
                    original=pixels,
                    received=pixels,
                )
            writer.save_diagnostics(
                frame, constellation=rng.normal(size=(users, 60, 2)).astype(np.float32).view(np.complex64)[..., 0],
                response=np.ones((users, 8), np.complex64), response_hz=np.arange(8) * 1e5,
                spectrum_db=np.linspace(-60, -50, 8), spectrum_hz=np.arange(8) * 1e5,
            )  # fmt: skip
    return build_report(out)


@pytest.mark.parametrize("users", [2, 8])
def test_a_report_fits_phone_and_desk_and_can_be_read_and_touched(browser, tmp_path, users):
    browser.get(make_run(tmp_path / "run", users).as_uri())
    try:
        for screen in (PHONE, DESK):
            resize(browser, *screen)
            assert layout_faults(browser) == []
            widths = (
                "return [...document.querySelectorAll(arguments[0])].map((image) => [image.width, image.naturalWidth])"
            )
            pictures, plots = (browser.execute_script(widths, what) for what in (".pair img", ".plots img"))
            assert len(pictures) > 4 * users and all(shown > 100 for shown, _ in pictures)
            assert all(10 / 72 * charts._DPI * shown / own >= LEAST_TEXT_PX for shown, own in plots) and plots
        resize(browser, *PHONE)
        links = browser.find_elements("css selector", "nav a")
        assert [link.text for link in links[:3]] == ["Users", "How users shared the symbols", "Pictures"]
        browser.execute_script("arguments[0].click()", links[2])
        headline = "return [...document.querySelectorAll('h2')].find((node) => node.textContent === 'Pictures')"
        assert abs(browser.execute_script(f"{headline}.getBoundingClientRect().top")) < 100
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_pages_that_compare_runs_fit_too(browser, tmp_path):
    folders = [make_run(tmp_path / f"a run with a name of its own, number {number}", 2).parent for number in range(4)]
    page, _ = build_page(read_runs(folders), tmp_path / "comparison.html")
    browser.get(page.as_uri())
    try:
        for screen in (PHONE, DESK):
            resize(browser, *screen)
            assert layout_faults(browser) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_photographs_are_smoothed_and_small_pictures_are_not(browser, tmp_path):
    browser.get(make_run(tmp_path / "run", 1).as_uri())
    drawn = browser.execute_script(
        "return [...document.querySelectorAll('.pair img')].map((image) =>"
        " [image.naturalWidth, getComputedStyle(image).imageRendering])"
    )
    assert all((way == "pixelated") == (width < 100) for width, way in drawn) and {16, 128} <= {w for w, _ in drawn}


@pytest.mark.parametrize("count", [1, 2, 8])
def test_no_text_of_a_plot_is_under_10_points_and_legends_stay_inside(monkeypatch, count):
    figures = []

    class Kept(charts.Figure):
        def __init__(self, *values, **named):
            super().__init__(*values, **named)
            figures.append(self)

    monkeypatch.setattr(charts, "Figure", Kept)
    lines = {user: (range(100), np.linspace(-1e4, 1e4, 100)) for user in range(count)}
    names = [f"a run with a name of its own, number {user}" for user in range(count)]
    charts.over_frames("PSNR", "dB", lines, lines, "in the training", 2.0)
    charts.latency(range(60), {name[:9] + name[-1]: np.ones(60) for name in names})
    charts.by_run("PSNR", "dB", {name: {0: (1.0, 0.1)} for name in names}, [0])
    charts.curves("PSNR", "SNR (dB)", "PSNR (dB)", {name: ([0], [1], [0.1]) for name in names}, names)
    assert len(figures) == 8  # for light and dark pages
    for figure in figures:
        assert figure.get_size_inches()[0] <= 3.7
        shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        assert min(text.get_fontsize() for text in shown) >= 10
        axes, (legend,) = figure.axes[0], [axes.get_legend() for axes in figure.axes]
        box, whole = legend.get_window_extent(), figure.bbox
        assert box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1 and axes.bbox.height > 0.3 * whole.width


def test_the_headings_of_a_wide_table_stand_in_its_cells():
    heads = "".join(f"<th>{name}</th>" for name in "abcde")
    page = fitted(
        f"<!-- contents --><h2>One  &amp;\ntwo</h2><table><thead><tr>{heads}</tr></thead><tbody>"
        '<tr><td>1</td><td class="text" colspan="3">lost</td><td>5</td></tr></tbody></table>'
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"
    )
    assert '<a href="#section0">One &amp; two</a>' in page and '<h2 id="section0">' in page
    labels = [part.split("</span>")[0] for part in page.split('<span class="label">')[1:]]
    assert labels == ["a", "e"]  # the cell over three columns says itself what it is
    assert page.count(" stack") == 1
