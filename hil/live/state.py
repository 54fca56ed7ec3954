"""What is known of a run, from whatever source, and what a viewer has not seen of it yet.

Everything in here came over a network or from a folder: numbers are checked and bounded, texts are cut, and viewers
show them as text. Histories are bounded. All methods may be called from any thread.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.bus.messages import CsiReport, NodeHealth, Overview, PictureFacts, Sent, SharedBy, Telemetry, UserTelemetry
from hil.bus.plausible import plausible
from hil.config import RunConfig
from hil.language.note import clean as one_line
from hil.live.history import History
from hil.live.progress import progress
from hil.live.untrusted import MAX_TEXT, clean, numbers, picture_kind, rounded

KEPT_POINTS, KEPT_EVENTS, KEPT_SPECTRA = 4000, 300, 100
RATE_WINDOW_S = 10.0
LOOPS = ("frequency", "timing", "power")


@dataclass
class Cursor:
    """How much of the state one viewer has."""

    epoch: int = -1
    version: int = -1
    points: int = 0
    events: int = 0
    spectra: int = 0
    pictures: dict[int, int] = field(default_factory=dict)


@dataclass
class Pictures:
    """One user's newest pair as image files; version grows with every new pair."""

    version: int
    frame: int
    original: bytes
    received: bytes


class LiveState:
    """`begin` starts a run; the sources fill it; `since` gives a viewer the difference."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.version = self._epoch = 0
        self._key = ""
        self._source: dict[str, Any] = {"connected": False, "sentence": "nothing to show yet"}
        self.control: dict[str, Any] = {"enabled": False}
        self.report: Path | None = None  # where the run's report will be; None without its folder
        self._clear(None)

    def _clear(self, config: RunConfig | None) -> None:
        self._epoch += 1
        self.config = config
        self._state, self._reason = ("waiting", "") if config else ("idle", "")
        self._nodes: list[NodeHealth] = []
        self._csi: CsiReport | None = None
        self._sharing: SharedBy | None = None
        self._sent: dict[int, Sent] = {}
        self._users: dict[int, UserTelemetry] = {}
        self._latest: dict[int, PictureFacts] = {}
        self._pictures: dict[int, Pictures] = {}
        self._points: History[tuple[int, int, float | None]] = History(KEPT_POINTS)
        self._known: set[tuple[int, int]] = set()
        self._events: History[tuple[float, str]] = History(KEPT_EVENTS)
        self._spectra: History[list[float]] = History(KEPT_SPECTRA)
        self._slot: int | None = None
        self._frame: int | None = None
        self._frames_before = self._frames_done = self._recorded = self._decoded = self._malformed = 0
        self._pace: deque[tuple[float, int]] = deque()
        self._coordinator, self._last_overview_event = "", 0

    # -- what the sources call --

    def begin(self, key: str, config: RunConfig, frames_to_send: int | None = None, coordinator: str = "") -> None:
        """A run appears; what was known is forgotten unless it is the run that is shown already."""
        with self._lock:
            if key != self._key or self.config is None:
                self._clear(config)
                self._key = key
            if coordinator != self._coordinator:
                self._coordinator, self._last_overview_event = coordinator, 0
            self.config = config
            if frames_to_send is not None:
                self._frames_before = max(0, config.frames - frames_to_send)
                self._frames_done = 0
            self.version += 1

    def source(self, connected: bool, sentence: str) -> None:
        """Where the state comes from, and whether it is live."""
        with self._lock:
            if (connected, sentence) != (self._source["connected"], self._source["sentence"]):
                self._source = {"connected": connected, "sentence": clean(sentence)}
                self.version += 1

    def folder_source(self, sentence: str) -> None:
        """The same from a run folder, which says nothing while a coordinator is heard."""
        with self._lock:
            if not self.live:
                self.source(False, sentence)

    @property
    def live(self) -> bool:
        return bool(self._source["connected"])

    @property
    def ended(self) -> bool:
        return self._state in ("finished", "stopped")

    def overview(self, news: Overview) -> None:
        """The coordinator's word."""
        with self._lock:
            self._state, self._reason = clean(news.state, 20), clean(news.reason)
            self._nodes, self._csi = news.nodes[:20], news.csi
            self._sharing = news.sharing
            self._slot, self._frame, self._malformed = news.slot, news.frame, news.malformed
            self._sent.update({sent.user: sent for sent in news.sent if self._is_user(sent.user)})
            self._frames_done = news.frames_done
            for event in news.events:
                if event.number > self._last_overview_event:
                    self._last_overview_event = event.number
                    self._events.append((event.unix_s, clean(event.text)))
            self._note_pace()
            self.version += 1

    def telemetry(self, news: Telemetry, attachments: Sequence[bytes | memoryview]) -> None:
        """The receiver's word."""
        with self._lock:
            if news.spectrum_db:
                self._spectra.append(numbers(news.spectrum_db, 1))
            for user in news.users:
                if not self._is_user(user.user):
                    continue
                self._users[user.user] = user
                if user.attachment is not None and 0 <= user.attachment < len(attachments):
                    both = bytes(attachments[user.attachment])
                    split = min(max(0, user.original_bytes), len(both))
                    self.pictures(user.user, user.picture_frame or 0, both[:split], both[split:])
            for facts in news.pictures:
                self.recorded(facts)
            self.version += 1

    def recorded(self, facts: PictureFacts, present: bool = True) -> None:
        """One picture's outcome; known ones count once. present False: history only, its picture is not shown yet."""
        with self._lock:
            key = (facts.frame, facts.user)
            if not self._is_user(facts.user):
                return
            newest = self._latest.get(facts.user)
            if present and (newest is None or facts.frame >= newest.frame):
                self._latest[facts.user] = facts
                self.version += 1
            if key in self._known:
                return
            self._known.add(key)
            psnr_db = rounded(facts.psnr_db, 2)
            for frame, user, _psnr_db in self._points.append((facts.frame, facts.user, psnr_db)):
                self._known.discard((frame, user))
            self._recorded += 1
            self._decoded += facts.decoded
            for kind, count in facts.events.items():
                text = f"frame {facts.frame}, user {facts.user}: {count} x {kind}"
                self._events.append((time.time(), clean(text)))
            if not facts.decoded:
                text = f"frame {facts.frame}, user {facts.user} is not decoded: {facts.reason or 'unknown'}"
                self._events.append((time.time(), clean(text)))
            self.version += 1

    def pictures(self, user: int, frame: int, original: bytes, received: bytes) -> None:
        """A user's newest pair as JPEG or PNG files; b"" where there is none. Anything else is not shown."""
        with self._lock:
            old = self._pictures.get(user)
            if not self._is_user(user) or (old is not None and frame < old.frame):
                return
            pair = [file if picture_kind(file) else b"" for file in (original, received)]
            self._pictures[user] = Pictures(old.version + 1 if old else 1, frame, *pair)
            self.version += 1

    def progress_from_folder(self, state: str, frames_done: int) -> None:
        """What a folder tells when no coordinator does."""
        with self._lock:
            if self._source["connected"]:
                return
            if (state, frames_done) == (self._state, self._frames_before + self._frames_done):
                return
            self._state, self._reason = state, ""
            self._frames_before, self._frames_done = 0, frames_done
            self._nodes = []
            self._note_pace()
            self.version += 1

    def loops_from_folder(self, csi: CsiReport, sent: Sequence[Sent]) -> None:
        """What a folder tells of the loops when no coordinator does."""
        with self._lock:
            if not self.live:
                self._csi, self._sent = csi, {one.user: one for one in sent if self._is_user(one.user)}
                self.version += 1

    def event(self, text: str) -> None:
        with self._lock:
            self._events.append((time.time(), clean(text)))
            self.version += 1

    def set_control(self, **values: Any) -> None:
        with self._lock:
            self.control = {**self.control, **values}
            self.version += 1

    # -- what viewers call --

    def since(self, cursor: Cursor) -> tuple[dict[str, Any], list[bytes], Cursor]:
        """(JSON values, picture files that "pictures" points into, the cursor for next time)."""
        with self._lock:
            fresh = cursor.epoch != self._epoch
            cursor = Cursor(epoch=self._epoch) if fresh else cursor
            entries, blobs, versions = self._pictures_since(cursor.pictures)
            update = {
                "fresh": fresh,
                "time_unix_s": time.time(),
                "source": self._source,
                "control": self.control,
                "run": self._run(),
                "nodes": [_node(node, self.ended) for node in self._nodes],
                "users": [self._user(user) for user in range(self.config.users if self.config else 0)],
                "points": self._points.since(cursor.points),
                "events": self._events.since(cursor.events),
                "spectra": self._spectra.since(cursor.spectra),
                "pictures": entries,
            }
            after = Cursor(
                self._epoch, self.version, self._points.total, self._events.total, self._spectra.total, versions
            )
            return update, blobs, after

    def _pictures_since(self, seen: Mapping[int, int]) -> tuple[list[dict[str, Any]], list[bytes], dict[int, int]]:
        entries, blobs = [], []
        for user, pair in sorted(self._pictures.items()):
            if pair.version == seen.get(user):
                continue
            for kind, file in (("original", pair.original), ("received", pair.received)):
                entry = {"user": user, "kind": kind, "frame": pair.frame, "bytes": len(file)}
                entries.append(entry | {"type": picture_kind(file)})
                blobs.append(file)
        return entries, blobs, {user: pair.version for user, pair in self._pictures.items()}

    def _run(self) -> dict[str, Any]:
        config = self.config
        if config is None:
            return {"state": self._state, "reason": self._reason, "report": False}
        rate = self._frames_per_s() if self._state == "running" else None
        return {
            "state": self._state,
            "reason": self._reason,
            "users": config.users,
            **progress(config, self._frames_before + self._frames_done, rate),
            "report": self.report is not None and self.report.is_file(),
            "slot": self._slot,
            "frame": self._frame,
            "recorded": self._recorded,
            "decoded": self._decoded,
            "malformed": self._malformed,
            "snr_db": config.snr_db,
            "snr_db_measured": rounded(self._csi.snr_db, 1) if self._csi else None,
            "channel": config.channel,
            **_shared(self._sharing),
            "codec": clean(config.codec),
            "refine": config.refine,
            "cancel": config.cancel,
            "seed": str(config.seed),  # JavaScript's numbers end at 2^53
            "sample_rate_hz": config.sample_rate_hz,
            "center_frequency_hz": config.center_frequency_hz,
            "spacing_hz": config.waveform.subcarrier_spacing_hz,
            "active_subcarriers": config.waveform.active_subcarriers,
            "device": clean(config.radio.device),
            "calibration": config.radio.calibration and clean(config.radio.calibration),
            "csi": config.feedback.csi,
            "carrier": config.feedback.carrier,
            "timing": config.control.timing,
            "power": config.control.power,
        }

    def _user(self, user: int) -> dict[str, Any]:
        seen, facts = self._users.get(user), self._latest.get(user)
        return {
            "user": user,
            "detected": seen.detected if seen else None,
            "constellation": numbers(seen.constellation, 2) if seen else [],
            "response_db": numbers(seen.response_db, 2) if seen else [],
            "evm_db": rounded(seen.evm_db, 1) if seen else None,
            "snr_db": rounded(seen.snr_db, 1) if seen else None,
            "payload_sinr_db": rounded(seen.payload_sinr_db, 1) if seen else None,
            "frame": facts.frame if facts else None,
            "decoded": facts.decoded if facts else None,
            "reason": clean(facts.reason or "") if facts else "",
            "image_id": clean(facts.image_id) if facts else "",
            "caption": _caption(facts) if facts else None,
            "score": clean(facts.score) if facts else "",
            "psnr_db": rounded(facts.psnr_db, 2) if facts else None,
            "ssim": rounded(facts.ssim, 3) if facts else None,
            "ideal_psnr_db": rounded(facts.ideal_psnr_db, 2) if facts else None,
            "latency_ms": rounded(facts.latency_ms, 1) if facts else None,
            "age_ms": rounded(facts.age_ms, 0) if facts else None,
            "loops": _loops(self._csi, self._sent.get(user), user),
        }

    def _is_user(self, user: int) -> bool:
        return self.config is not None and 0 <= user < self.config.users

    def _note_pace(self) -> None:
        now = time.monotonic()
        self._pace.append((now, self._frames_before + self._frames_done))
        while len(self._pace) > 2 and now - self._pace[0][0] > RATE_WINDOW_S:
            self._pace.popleft()

    def _frames_per_s(self) -> float | None:
        if len(self._pace) < 2:
            return None
        (start_s, first), (end_s, last) = self._pace[0], self._pace[-1]
        return (last - first) / (end_s - start_s) if last > first and end_s > start_s else None


def _caption(facts: PictureFacts) -> dict[str, Any] | None:
    """What was said beside a picture and what arrived of it; None for a burst without protected bits."""
    if facts.bits_delivered is None:
        return None
    said, heard = (one_line(text or "")[:MAX_TEXT] for text in (facts.caption, facts.caption_received))
    return {"sent": said, "received": heard, "delivered": facts.bits_delivered}


def _shared(sharing: SharedBy | None) -> dict[str, Any]:
    """How users share the newest slot's symbols, for codecs that leave it open."""
    form, reason, psnr_db = (sharing.form, sharing.reason, sharing.predicted_psnr_db) if sharing else ("", "", None)
    return {"sharing": clean(form, 40), "sharing_reason": clean(reason), "predicted_psnr_db": rounded(psnr_db, 1)}


def _node(node: NodeHealth, ended: bool) -> dict[str, Any]:
    """A node's health; one that was here when the run ended has left, which nobody reports any more."""
    return {
        "name": clean(node.name, 40),
        "role": clean(node.role, 20),
        "user": node.user,
        "state": "left" if ended and node.state == "here" else clean(node.state, 20),
        "silent_s": rounded(node.silent_s, 1),
    }


def _loops(csi: CsiReport | None, sent: Sent | None, user: int) -> dict[str, Any]:
    """What the loops between receiver and one transmitter measure and apply at present."""
    entry = next((entry for entry in csi.users if entry.user == user), None) if csi else None
    values: dict[str, Any] = {}
    if entry is not None:
        gain_db = 20 * math.log10(entry.gain) if plausible(entry.gain) and entry.gain > 0 else None
        values |= {
            "snr_db": rounded(entry.snr_db, 1),
            "gain_db": rounded(gain_db, 1),
            "cfo_hz": rounded(entry.cfo_hz, 1),
            "clock_ppm": rounded(entry.clock_ppm, 2),
            "arrival_samples": rounded(entry.arrival_samples, 2),
            "power_db": rounded(entry.power_db, 1),
        }
    if sent is not None:
        values |= {
            "precorrection_hz": rounded(sent.precorrection_hz, 1),
            "advance_ticks": sent.advance_ticks,
            "tx_gain_db": rounded(sent.gain_db, 2),
            "states": {name: clean(sent.loops[name], 20) for name in LOOPS if name in sent.loops},
            "papr_db": rounded(sent.papr_db, 1),
            "csi_age_ms": rounded(sent.csi_age_s * 1e3, 2) if sent.csi_age_s is not None else None,
        }
    return values
