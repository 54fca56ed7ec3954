"""Telemetry of the receiver for observers: the newest slot and the quality of pictures, ten times a second.

Decoding only leaves a slot in a box that holds one; a thread of its own, started when somebody watches, makes the
message from the newest. Without observers nothing is gathered.
"""

import io
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from hil.bus.messages import PictureFacts, Telemetry, UserTelemetry
from hil.bus.wire import Attachments
from hil.config import RunConfig
from hil.results.constellation import at_unit_power
from hil.results.meaning import judged
from hil.results.rows import ResultRow, plain
from hil.results.spectrum import power_spectrum
from hil.session.slot import Slot
from models.modality.base import Shown
from radio.waveform.reception.frame import ReceivedUser

LEASE_S = 3.0  # how long one Watched message holds
UPDATE_S = 0.1
SPECTRUM_BINS = 256
POINTS = 300
RESPONSE_POINTS = 200
PICTURE_SIDE_PX = 256
MAX_WAITING_FACTS = 1000


class TelemetryPublisher:
    """send: of the bus. Every method may be called from any thread and returns at once, `close` within UPDATE_S."""

    def __init__(self, config: RunConfig, send: Callable[[Telemetry, Attachments], None]) -> None:
        self._config, self._send = config, send
        self._until = -math.inf
        self._changed = threading.Condition()
        self._slot: Slot | None = None
        self._facts: deque[PictureFacts] = deque(maxlen=MAX_WAITING_FACTS)
        self._pictures: dict[int, tuple[int, np.ndarray | None, np.ndarray | None]] = {}
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def watched(self) -> bool:
        return time.monotonic() < self._until

    def watch(self) -> None:
        """Somebody watches: publish for LEASE_S from now."""
        self._until = time.monotonic() + LEASE_S
        if self._thread is None:
            self._thread = threading.Thread(target=self._publish_all, name="telemetry", daemon=True)
            self._thread.start()

    def recorded(self, row: ResultRow, pictures: Mapping[str, Any]) -> None:
        """One picture is recorded."""
        if not self.watched:
            return
        with self._changed:
            self._facts.append(picture_facts(row))
            if row.live is None:
                original, received = _as_picture(pictures.get("original")), _as_picture(pictures.get("received"))
                self._pictures[row.user] = (row.frame, original, received)

    def shown(self, slot: Slot, frames: Mapping[int, Mapping[str, Any]]) -> None:
        """Pictures of a video are there, by user: they are not kept back until they are scored and recorded."""
        if not self.watched or slot.grant.frame is None:
            return
        with self._changed:
            for user, pictures in frames.items():
                self._pictures[user] = (slot.grant.frame, pictures.get("original"), pictures.get("received"))
            self._slot = slot
            self._changed.notify()

    def offer(self, slot: Slot) -> None:
        """A slot is done with; a newer one replaces it while it waits."""
        if not self.watched:
            return
        with self._changed:
            self._slot = slot
            self._changed.notify()

    def close(self) -> None:
        """Publish what waits, then end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _publish_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot is not None or self._closing)
                slot, self._slot = self._slot, None
                facts, pictures = list(self._facts), dict(self._pictures)
                self._facts.clear()
                self._pictures.clear()
            if slot is None:
                return
            self._send(*telemetry(self._config, slot, facts, pictures))
            with self._changed:
                self._changed.wait_for(lambda: self._closing, UPDATE_S)


def telemetry(
    config: RunConfig,
    slot: Slot,
    facts: Sequence[PictureFacts],
    pictures: Mapping[int, tuple[int, np.ndarray | None, np.ndarray | None]],
) -> tuple[Telemetry, list[bytes]]:
    """The message and its attachments. pictures: frame, original and received uint8 [H, W, 3] by user."""
    attachments: list[bytes] = []
    users = []
    by_number = {user.user: user for user in slot.received.users} if slot.received else {}
    for user in range(config.users):
        frame, original, received = pictures.get(user, (None, None, None))
        halves = [thumbnail(original), thumbnail(received)]
        seen = by_number.get(user)
        users.append(
            UserTelemetry(
                user=user,
                detected=seen is not None and seen.detected,
                reason=seen.reason if seen else "not received",
                constellation=_constellation(seen),
                response_db=_response(seen),
                evm_db=plain(seen.evm_db) if seen else None,
                snr_db=plain(seen.snr_db) if seen else None,
                payload_sinr_db=seen.quality.sinr_db if seen and seen.quality else None,
                picture_frame=frame,
                attachment=len(attachments) if frame is not None else None,
                original_bytes=len(halves[0]),
            )
        )
        if frame is not None:
            attachments.append(b"".join(halves))
    message = Telemetry(
        slot=slot.grant.slot,
        frame=slot.grant.frame,
        snr_db=slot.csi.snr_db if slot.csi else None,
        spectrum_db=half_floats(spectrum_db(slot.samples.data[0])) if slot.samples else b"",
        users=users,
        pictures=list(facts),
    )
    return message, attachments


def picture_facts(row: ResultRow) -> PictureFacts:
    """The columns of a result that a live view shows."""
    return PictureFacts(
        frame=row.frame,
        user=row.user,
        decoded=row.decoded,
        reason=row.reason,
        image_id=plain(row.image_id)[:200],
        psnr_db=plain(row.psnr_db),
        ssim=plain(row.ssim),
        ideal_psnr_db=plain(row.ideal_psnr_db),
        latency_ms=sum(value for value in row.latency_ms.values() if math.isfinite(value)),
        events=row.events,
        age_ms=row.live.total_ms if row.live else None,
        score=_score(row),
        caption=row.caption,
        caption_received=row.caption_received,
        bits_delivered=row.bits_delivered,
    )


def _score(row: ResultRow) -> str:
    """What another modality than pictures, or a generated one, has in place of PSNR; "" for pictures."""
    if row.generated:
        return " · ".join(["generated", *judged(row)])
    if row.modality == "picture":
        return ""
    value = plain(row.score)
    return row.modality if value is None else f"{row.modality}: {value:.2f} {row.score_unit} {row.score_name}"


def thumbnail(pixels: np.ndarray | None, side_px: int = PICTURE_SIDE_PX) -> bytes:
    """uint8 [H, W, 3] -> JPEG of at most side_px a side; b"" for None."""
    if pixels is None:
        return b""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((side_px, side_px), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90, subsampling=0)
    return buffer.getvalue()


def _as_picture(shown: np.ndarray | Shown | None) -> np.ndarray | None:
    """uint8 [H, W, 3] of what shows an item; None where that is no picture."""
    return shown.picture if isinstance(shown, Shown) else shown


def spectrum_db(samples: np.ndarray) -> np.ndarray:
    """complex64 [n] -> float [SPECTRUM_BINS] in dB of full scale, lowest frequency first (Welch)."""
    bins = min(SPECTRUM_BINS, samples.size)
    return 10 * np.log10(np.fft.fftshift(power_spectrum(samples, bins)) + 1e-20)


def half_floats(values: np.ndarray) -> bytes:
    """Finite float16 little-endian: a picture on a screen needs no more."""
    return np.nan_to_num(np.clip(values, -3e4, 3e4), nan=0.0).astype("<f2").tobytes()


def _constellation(user: ReceivedUser | None) -> bytes:
    return b"" if user is None else half_floats(at_unit_power(user.features, POINTS).view(np.float32))


def _response(user: ReceivedUser | None) -> bytes:
    if user is None or user.channel is None:
        return b""
    values = user.channel.values[0]
    values = values[:: -(-values.size // RESPONSE_POINTS)]
    return half_floats(20 * np.log10(np.abs(values) + 1e-10))
