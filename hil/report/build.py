"""report.html from a run folder: one self-contained file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from hil import __version__
from hil.bus.plausible import plausible
from hil.report.interference import interference
from hil.report.live import live_section
from hil.report.pictures import card
from hil.report.small_screen import fitted
from hil.report.terminal import loops_sentence
from hil.report.words import EVENTS, WORDS, remedy
from hil.results.diagnostics_file import load_diagnostics
from hil.results.durable import write_whole
from hil.results.meaning import judged, label_right, mean
from hil.results.rows import ResultRow, ResultsError, read_rows
from hil.results.summary import loss_db, summarise
from hil.yaml_text import yaml_values

if TYPE_CHECKING:  # matplotlib is imported only where a report is drawn
    from hil.report.charts import Chart, Series

FRAMES_SHOWN = 12
_ROWS_SHOWN = 2000  # a browser takes its time over longer tables, and a video has a picture every moment
_FRAMES_PLOTTED = 60  # bars of more frames would be thinner than a pixel


def build_report(out: Path) -> Path:
    """Write out/report.html from the rows, summary, configuration and diagnostics there; returns its path.

    Raises ResultsError when there is no run in `out`, or the page cannot be written.
    """
    out = Path(out)
    if not any((out / name).exists() for name in ("results.jsonl", "summary.json", "config.yaml")):
        raise ResultsError(f"{out} holds no run: no results.jsonl, summary.json or config.yaml.")
    rows = sorted(read_rows(out), key=lambda row: (row.frame, row.user))
    page = render("template.html.j2", context(out, rows))
    return write_page(out / "report.html", page)


def render(template: str, values: dict[str, Any]) -> str:
    """A page of this package's templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hil.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["figure"] = figure
    environment.filters["loops"] = loops_sentence
    return fitted(environment.get_template(template).render(values))


def write_page(path: Path, page: str) -> Path:
    """Write a page as a whole or not at all; returns its path. Raises ResultsError."""
    try:
        write_whole(path, page.encode())
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror or error}.") from error
    return path


def figure(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A number with its unit after a no-break space, or a dash."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−") + (f"\u00a0{unit}" if unit else "")


def context(out: Path, rows: Sequence[ResultRow]) -> dict[str, Any]:
    """What the template shows."""
    frames = sorted({row.frame for row in rows if row.live is None or row.original_image})  # of videos some are kept
    summary = _summary(out, rows)
    return {
        "name": out.resolve().name,
        "words": WORDS,
        "event_words": EVENTS,
        "summary": summary,
        "snr_db_measured": mean(row.snr_db_estimated for row in rows),
        "lost": [(row, remedy(row.reason or "", row.events)) for row in rows if not row.decoded],
        "rows": rows[:_ROWS_SHOWN],
        "rows_hidden": max(0, len(rows) - _ROWS_SHOWN),
        "loss_db": loss_db,
        "judged": judged,
        "label_right": label_right,
        "with_pictures": not rows or any(row.modality == "picture" for row in rows),
        "pictures_only": all(row.modality == "picture" for row in rows),
        "shown": [
            {"frame": frame, "cards": [card(out, row, summary["users"]) for row in rows if row.frame == frame]}
            for frame in frames[:FRAMES_SHOWN]
        ],
        "frames_hidden": max(0, len(frames) - FRAMES_SHOWN),
        "interference": interference(rows),
        "radio_plots": _radio_plots(out, rows),
        "frame_plots": _frame_plots(rows),
        "stages": _stages(rows),
        "frames_plotted": min(len(frames), _FRAMES_PLOTTED),
        "live": live_section(out, rows, summary["live"]),
        "config": _text(out / "config.yaml"),
    }


def _summary(out: Path, rows: Sequence[ResultRow]) -> dict[str, Any]:
    """Figures of the rows, after a crash newer than summary.json; the rest from the folder's files."""
    derived = {
        "users": max((row.user + 1 for row in rows), default=0),
        "frames": max((row.frame + 1 for row in rows), default=0),
        "snr_db": mean(row.snr_db_true for row in rows),
        "channel": "",
        "seed": rows[0].seeds.get("run", 0) if rows else 0,
        "version": __version__,
        "refine": any(row.refined for row in rows),
        "codec": "",
    }
    stored = _mapping(out / "summary.json")
    known = derived | _named(stored, derived) | _named(_mapping(out / "config.yaml"), derived)
    summary = summarise(rows, wall_s=0.0, **known)
    # Time cannot be worked out again, and belongs to the rows that summary.json was written for.
    current = stored.get("images_sent") == len(rows)
    return summary | {name: stored.get(name) if current else None for name in ("wall_s", "images_per_s")}


def _named(values: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """The entries that `like` has, of the right kind; a file edited by hand may hold anything."""
    kinds: dict[str, Any] = {"users": int, "frames": int, "seed": int, "snr_db": (int, float), "refine": bool}
    return {name: values[name] for name in like if isinstance(values.get(name), kinds.get(name, str))}


def _mapping(path: Path) -> dict[str, Any]:
    """A YAML or JSON file; {} when it is missing or broken: a report shows what there is."""
    try:
        values = yaml_values(_text(path))
    except yaml.YAMLError:
        return {}
    return values if isinstance(values, dict) else {}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _radio_plots(out: Path, rows: Sequence[ResultRow]) -> dict[str, Any] | None:
    """Constellation, channel and spectrum of the first decoded frame that has diagnostics."""
    from hil.report import charts

    for frame in sorted({row.frame for row in rows if row.decoded}):
        try:
            arrays = load_diagnostics(out, frame)
        except ResultsError:
            continue  # a broken extra must not cost the report
        if not arrays:
            continue
        drawn: list[Chart] = []
        for user, symbols in enumerate(arrays.get("constellation", ())):
            if np.any(np.isfinite(symbols) & (symbols != 0)):
                drawn.append(charts.constellation(user, symbols))
        if "response_hz" in arrays:
            for user, values in enumerate(arrays.get("response", ())):
                if len(values) == len(arrays["response_hz"]) and np.any(np.isfinite(values) & (values != 0)):
                    drawn.append(charts.response(user, values, arrays["response_hz"]))
        if "spectrum_db" in arrays and "spectrum_hz" in arrays:
            drawn.append(charts.spectrum(arrays["spectrum_db"], arrays["spectrum_hz"]))
        return {"frame": frame, "plots": drawn} if drawn else None
    return None


def _series(rows: Sequence[ResultRow], name: str, scale: float) -> "Series":
    """user -> (frames, scaled values) of the rows that have the value."""
    found: dict[int, tuple[list[int], list[float]]] = {}
    for row in rows:
        value = getattr(row, name)
        if plausible(value):
            frames, values = found.setdefault(row.user, ([], []))
            frames.append(row.frame)
            values.append(value * scale)
    return dict(sorted(found.items()))


def _frame_plots(rows: Sequence[ResultRow]) -> "list[Chart]":
    """Quality, SINR, carrier offset, CSI age and latency over the frames, as far as they are known."""
    from hil.report import charts

    drawn = []
    for title, unit, scale, name, reference, reference_name, least in (
        ("Picture quality", "PSNR (dB)", 1, "psnr_db", "ideal_psnr_db", "ideal", 2.0),
        ("SINR on the payload", "dB", 1, "payload_sinr_db", "user_snr_db", "in the training", 2.0),
        ("Received power", "dB", 1, "channel_gain_db", None, "", 2.0),
        ("Carrier offset", "Hz", 1, "cfo_hz", "cfo_true_hz", "true", 2.0),
        ("Arrival", "samples", 1, "delay_samples", "delay_true_samples", "true", 1.0),
        ("Doppler shift", "Hz", 1, "doppler_hz", None, "", 2.0),
        ("Age of the channel knowledge", "ms", 1e3, "csi_age_s", None, "", 1.0),
    ):
        measured = _series(rows, name, scale)
        truth = _series(rows, reference, scale) if reference else {}
        moved = name != "doppler_hz" or any(any(values) for _, values in measured.values())
        if measured and moved:
            drawn.append(charts.over_frames(title, unit, measured, truth, reference_name, least))
    for name in sorted({row.modality for row in rows} - {"picture"}):
        own = [row for row in rows if row.modality == name]
        measured, ideal = _series(own, "score", 1), _series(own, "ideal_score", 1)
        if measured:
            title, unit = f"{own[0].score_name} of {name}", own[0].score_unit
            drawn.append(charts.over_frames(title, unit, measured, ideal, "ideal", 2.0))
    frames = sorted({row.frame for row in rows if row.latency_ms})[:_FRAMES_PLOTTED]
    if frames:
        stages = {
            stage["name"]: [
                mean(row.latency_ms.get(stage["name"], 0.0) for row in rows if row.frame == frame) or 0.0
                for frame in frames
            ]
            for stage in _stages(rows)
        }
        drawn.append(charts.latency(frames, stages))
    return drawn


def _stages(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """Mean and largest milliseconds of every stage, in the order in which a picture passes them."""
    names = list(dict.fromkeys(name for row in rows for name in row.latency_ms))
    timed = {name: [row.latency_ms[name] for row in rows if name in row.latency_ms] for name in names}
    return [{"name": name, "mean_ms": mean(ms), "max_ms": max(ms), "images": len(ms)} for name, ms in timed.items()]
