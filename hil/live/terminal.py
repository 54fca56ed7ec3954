"""The same state in a terminal, for those on ssh: a table that is drawn anew twice a second."""

import time
from collections import deque
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hil.live.state import Cursor, LiveState

REFRESH_HZ = 2
FIRST_NEWS_S = 3  # a coordinator says several times a second how its run is
SPARK = "▁▂▃▄▅▆▇█"
KEPT_PSNR = 24
STATES = {"running": "cyan", "finished": "green", "stopped": "red", "waiting": "yellow"}
HEALTH = {"here": "green", "missing": "yellow", "lost": "red", "left": "dim"}


def show(state: LiveState, console: Console | None = None, until_ended: bool = False) -> None:
    """Draw until interrupted; until_ended: return when the run is over."""
    console = console or Console()
    view = TerminalView(state)
    try:
        with Live(view.render(), console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while not (until_ended and state.ended):
                time.sleep(1 / REFRESH_HZ)
                live.update(view.render(), refresh=True)
    except KeyboardInterrupt:
        pass
    console.print(view.render())  # what is left on the terminal afterwards


def snapshot(state: LiveState, until_ended: bool = False) -> dict[str, Any]:
    """The state as plain values once a source has said something, or (until_ended) when the run is over."""
    end = time.monotonic() + FIRST_NEWS_S
    while not state.ended and (until_ended or (not state.live and time.monotonic() < end)):
        time.sleep(1 / REFRESH_HZ)
    update, _files, _cursor = state.since(Cursor())
    return {name: value for name, value in update.items() if name not in ("pictures", "fresh")}


class TerminalView:
    """Turns the state into something rich can print."""

    def __init__(self, state: LiveState) -> None:
        self._state, self._cursor = state, Cursor()
        self._psnr: dict[int, deque[float | None]] = {}
        self._events: deque[tuple[float, str]] = deque(maxlen=6)

    def render(self) -> RenderableType:
        """The newest state."""
        update, _files, self._cursor = self._state.since(self._cursor)
        if update["fresh"]:
            self._psnr.clear()
            self._events.clear()
        for _frame, user, psnr_db in update["points"]:
            self._psnr.setdefault(user, deque(maxlen=KEPT_PSNR)).append(psnr_db)
        self._events.extend(update["events"])
        parts: list[RenderableType] = [self._header(update)]
        if update["users"]:
            parts.append(self._users(update["users"]))
        if update["nodes"]:
            parts.append(_nodes(update["nodes"]))
        lines = [f"{time.strftime('%H:%M:%S', time.localtime(when))}  {text}" for when, text in self._events]
        if lines:
            parts.append(Panel(Text("\n".join(lines)), title="events", title_align="left", border_style="dim"))
        return Group(*parts)

    def _header(self, update: dict[str, Any]) -> RenderableType:
        run = update["run"]
        line = Text.assemble(
            ("semnoma-hil  ", "bold"), (run["state"], f"bold {STATES.get(run['state'], 'dim')}"), f"  {run['reason']}"
        )
        where = Text(update["source"]["sentence"], style="dim")
        if "frames" not in run:
            return Group(line, where)
        facts = f"{run['users']} users · SNR {run['snr_db']:g} dB · {run['channel']} · {run['codec']}"
        pace = (
            f"{run['frames_done']} frames" if run["open_ended"] else f"{run['frames_done']} of {run['frames']} frames"
        )
        if run["images_per_s"]:
            pace += f" · {run['images_per_s']:g} pictures/s"
        if run["remaining_s"] is not None:
            pace += f" · {run['remaining_s']:.0f} s left"
        progress = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=None if run["open_ended"] else run["frames"], completed=run["frames_done"], width=40)
        progress.add_row(bar, Text(pace))
        return Group(line, Text(facts), where, progress)

    def _users(self, users: list[dict[str, Any]]) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 1))
        for title in (
            "user",
            "frame",
            "PSNR dB",
            "SSIM",
            "SNR dB",
            "carrier Hz",
            "arrival",
            "payload dB",
            "EVM dB",
            "PSNR so far",
        ):
            table.add_column(title, justify="left" if title in ("user", "PSNR so far") else "right", no_wrap=True)
        for user in users:
            loops = user["loops"]
            psnr = Text("not decoded", "red") if user["decoded"] is False else _figure(user["psnr_db"], 2)
            table.add_row(
                Text(f"user {user['user']}"),
                _figure(user["frame"], 0),
                psnr,
                _figure(user["ssim"], 3),
                _figure(loops.get("snr_db"), 1),
                _figure(loops.get("cfo_hz"), 1),
                _figure(loops.get("arrival_samples"), 2),
                _figure(user["payload_sinr_db"], 1),
                _figure(user["evm_db"], 1),
                Text(sparkline(list(self._psnr.get(user["user"], ()))), "cyan"),
            )
        return table


def sparkline(values: list[float | None]) -> str:
    """One block a value, from the lowest to the highest; a space for None."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), max(max(known) - min(known), 0.5)
    return "".join(" " if v is None else SPARK[min(7, int((v - low) / span * 7.999))] for v in values)


def _nodes(nodes: list[dict[str, Any]]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_row(*[Text(node["name"], "bold") for node in nodes])
    table.add_row(*[Text(node["state"], HEALTH.get(node["state"], "")) for node in nodes])
    return table


def _figure(value: float | None, digits: int) -> Text:
    return Text("–", "dim") if value is None else Text(f"{value:.{digits}f}")
