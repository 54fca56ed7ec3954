"""The curves of a sweep: missed users, carrier, channel and EVM over SNR, bounds dashed."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hil.errors import UsageError

Rows = list[dict[str, Any]]
_COLOURS = ("#2368c4", "#d9541e", "#12896a", "#a8730a", "#8a4fbf", "#c2387d", "#4f7a12", "#5b6472")


def plot_rows(rows: Rows, path: Path) -> None:
    """Write rows of `run_points` as a picture; the file's ending names its format. UsageError if it cannot be."""
    curves: dict[str, Rows] = {}
    for row in rows:
        curves.setdefault(_name(row, rows), []).append(row)
    figure = Figure(figsize=(9.5, 7), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2)
    frames = min(row["frames"] * row["users"] for row in rows)
    for colour, (name, points) in zip(_cycle(len(curves)), curves.items(), strict=True):
        points = sorted(points, key=lambda row: row["snr_db"])
        snr = [row["snr_db"] for row in points]
        missed = [1 - row["detection_rate"] for row in points]
        panels[0, 0].semilogy(snr, [max(m, 0.3 / frames) for m in missed], "o-", color=colour, label=name)
        _with_bound(panels[0, 1].semilogy, snr, points, "cfo_rmse_hz", "cfo_bound_hz", colour)
        _with_bound(panels[1, 0].plot, snr, points, "csi_nmse_db", "csi_bound_db", colour)
        panels[1, 1].plot(snr, _values(points, "evm_db"), "o-", color=colour)
    panels[0, 0].axhline(0.3 / frames, color="#9aa3b0", linewidth=0.8)
    panels[0, 0].annotate("none", (1, 0.3 / frames), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    _finish(panels[0, 0], "Users missed", "rate")
    _finish(panels[0, 1], "Carrier offset, rms error", "Hz")
    _finish(panels[1, 0], "Channel estimate, mean square error", "dB of the channel")
    _finish(panels[1, 1], "EVM of read headers", "dB")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    for axes, bound in ((panels[0, 1], "bound of the preamble alone"), (panels[1, 0], "LMMSE bound, delays known")):
        axes.legend(handles=[Line2D([], [], color="#6a7280", linestyle="--", label=bound)], frameon=False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None


def _name(row: dict[str, Any], rows: Rows) -> str:
    """The channel, and of the other parameters those that differ between rows."""
    parts = [row["channel"]]
    units = {"users": "{} users", "cfo_ppm": "{:g} ppm", "delay_samples": "{:g} samples"}
    parts += [unit.format(row[key]) for key, unit in units.items() if len({other[key] for other in rows}) > 1]
    return ", ".join(parts)


def _cycle(count: int) -> list[str]:
    return [_COLOURS[i % len(_COLOURS)] for i in range(count)]


def _values(points: Rows, key: str) -> list[float]:
    return [float("nan") if row[key] is None else row[key] for row in points]


def _with_bound(draw: Any, snr: list[float], points: Rows, error: str, bound: str, colour: str) -> None:
    draw(snr, _values(points, error), "o-", color=colour)
    draw(snr, _values(points, bound), "--", color=colour)


def _finish(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("total SNR, dB")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.35)
    axes.spines[["top", "right"]].set_visible(False)
