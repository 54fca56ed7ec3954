"""What a recording tells its twin: the samples, and what the nodes themselves knew.

A recording of the simulated air also holds the answers (the `air` section, `channel`, `snr_db`, the ground truth of
every link). They are left out here, once for everything that fits or checks a twin.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil.config import RunConfig
from hil.errors import UsageError
from hil.results.session_recording import recorded_config, recorded_slots
from hil.session.repeated_slot import aligned
from hil.session.slot import Slot
from radio.devices.file import FileRadio
from radio.recording import open_recording

# Of the recorded configuration: what a receiver must know, and what was sent.
KEPT = (
    "users", "frames", "images", "max_image_side_px", "codec", "sample_rate_hz", "center_frequency_hz",
    "rx_antennas", "feedback", "waveform",
)  # fmt: skip
KEPT_OF_RADIO = ("tx_amplitude", "guard_samples")
SEED_STEP = 1_000_003  # the twin draws its own noise and fading, not those of a recorded simulation


@dataclass(frozen=True)
class Recording:
    """config: of the receiver and the transmitters, with a default air. slots: in order, without their samples."""

    path: Path
    config: RunConfig
    slots: list[Slot]
    _radio: FileRadio = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> "Recording":
        """Raises ConfigurationError for what is no recording, UsageError for one that was made by something else."""
        reader = open_recording(path)
        try:
            config = RunConfig.model_validate(known_values(recorded_config(reader)))
        except ValueError:
            raise UsageError(
                f"{reader.meta_path} was recorded with a configuration that this version has not."
            ) from None
        slots = [slot for slot in recorded_slots(reader) if _usable(slot)]
        if not slots:
            raise UsageError(f"{reader.meta_path} holds no slot in which users arrived together; record some frames.")
        return cls(path, config, slots, FileRadio(str(path)))

    def with_samples(self) -> Iterator[Slot]:
        """Every slot with its samples, which are let go afterwards; slots that were not recorded whole are left out."""
        for slot in self.slots:
            first, length = slot.grant.slot_tick, slot.start.slot_samples
            if first >= self._radio.end_tick:
                continue
            slot.samples = self._radio.receive(first, length)
            if self._radio.events():
                slot.samples = None
                continue
            yield slot
            slot.samples = None


def known_values(recorded: dict[str, Any]) -> dict[str, Any]:
    """Values of a `RunConfig` that a recording's own nodes knew, its air unknown and its seed another."""
    values = {name: recorded[name] for name in KEPT if name in recorded}
    radio = recorded.get("radio") or {}
    values["radio"] = {name: radio[name] for name in KEPT_OF_RADIO if name in radio}
    values["seed"] = (int(recorded.get("seed", 0)) + SEED_STEP) % (1 << 62)
    return values


def _usable(slot: Slot) -> bool:
    """Where transmitters repeat, a slot in which they did not arrive together was not received either."""
    return not slot.start.repeats or bool(slot.csi and aligned(slot.csi.users))
