"""A run as a SigMF recording: each slot a window of samples, what is known about it as annotations.

Annotations of this project's namespace: a slot's `semnoma:grant`, `semnoma:csi`, `semnoma:encoder_csi` (what its
encoders were told; older recordings have none, the grant's stands in) and `semnoma:events`; per user
`semnoma:sent`, `semnoma:link` (simulated channels), `semnoma:original_png`, or `semnoma:original_f32` of what is no
picture, and `semnoma:symbols_cf32` (base64).
"""

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from hil import __version__
from hil.bus.messages import CsiReport, Grant, Link, Sent, Start
from hil.bus.plausible import plausible_link
from hil.config import RunConfig
from hil.errors import UsageError
from hil.results.png import png
from hil.session.slot import Slot, original_of
from radio.recording import Hdf5Reader, SigmfReader, SigmfWriter


class SessionRecorder:
    """Writes the slots of one run; `record` one slot at a time, then `close`. Errors are those of SigmfWriter."""

    def __init__(self, path: Path, config: RunConfig) -> None:
        facts = {
            "core:description": f"semnoma-hil {__version__}: {config.users} users, {config.channel}",
            "core:hw": config.radio.device,
            "semnoma:config": config.model_dump(mode="json"),
        }
        rate_hz, antennas = config.sample_rate_hz, config.rx_antennas
        self._writer = SigmfWriter(path, rate_hz, config.center_frequency_hz, antennas, facts)

    def record(self, slot: Slot) -> None:
        """Append one slot with all that is known about it by now."""
        if slot.samples is None:
            return
        first = self._writer.append(slot.samples)
        length = slot.samples.n_samples
        name = f"frame {slot.grant.frame}" if slot.grant.frame is not None else f"probe {slot.grant.slot}"
        self._writer.annotate(first, length, name, slot_facts(slot))
        for user, sent in sorted(slot.sent.items()):
            facts = user_facts(slot, user)
            if slot.originals[user].size:
                texts = _as_text(sent, slot.originals[user])
                texts["symbols_cf32"] = base64.b64encode(slot.symbols[user].astype("<c8").tobytes()).decode()
                facts |= _namespaced(texts)
            self._writer.annotate(first, length, f"{name} user {user}", facts)

    def close(self) -> None:
        """Complete the recording. Safe to call twice."""
        self._writer.close()


def slot_facts(slot: Slot) -> dict[str, Any]:
    """What is known about a slot besides samples and users, as JSON values under this project's names."""
    names = ("grant", "start", "csi", "encoder_csi", "events")
    return _namespaced({name: getattr(slot, name) for name in names})


def user_facts(slot: Slot, user: int, truth: bool = True) -> dict[str, Any]:
    """What is known about a user of a slot besides original and symbols. truth: its link on the simulated air too."""
    link = slot.links.get(user) if truth else None
    return _namespaced({"user": user, "sent": slot.sent[user], "link": link})


def recorded_config(reader: SigmfReader | Hdf5Reader) -> dict[str, Any]:
    """The run's configuration values. UsageError when it was not recorded by this program."""
    config = reader.facts.get("semnoma:config")
    if not isinstance(config, dict):
        raise UsageError(
            f"{reader.meta_path} was not recorded by semnoma-hil (no semnoma:config): "
            f"`semnoma-hil probe file:{reader.meta_path}` shows its spectrum."
        )
    return config


def recorded_slots(reader: SigmfReader | Hdf5Reader) -> list[Slot]:
    """Every recorded slot with grant, ground truth and events, without samples, in the order of recording.

    UsageError for annotations of another version or with invalid content.
    """
    slots: dict[int, Slot] = {}
    try:
        for entry in reader.annotations:
            first = int(entry["core:sample_start"])
            if "semnoma:grant" in entry:
                grant, start = _grant(entry["semnoma:grant"]), entry["semnoma:start"]
                events = msgspec.convert(entry["semnoma:events"], dict[str, int])
                slots[first] = Slot(grant, msgspec.convert(start, Start), events=events)
                slots[first].csi = _csi(entry["semnoma:csi"])
                told = entry.get("semnoma:encoder_csi", entry["semnoma:grant"]["csi"])
                slots[first].encoder_csi = _csi(told)
        for entry in reader.annotations:
            if "semnoma:sent" in entry:
                _add_user(slots[int(entry["core:sample_start"])], entry)
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise UsageError(f"{reader.meta_path} has annotations that cannot be used: {error!r}.") from None
    return [slots[first] for first in sorted(slots)]


def _grant(entry: dict[str, Any]) -> Grant:
    return msgspec.structs.replace(msgspec.convert({**entry, "csi": None}, Grant), csi=_csi(entry["csi"]))


def _csi(entry: dict[str, Any] | None) -> CsiReport | None:
    """JSON has no NaN: what was not measured of a user stands there as null."""
    if entry is None:
        return None
    users = [{name: math.nan if value is None else value for name, value in user.items()} for user in entry["users"]]
    return msgspec.convert({**entry, "users": users}, CsiReport)


def _add_user(slot: Slot, entry: dict[str, Any]) -> None:
    sent = msgspec.convert(entry["semnoma:sent"], Sent)
    slot.sent[sent.user] = sent
    slot.originals[sent.user] = np.zeros((sent.height, sent.width, 3), np.uint8)
    if "semnoma:original_f32" in entry:
        original = original_of(sent, base64.b64decode(entry["semnoma:original_f32"]))
        if original is None:
            raise ValueError(f"the original of user {sent.user} has another size than its form {sent.form}")
        slot.originals[sent.user] = original
    slot.symbols[sent.user] = np.zeros(0, np.complex64)
    if "semnoma:original_png" in entry:
        with Image.open(io.BytesIO(base64.b64decode(entry["semnoma:original_png"]))) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        slot.originals[sent.user] = pixels.reshape(-1, sent.height, sent.width, 3) if sent.behind else pixels
    if "semnoma:symbols" in entry:  # of an HDF5 capture: arrays
        slot.symbols[sent.user] = entry["semnoma:symbols"]
        original = original_of(sent, entry["semnoma:original"].tobytes())
        slot.originals[sent.user] = slot.originals[sent.user] if original is None else original
    if "semnoma:symbols_cf32" in entry:
        slot.symbols[sent.user] = np.frombuffer(base64.b64decode(entry["semnoma:symbols_cf32"]), "<c8")
    if entry["semnoma:link"] is not None:
        link = msgspec.convert(entry["semnoma:link"], Link)
        if not plausible_link(link):
            raise ValueError(f"the link of user {sent.user} cannot be one")
        slot.links[sent.user] = link


def _as_text(sent: Sent, original: np.ndarray) -> dict[str, str]:
    """The annotation that holds an original: a picture as PNG, several below one another; other values as they are."""
    if sent.form:
        return {"original_f32": base64.b64encode(original.astype("<f4").tobytes()).decode()}
    return {"original_png": base64.b64encode(png(original.reshape(-1, *original.shape[-2:]))).decode()}


def _namespaced(facts: dict[str, Any]) -> dict[str, Any]:
    """Names with the project's prefix, values as plain JSON (what is not finite becomes null)."""
    return {f"semnoma:{name}": json.loads(msgspec.json.encode(value)) for name, value in facts.items()}
