"""How the loops converged, frame by frame."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from calibration.lab.outcome import Outcome
from calibration.measure.linearity import Linearity
from hil.errors import UsageError
from radio.waveform.config import WaveformConfig

_COLOURS = ("#2368c4", "#d9541e", "#12896a", "#a8730a", "#8a4fbf", "#c2387d", "#4f7a12", "#5b6472")


def write_plot(outcome: Outcome, config: WaveformConfig, path: Path) -> None:
    """Carrier offset, delay and received power of every user per frame; the targets are shaded.

    The file's ending names its format. Raises UsageError when the file cannot be written.
    """
    figure = Figure(figsize=(9, 8), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, sharex=True)
    limits = (0.002 * config.subcarrier_spacing_hz, config.cp_samples / 8, None)
    for axes, attribute, title, limit in zip(
        panels,
        ("carrier_offset", "delay", "gain"),
        ("Residual carrier offset, Hz", "Residual delay, samples", "Received power, dB of full scale"),
        limits,
        strict=True,
    ):
        for user in range(config.users):
            points = [
                (s.frame + 1, getattr(s.measured[user], attribute)) for s in outcome.history if user in s.measured
            ]
            x = [frame for frame, _ in points]
            y = np.array([m.value for _, m in points])
            errors = np.array([m.standard_uncertainty for _, m in points])
            colour = _COLOURS[user % len(_COLOURS)]
            axes.errorbar(x, y, errors, fmt="o-", color=colour, markersize=4, capsize=2, label=f"user {user}")
        if limit is not None:
            axes.set_yscale("symlog", linthresh=limit)
            axes.axhspan(-limit, limit, color="#12896a", alpha=0.12)
        axes.set_title(title)
        axes.grid(alpha=0.35)
    panels[0].legend(frameon=False)
    panels[-1].set_xlabel("frame")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--plot {path} cannot be written: {error}.") from None


def plot_linearity(found: Linearity, user: int, path: Path) -> None:
    """Gain over the small-signal gain against the level, with the compression point. Raises UsageError."""
    figure = Figure(figsize=(8, 4.5), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    gains = np.array([gain.value for gain in found.gains])
    errors = np.array([gain.standard_uncertainty for gain in found.gains])
    axes.errorbar(found.levels_dbfs, gains, errors, fmt="o-", color=_COLOURS[0], markersize=4, capsize=2)
    axes.axhline(-1.0, color="#888888", linestyle="--", linewidth=1)
    if found.compression_point is not None:
        point = found.compression_point.value
        axes.axvline(point, color=_COLOURS[1], linewidth=1)
        axes.annotate(f"1 dB compression at {point:.1f} dBFS", (point, -1.0), (-8, -14), textcoords="offset points",
                      ha="right", color=_COLOURS[1])  # fmt: skip
    axes.set_xlabel("level, dB of full scale")
    axes.set_ylabel("gain over small signals, dB")
    axes.set_title(f"Transmit linearity, user {user}")
    axes.grid(alpha=0.35)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--plot {path} cannot be written: {error}.") from None
