"""Successive interference cancellation: a decoded picture is re-encoded and its payload subtracted from the samples."""

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from hil.bus.messages import CsiReport
from hil.bus.plausible import linear, plausible, plausible_db
from hil.config import RunConfig
from hil.session.burst.receivers import Receivers
from hil.session.sharing import sharing_of, told
from hil.session.slot import Slot
from models.runtime.encoder import SemanticEncoder
from radio.samples import Samples
from radio.waveform.reception.cancellation import cancel_payload
from radio.waveform.reception.frame import ReceivedFrame


@dataclass(frozen=True)
class View:
    """A slot after the cancellation of some users."""

    samples: Samples
    received: ReceivedFrame
    csi: CsiReport | None
    cancelled: frozenset[int] = frozenset()


class Canceller:
    """The receiver's copy of the encoder, and the waveform."""

    def __init__(self, config: RunConfig, encoder: SemanticEncoder) -> None:
        self._config = config
        self._receivers = Receivers(config.waveform)
        self._encoder = encoder

    def symbols(self, slot: Slot, user: int, picture: np.ndarray, features: np.ndarray) -> np.ndarray:
        """What the user would have sent for the picture uint8 [H, W, 3]: complex64 [k]. features: complex64 [k], that
        it was decoded from, which say how its symbols are shared out.
        """
        sharing = sharing_of(slot.grant, self._config)
        side = told(self._encoder, slot.encoder_csi, self._config.users, sharing)  # as the transmitter's was
        plan = self._encoder.plan_of(features, user, side.users, sharing, *picture.shape[:2])
        return self._encoder.encode(picture, user, side, sharing, plan)

    def without(self, view: View, slot: Slot, user: int, *pictures: np.ndarray) -> View:
        """Cancel `user`, all of whose decoded pictures in the burst are uint8 [H, W, 3]; the view unchanged where that
        is not possible.

        The pictures are encoded with what the transmitter's encoder was told. Where the transmitter names another
        report (it started again and has forgotten earlier ones) its symbols cannot be known.
        """
        alignment = view.received.users[user].alignment
        report, sent = slot.encoder_csi, slot.sent.get(user)
        if alignment is None or (sent is not None and sent.csi_slot != (report.slot if report else None)):
            return view
        heard = view.received.users[user].features.reshape(len(pictures), -1)
        symbols = np.concatenate([self.symbols(slot, user, *one) for one in zip(pictures, heard, strict=True)])
        powers, receiver = slot.powers, self._receivers.of(slot.grant)
        cancelled = view.cancelled | {user}
        samples = cancel_payload(view.samples, receiver.grid, user, alignment, symbols)
        headers = {one.user: one.header for one in view.received.users if one.header is not None}
        start_tick = view.received.start_tick
        received = receiver.receive(samples, start_tick, told=headers, silent=cancelled, powers=powers)
        if received is None:
            return view
        return replace(
            view, samples=samples, received=received, csi=without_users(slot.csi, cancelled), cancelled=cancelled
        )


def by_power(received: ReceivedFrame | None, users: int) -> list[int]:
    """Users, strongest first."""
    powers = {one.user: one.power for one in received.users} if received else {}
    return sorted(range(users), key=lambda user: -powers.get(user, 0.0))


def without_users(csi: CsiReport | None, cancelled: frozenset[int]) -> CsiReport | None:
    """The report without the contribution of the cancelled users."""
    if csi is None or csi.snr_db is None:
        return csi
    left = [
        one
        for one in csi.users
        if one.user not in cancelled and plausible(one.gain) and plausible_db(one.snr_db)  # else it is no measurement
    ]
    if not left:
        return csi
    power = float(np.mean([one.gain**2 for one in left]))
    total = float(np.sum([linear(one.snr_db) for one in left]))
    return msgspec.structs.replace(
        csi,
        snr_db=float(10 * np.log10(max(total, 1e-30))),
        users=[msgspec.structs.replace(one, gain=one.gain / max(power, 1e-30) ** 0.5) for one in left],
    )
