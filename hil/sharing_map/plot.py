"""The map of who wins where, and the curves of two users with the paper's schemes on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from hil.errors import UsageError

Row = dict[str, Any]
MOST_GAIN_DB = 6.0
WINNERS = {"0.25": "¼ shared", "0.5": "½ shared", "0.75": "¾ shared"}
COLOURS = {"parted": "#5b6472", "superposed": "#d9541e", "0.5": "#a8730a", "auto": "#2368c4"}
OTHERS = ("#12896a", "#8a4fbf", "#c2387d", "#4f7a12")
LABELS = {"parted": "taking turns (parted)", "0.5": "half shared, half parted", "auto": "chosen frame by frame (auto)"}
SAME_DB = 0.1  # ways that differ by less win together


def plot_map(rows: Sequence[Row], path: Path) -> None:
    """Write the figure; the file's ending names its format. UsageError when it cannot be written."""
    channels = list(dict.fromkeys(row["channel"] for row in rows))
    antennas = sorted({row["antennas"] for row in rows})
    users = sorted({row["users"] for row in rows})
    curves = 2 if 2 in users else users[0]
    figure = Figure(figsize=(1.2 + 3.3 * len(antennas), 0.9 + len(channels) * (1.1 + 0.45 * len(users)) + 3.0), dpi=160)
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    heights = [*(1.0 + 0.45 * len(users) for _ in channels), 3.0]
    panels = figure.subplots(len(channels) + 1, len(antennas), squeeze=False, height_ratios=heights)
    image: Any = None
    for line, channel in enumerate(channels):
        for column, count in enumerate(antennas):
            here = [row for row in rows if row["channel"] == channel and row["antennas"] == count]
            image = _map(panels[line, column], here, users)
            title = f"{count} antenna{'s' if count > 1 else ''}"
            panels[line, column].set_title(f"{channel_name(channel)}, {title}", fontsize=9)
            if column:
                panels[line, column].set_yticklabels([])
            else:
                panels[line, column].set_ylabel("users")
    figure.colorbar(
        image, ax=panels[:-1, :].ravel().tolist(), label="auto over parted, dB of PSNR", shrink=0.9, pad=0.01
    )
    for column, count in enumerate(antennas):
        here = [r for r in rows if r["channel"] == channels[0] and r["antennas"] == count and r["users"] == curves]
        _curves(panels[-1, column], here, column == 0)
        title = f"{curves} users, {channel_name(channels[0])}, {count} antenna{'s' if count > 1 else ''}"
        panels[-1, column].set_title(title, fontsize=9)
    low = min(axes.get_ylim()[0] for axes in panels[-1])
    high = max(axes.get_ylim()[1] for axes in panels[-1])
    for axes in panels[-1]:
        axes.set_ylim(low, high)
    handles, labels = panels[-1, -1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=8)
    figure.suptitle(
        "What choosing how users share gains over taking turns, dB of PSNR; the best way that is the same in every\n"
        "frame; and ×: the rate that capacity allows superposed users (or groups of them) over that of users in turn",
        fontsize=8,
    )
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None


def channel_name(channel: str) -> str:
    """As papers write it."""
    return channel.upper() if channel.startswith("tdl") else channel.capitalize()


def _map(axes: Any, rows: Sequence[Row], users: Sequence[int]) -> Any:
    """Cells of users against SNR: how much the choice gains, who wins, and what capacity says."""
    snrs = sorted({row["snr_db"] for row in rows})
    gains = [[float("nan")] * len(snrs) for _ in users]
    for line, count in enumerate(users):
        for column, snr in enumerate(snrs):
            cell = {row["way"]: row for row in rows if row["users"] == count and row["snr_db"] == snr}
            if "auto" not in cell:
                continue
            gain = gains[line][column] = float(cell["auto"]["gain_db"])
            winner = winner_of(cell) if count > 1 else "alone"
            ratio = cell["auto"]["rate_grouped"] / cell["auto"]["rate_parted"]
            dark = gain > 0.62 * MOST_GAIN_DB
            style: dict[str, Any] = {"ha": "center", "color": "white" if dark else "#1c2430"}
            axes.text(
                column,
                line - 0.24,
                f"{round(gain, 1) + 0.0:+.1f} dB",
                va="center",
                fontsize=8,
                fontweight="bold",
                **style,
            )
            axes.text(
                column,
                line + 0.17,
                f"{WINNERS.get(winner, winner)}\n×{ratio:.2f}",
                va="center",
                fontsize=6.2,
                **style,
            )
    norm = TwoSlopeNorm(0, -MOST_GAIN_DB, MOST_GAIN_DB)
    image = axes.imshow(gains, cmap="PuOr_r", norm=norm, aspect="auto", origin="upper")
    axes.set_xticks(range(len(snrs)), [f"{snr:g}" for snr in snrs])
    axes.set_yticks(range(len(users)), [str(count) for count in users])
    axes.set_xlabel("SNR, dB", labelpad=1)
    axes.tick_params(length=0)
    for edge in range(1, len(snrs)):
        axes.axvline(edge - 0.5, color="white", linewidth=1)
    for edge in range(1, len(users)):
        axes.axhline(edge - 0.5, color="white", linewidth=1)
    return image


def winner_of(cell: dict[str, Row]) -> str:
    """The best of the ways that are the same in every frame; parted where it is as good."""
    fixed = {
        way: float(row["psnr_db"]) for way, row in cell.items() if way != "auto" and row["predicted_db"] is not None
    }
    best = max(fixed, key=lambda way: fixed[way])
    return "parted" if fixed.get("parted", float("-inf")) >= fixed[best] - SAME_DB else best


def _curves(axes: Any, rows: Sequence[Row], first: bool) -> None:
    ways = list(dict.fromkeys(row["way"] for row in rows))
    others = [
        way for way in ways if way not in COLOURS and any(r["predicted_db"] is None for r in rows if r["way"] == way)
    ]
    for way in [*COLOURS, *others]:
        own = sorted((row for row in rows if row["way"] == way), key=lambda row: float(row["snr_db"]))
        if not own:
            continue
        colour = COLOURS.get(way) or OTHERS[others.index(way) % len(OTHERS)]
        x, y = [row["snr_db"] for row in own], [row["psnr_db"] for row in own]
        style = {"linestyle": "--", "linewidth": 1.1} if way in others else {"linewidth": 1.8 if way == "auto" else 1.3}
        axes.plot(x, y, marker="o", color=colour, markersize=3.2, **style, label=LABELS.get(way, way))
    axes.set_xlabel("SNR, dB")
    if first:
        axes.set_ylabel("PSNR, dB, mean over users")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
