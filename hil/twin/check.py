"""The same receiver over a recording and over a twin's simulated air, slot for slot."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from hil.bus.messages import CsiReport
from hil.config import PICTURE, RunConfig
from hil.errors import UsageError
from hil.session.burst.slot_receiver import SlotReceiver
from hil.session.csi_path import CsiPath
from hil.session.slot import Slot
from hil.twin.compare import TwinCheck, compare
from hil.twin.curves import Curves, measure_curves
from hil.twin.pictures import Pictures
from hil.twin.recorded import Recording
from hil.twin.simulate import random_payload, simulate
from radio.waveform.burst.header import FrameHeader

MUST_AGREE = ("users", "sample_rate_hz", "center_frequency_hz", "rx_antennas", "waveform")


@dataclass(frozen=True)
class CheckResult:
    """check: the comparison; recording, twin: the curves it is made from."""

    check: TwinCheck
    recording: Curves
    twin: Curves


def check_twin(recording: Recording, twin: RunConfig, passes: int = 3, with_pictures: bool = True) -> CheckResult:
    """passes: how often the twin goes through the recording's slots, each time with other noise and fading.

    Pictures are compared where the recording has them and the recorded codec can be loaded. Raises UsageError when the
    twin's configuration is for another waveform, ModelError for a broken codec.
    """
    config = recording.config
    for name in MUST_AGREE:
        if getattr(twin, name) != getattr(config, name):
            raise UsageError(f"The twin's {name} is not the recording's: it cannot be a twin of this recording.")
    other = next((name for name in config.modalities if name != PICTURE), None)
    if other is not None:
        raise UsageError(f"A twin is checked by pictures, but users of this recording send {other}.")
    pictures = Pictures.load(config) if with_pictures and _has_pictures(recording) else None
    score = pictures.score if pictures else None
    seen = measure_curves(_received(recording, pictures), config.users, config.center_frequency_hz, score)
    slots = (slot for number in range(passes) for slot in _pass(recording, twin, number, pictures))
    own = measure_curves(slots, config.users, config.center_frequency_hz, score)
    return CheckResult(compare(seen, own), seen, own)


def _has_pictures(recording: Recording) -> bool:
    return any(original.size for slot in recording.slots for original in slot.originals.values())


def _received(recording: Recording, pictures: Pictures | None) -> Iterator[Slot]:
    receiver = SlotReceiver(recording.config, remember=False)
    for slot in recording.with_samples():
        slot.powers = pictures.powers(slot) if pictures else None
        receiver.receive(slot)
        yield slot
        slot.received = None


def _pass(recording: Recording, twin: RunConfig, number: int, pictures: Pictures | None) -> Iterator[Slot]:
    seed = (twin.seed + number) % (1 << 62)
    config = RunConfig.model_validate(twin.model_dump() | {"seed": seed, "air": twin.air.model_dump() | {"seed": seed}})
    recorded = {slot.grant.slot: slot for slot in recording.slots}
    paths = [CsiPath(config.feedback, config.sample_rate_hz) for _ in range(config.users)]
    otherwise = {slot.grant.slot: random_payload(_longest(slot), seed) for slot in recording.slots}

    def payload(slot: Slot, user: int, csi: CsiReport | None) -> tuple[np.ndarray, FrameHeader]:
        delivered = paths[user].take(csi, slot.grant.slot_tick)
        before = recorded[slot.grant.slot]
        header = before.told_headers().get(user)
        if header is None:
            return otherwise[slot.grant.slot](slot, user, csi)
        symbols = before.symbols.get(user)
        if pictures is not None and slot.originals[user].size:
            symbols = pictures.encode(slot, user, delivered)
        if symbols is None or symbols.size != header.n_symbols:
            symbols = random_payload(header.n_symbols, seed)(slot, user, csi)[0]
        return symbols, header

    plan = [_again(slot) for slot in recording.slots]
    for slot in simulate(config, plan, payload, pictures.powers if pictures else None):
        yield slot
        slot.samples = slot.received = None


def _again(slot: Slot) -> Slot:
    """The slot as it was granted, its users arriving when they are asked to."""
    return Slot(slot.grant, msgspec.structs.replace(slot.start, repeats=False), originals=dict(slot.originals))


def _longest(slot: Slot) -> int:
    return max((sent.n_symbols for sent in slot.sent.values()), default=0)
