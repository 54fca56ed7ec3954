"""The state from a run folder, finished or growing: results.jsonl, the newest pictures, the newest diagnostics."""

import contextlib
import io
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from hil.bus.messages import Telemetry, UserTelemetry
from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.live.recorded_loops import csi_of, sent_of
from hil.live.state import LiveState
from hil.nodes.telemetry import POINTS, RESPONSE_POINTS, SPECTRUM_BINS, half_floats, picture_facts, thumbnail
from hil.results.constellation import at_unit_power
from hil.results.diagnostics_file import load_diagnostics
from hil.results.rows import LINES, ResultRow, ResultsError
from hil.results.writer import CONFIG

log = logging.getLogger(__name__)
POLL_S = 0.5
MAX_PIXELS = 1 << 25


class FolderSource:
    """Follows one run folder in a thread of its own until closed. on_config hears every new configuration in it."""

    def __init__(self, state: LiveState, folder: Path, on_config: Callable[[RunConfig], None] = lambda _config: None):
        self._state, self._folder, self._on_config = state, folder, on_config
        state.report = folder / "report.html"
        self._offset = 0
        self._config: RunConfig | None = None
        self._config_text = ""
        self._recorded: set[tuple[int, int]] = set()
        self._newest: dict[int, ResultRow] = {}  # by user
        self._shown: dict[int, int] = {}
        self._shown_diagnostics = -1
        self._decoder = msgspec.json.Decoder(ResultRow)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.poll()
            except (OSError, UsageError, ResultsError) as error:
                self._state.folder_source(f"{self._folder}: {error}")
            self._closing.wait(POLL_S)

    def poll(self) -> None:
        """Take in what is new. Raises OSError, UsageError or ResultsError for what cannot be read."""
        if not self._read_config() or self._config is None:
            self._state.folder_source(f"{self._folder} holds no run yet")
            return
        self._read_rows()
        if self._state.live:
            return
        self._show_newest()
        complete = len(self._recorded) >= self._config.users * self._config.frames
        done = len(self._recorded) // self._config.users
        self._state.progress_from_folder("finished" if complete else "recorded", done)
        ending = "finished" if complete else f"{len(self._recorded)} images recorded, no coordinator answers"
        self._state.folder_source(f"run folder {self._folder}: {ending}")

    def _read_config(self) -> bool:
        path = self._folder / CONFIG
        if not path.exists():
            return False
        text = path.read_text(encoding="utf-8", errors="replace")
        if text != self._config_text:
            self._config = load_config(path)
            self._config_text = text
            self._state.begin(str(self._folder.resolve()), self._config)
            self._on_config(self._config)
        return True

    def _read_rows(self) -> None:
        path = self._folder / LINES
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        whole = new.rfind(b"\n") + 1  # the rest is being written
        self._offset += whole
        for line in new[:whole].splitlines():
            try:
                row = self._decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise ResultsError(f"a line of {path} is no result: {error}") from None
            self._recorded.add((row.frame, row.user))
            if row.live is not None and row.original_image is None:  # of a video few pictures are kept
                self._state.recorded(picture_facts(row), present=False)
                continue
            if row.user not in self._newest or row.frame >= self._newest[row.user].frame:
                self._newest[row.user] = row
            self._state.recorded(picture_facts(row), present=False)

    def _show_newest(self) -> None:
        """Pictures and diagnostics of the newest frame, where they are not shown yet."""
        for user, row in self._newest.items():
            frame = row.frame
            if self._shown.get(user, -1) < frame:
                self._shown[user] = frame
                self._state.recorded(picture_facts(row))
                names = [f"images/frame_{frame:06d}_user{user}_{kind}.png" for kind in ("original", "received")]
                self._state.pictures(user, frame, *(_picture_file(self._folder / name) for name in names))
        newest = max((row.frame for row in self._newest.values()), default=-1)
        if newest > self._shown_diagnostics:
            self._shown_diagnostics = newest
            arrays = load_diagnostics(self._folder, newest)
            if arrays and self._config:
                rows = {user: row for user, row in self._newest.items() if user < self._config.users}
                self._state.telemetry(_from_diagnostics(self._config, newest, arrays, rows), [])
                self._state.loops_from_folder(csi_of(newest, rows), [sent_of(row) for row in rows.values()])


def _picture_file(path: Path) -> bytes:
    """The picture decoded and encoded again, small; b"" for what is no picture."""
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return b""
            return thumbnail(np.asarray(picture.convert("RGB")))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""


def _from_diagnostics(
    config: RunConfig, frame: int, arrays: dict[str, np.ndarray], rows: dict[int, ResultRow]
) -> Telemetry:
    """The arrays of hil.results.observe as the receiver would have told them."""
    users = []
    for user in range(config.users):
        with contextlib.suppress(KeyError, IndexError, TypeError):
            points, response = arrays["constellation"][user], arrays["response"][user]
            points = at_unit_power(points, POINTS)
            heard = bool(np.all(np.isfinite(response)))
            step = -(-response.size // RESPONSE_POINTS)
            response_db = 20 * np.log10(np.abs(response[::step]) + 1e-10)
            users.append(
                UserTelemetry(
                    user=user,
                    detected=heard,
                    reason=None,
                    constellation=half_floats(points.view(np.float32)),
                    response_db=half_floats(response_db) if heard else b"",
                    evm_db=rows[user].evm_db,
                    snr_db=rows[user].user_snr_db,
                    payload_sinr_db=rows[user].payload_sinr_db,
                )
            )
    spectrum = arrays.get("spectrum_db", np.zeros(0, np.float32))
    step = max(1, spectrum.size // SPECTRUM_BINS)
    levels = spectrum[: spectrum.size // step * step].reshape(-1, step).max(axis=1)  # no tone falls between two bins
    return Telemetry(frame, frame, None, half_floats(levels), users, [])
