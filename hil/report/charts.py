"""The plots of the report, each drawn for a light and a dark page, as data URIs.

A plot fills the width of a phone, where its text has 12 pixels: no text is smaller than 10 points, no plot wider.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hil.results.constellation import own_symbols

_SQUARE = (3.7, 3.5)  # inches, width and height
_WIDE = (3.7, 2.8)
_DPI = 200
_LINE_INCHES = 0.2  # of a legend
_LETTERS = 44  # side by side in a legend
_LONGEST_LABEL = 32  # characters
_MARKED_FRAMES = 80  # beyond, dots would hide the line
_INK = {"light": ("#1d2430", "#6a7280", "#dfe3e8"), "dark": ("#e8eaee", "#9aa3b0", "#333a45")}
_SERIES = {
    "light": ("#2368c4", "#d9541e", "#12896a", "#a8730a", "#8a4fbf", "#c2387d", "#4f7a12", "#5b6472"),
    "dark": ("#6aa5f5", "#f58a5c", "#43c59e", "#e0b03f", "#b98cf0", "#f07fb4", "#9bcb55", "#a6afbd"),
}

Line = tuple[Sequence[int], Sequence[float]]  # frames, values
Series = Mapping[int, Line]  # by user
Curves = Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float | None]]]  # name: x, means, half widths
_MARKERS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Chart:
    """One plot: a title, a text for those who cannot see it, and two data URIs."""

    title: str
    alt: str
    light: str
    dark: str


def _chart(title: str, alt: str, draw: Callable[[Figure, tuple[str, ...]], None], size: tuple[float, float]) -> Chart:
    images = {}
    for theme, (ink, quiet, grid) in _INK.items():
        style: Any = {
            "font.size": 10, "text.color": ink, "axes.labelcolor": quiet, "axes.edgecolor": grid,
            "xtick.color": quiet, "ytick.color": quiet, "grid.color": grid, "grid.linewidth": 0.8,
            "axes.grid": True, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
            "axes.facecolor": "none", "figure.facecolor": "none", "legend.frameon": False,
            "legend.fontsize": 10, "axes.formatter.useoffset": False, "text.parse_math": False,
        }  # fmt: skip
        with rc_context(style):
            figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, _SERIES[theme])
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png")
        images[theme] = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Chart(title, alt, images["light"], images["dark"])


def constellation(user: int, symbols: np.ndarray) -> Chart:
    """Equalised symbols, complex [n]; what the user did not send or was not received is left out."""
    points = own_symbols(symbols)

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        axes.scatter(points.real, points.imag, s=5, alpha=0.45, linewidths=0, color=colours[user % 8])
        # A few far outliers must not shrink the cloud to a dot.
        distances = np.maximum(abs(points.real), abs(points.imag))
        reach = max(1.25 * float(np.quantile(distances, 0.995)) if points.size else 1.0, 1e-3)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="I", ylabel="Q")

    alt = f"Scatter of {points.size} equalised symbols of user {user} in the complex plane."
    return _chart(f"User {user}: constellation", alt, draw, _SQUARE)


def response(user: int, values: np.ndarray, hz: np.ndarray) -> Chart:
    """Channel estimate, complex [n] over hz [n]: magnitude and phase."""
    order = np.argsort(hz)
    khz, values = hz[order] / 1e3, values[order]
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude_db = 20 * np.log10(np.abs(values))
    magnitude_db[~np.isfinite(magnitude_db)] = np.nan

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        upper, lower = figure.subplots(2, sharex=True)
        colour = colours[user % 8]
        upper.plot(khz, magnitude_db, color=colour, linewidth=1.5)
        upper.set_ylabel("dB")
        _at_least(upper, 3.0)
        lower.plot(khz, np.angle(values), ".", color=colour, markersize=2.5)
        lower.set(ylabel="phase (rad)", xlabel="offset (kHz)", ylim=(-3.4, 3.4))
        lower.xaxis.set_major_locator(MaxNLocator(nbins=5))
        lower.set_yticks([-np.pi, 0, np.pi], ["−π", "0", "π"])

    known = magnitude_db[np.isfinite(magnitude_db)]
    span = f" Magnitude from {known.min():.1f} to {known.max():.1f} dB." if known.size else ""
    return _chart(f"User {user}: channel", f"Channel response of user {user}.{span}", draw, _SQUARE)


def spectrum(level_db: np.ndarray, hz: np.ndarray) -> Chart:
    """Received power, dB of full scale [n] over hz [n]."""
    order = np.argsort(hz)

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        level = np.where(np.isfinite(level_db), level_db, np.nan)[order]
        axes.plot(hz[order] / 1e3, level, color=colours[0], linewidth=1.1)
        axes.set(xlabel="offset (kHz)", ylabel="power (dBFS)")
        _at_least(axes, 10.0)

    return _chart("Spectrum, all users", "Received power over frequency, all users together.", draw, _SQUARE)


def over_frames(title: str, unit: str, measured: Series, reference: Series, reference_name: str, least: float) -> Chart:
    """One line per user over the frames; the reference, where there is one, dashed in the same colour.

    least: the axis spans at least so much, and a twentieth of its values: rounding is not worth a look.
    """
    crowded = any(len(frames) > _MARKED_FRAMES for frames, _ in measured.values())

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        for user, (frames, values) in measured.items():
            style: dict[str, Any] = {"color": colours[user % 8], "label": f"user {user}"}
            axes.plot(frames, values, "-" if crowded else "o-", markersize=4, linewidth=1.6, **style)
        for user, (frames, values) in reference.items():
            axes.plot(frames, values, "--", color=colours[user % 8], linewidth=1.2, alpha=0.85)
        if reference:
            axes.plot([], [], "--", color=colours[7], linewidth=1.2, label=reference_name)
        axes.set(xlabel="frame", ylabel=unit)
        largest = max((abs(v) for _, values in measured.values() for v in values if np.isfinite(v)), default=0.0)
        _at_least(axes, max(least, largest / 20))
        _finish(axes)

    means = "; ".join(f"user {u}: mean {np.mean(v):.4g} {unit}" for u, (_, v) in measured.items())
    return _chart(title, f"{title} over frames. {means}.", draw, _WIDE)


def curves(title: str, x_label: str, y_label: str, lines: Curves, names: Sequence[str]) -> Chart:
    """Means over x with their confidence intervals as bars, one line per name, in the colour of its place in names."""

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        for name, (x, mean, half) in lines.items():
            index = names.index(name)
            style: dict[str, Any] = {"color": colours[index % 8], "marker": _MARKERS[index // 8 % len(_MARKERS)]}
            bars = [0.0 if value is None else value for value in half]
            axes.errorbar(x, mean, yerr=bars, label=_short(name), capsize=3, markersize=4, linewidth=1.6, **style)
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9))
        _legend(axes)

    ends = "; ".join(
        f"{name}: {mean[0]:.4g} at {x[0]:g} to {mean[-1]:.4g} at {x[-1]:g}" for name, (x, mean, _) in lines.items()
    )
    return _chart(title, f"{y_label} over {x_label}. {ends}.", draw, _WIDE)


def spans(title: str, unit: str, lines: Mapping[str, tuple[float, float]]) -> Chart:
    """One bar per name, up to its median, and a line on to its 99th percentile; the first name on top."""

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        names = list(lines)[::-1]
        for place, name in enumerate(names):
            middle, late = lines[name]
            style: dict[str, Any] = {"color": colours[(len(names) - 1 - place) % 8]}
            axes.barh(place, middle, height=0.6, **style)
            axes.plot([middle, late], [place, place], linewidth=1.6, **style)
            axes.plot([late], [place], "|", markersize=11, markeredgewidth=2, **style)
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel=unit, xlim=(0, None))
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))

    figures = "; ".join(
        f"{name}: {middle:.0f} {unit}, 99 % {late:.0f} {unit}" for name, (middle, late) in lines.items()
    )
    return _chart(title, f"{title}, median. {figures}.", draw, _WIDE)


def by_run(
    title: str, unit: str, runs: Mapping[str, Mapping[int, tuple[float, float | None]]], users: Sequence[int]
) -> Chart | None:
    """A dot with its 95 % interval per run and user, users side by side; None where nothing is known."""
    if not any(runs.values()):
        return None

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        for place, (name, figures) in enumerate(runs.items()):
            shift = (place - (len(runs) - 1) / 2) * 0.7 / len(runs)
            known = [user for user in users if user in figures]
            means, halves = [figures[user][0] for user in known], [figures[user][1] or 0.0 for user in known]
            at = [users.index(user) + shift for user in known]
            style: dict[str, Any] = {"color": colours[place % 8], "marker": _MARKERS[place % 4]}
            style["label"] = _short(name)
            axes.errorbar(at, means, yerr=halves, linestyle="none", capsize=3, markersize=6, **style)
        _at_least(axes, 2.0)
        axes.set(ylabel=unit, xlim=(-0.6, len(users) - 0.4))
        axes.grid(visible=False, axis="x")
        _finish(axes)
        axes.set_xticks(range(len(users)), [f"user {user}" for user in users])

    said = "; ".join(
        f"{name}: " + ", ".join(f"user {user} {mean:.2f} {unit}" for user, (mean, _) in figures.items())
        for name, figures in runs.items()
    )
    return _chart(title, f"{title}, means with 95 % intervals. {said}.", draw, _WIDE)


def latency(frames: Sequence[int], stages: Mapping[str, Sequence[float]]) -> Chart:
    """Stacked bars: milliseconds of each stage, one value per frame."""

    def draw(figure: Figure, colours: tuple[str, ...]) -> None:
        axes = figure.subplots()
        bottom = np.zeros(len(frames))
        for index, (stage, values) in enumerate(stages.items()):
            style: dict[str, Any] = {"color": colours[index % 8], "hatch": "//" if index >= 8 else None}
            axes.bar(frames, values, bottom=bottom, width=0.72, label=stage, **style)
            bottom += np.asarray(values)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel="frame", ylabel="ms per image")
        _finish(axes)

    means = ", ".join(f"{name} {np.mean(values):.1f} ms" for name, values in stages.items())
    return _chart("Latency per stage", f"Mean time per stage: {means}.", draw, _WIDE)


def _at_least(axis: Axes, span: float) -> None:
    """A difference of next to nothing must not fill the height of the plot."""
    low, high = axis.get_ylim()
    if high - low < span:
        middle = (low + high) / 2
        axis.set_ylim(middle - span / 2, middle + span / 2)


def _finish(axes: Axes) -> None:
    """Whole frame numbers below, the legend above the plot where it hides nothing."""
    digits = len(f"{max(map(abs, axes.get_xlim())):.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=max(2, min(10, 26 // digits))))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    _legend(axes)


def _short(name: str) -> str:
    """A name for a legend: its beginning and its end."""
    half = _LONGEST_LABEL // 2
    return name if len(name) <= _LONGEST_LABEL else f"{name[: half - 1]}…{name[-half:]}"


def _legend(axes: Axes) -> None:
    """Names above the plot, as many side by side as there is room for; more lines make the figure higher."""
    names = axes.get_legend_handles_labels()[1]
    figure = axes.figure
    if not names or not isinstance(figure, Figure):
        return
    columns = max(1, min(len(names), _LETTERS // (max(map(len, names)) + 5)))  # 5: the line before a name
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + _LINE_INCHES * (-(-len(names) // columns) - 1))
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.0), "ncols": columns}
    axes.legend(columnspacing=1.2, handlelength=1.3, **place)
