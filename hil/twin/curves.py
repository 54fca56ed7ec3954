"""How every burst of every user fared, slot after slot: what a recording and its twin are compared by."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from hil.session.slot import Slot
from radio.waveform.reception.frame import ReceivedUser

Score = Callable[[Slot, int], float | None]  # of a user's picture in a slot, dB

# name: (unit, how far a twin's curve may lie from the recording's and still be called close)
QUANTITIES = {
    "evm_db": ("dB", 1.0),
    "user_snr_db": ("dB", 1.0),
    "payload_snr_db": ("dB", 1.0),
    "csi_error_db": ("dB", 1.0),
    "carrier_residual_ppm": ("ppm", 0.01),
    "carrier_offset_ppm": ("ppm", 0.01),
    "arrival_samples": ("samples", 0.25),
    "psnr_db": ("dB", 1.0),
}


@dataclass(frozen=True)
class Curves:
    """values: by quantity, per user float [bursts], NaN where it was not measured. sent, read: bursts that were on the
    air, and how many headers were read.

    evm_db: of headers. user_snr_db: power over noise per channel use. payload_snr_db: after the equaliser, against the
    symbols that were sent. csi_error_db: what the receiver expects of its estimate, over the channel's power.
    carrier_residual_ppm: what a transmitter's own correction left; carrier_offset_ppm: with it put back.
    """

    values: dict[str, list[np.ndarray]]
    sent: int
    read: int


def measure_curves(slots: Iterable[Slot], users: int, center_frequency_hz: float, score: Score | None) -> Curves:
    """Curves of received slots. score: None where there are no pictures or nothing to decode them with."""
    rows: list[list[dict[str, float]]] = [[] for _ in range(users)]
    sent = read = 0
    for slot in slots:
        expected = slot.burst_tick
        for user in set(range(users)) - set(slot.grant.lost_users):
            found = next((u for u in slot.received.users if u.user == user), None) if slot.received else None
            sent += 1
            row = {}
            if found is not None and found.detected and slot.received is not None:
                read += found.header_read
                arrival = slot.received.start_tick - expected + found.delay_samples
                row = _row(slot, user, found, arrival, center_frequency_hz)
            if score is not None and slot.grant.frame is not None and (psnr := score(slot, user)) is not None:
                row["psnr_db"] = psnr
            rows[user].append(row)
    values = {
        name: [np.array([row.get(name, np.nan) for row in of_user]) for of_user in rows]
        for name in QUANTITIES
        if any(name in row for of_user in rows for row in of_user)
    }
    return Curves(values, sent, read)


def _row(slot: Slot, user: int, found: ReceivedUser, arrival: float, center_frequency_hz: float) -> dict[str, float]:
    per_hz = 1e6 / center_frequency_hz
    sent = slot.sent.get(user)
    row = {
        "user_snr_db": found.snr_db,
        "carrier_residual_ppm": found.cfo_hz * per_hz,
        "carrier_offset_ppm": (found.cfo_hz + (sent.precorrection_hz if sent else 0.0)) * per_hz,
        "arrival_samples": arrival,
    }
    if found.evm_db is not None:
        row["evm_db"] = found.evm_db
    if found.channel is not None and found.power > 0 and found.channel.error_variance > 0:
        row["csi_error_db"] = 10 * float(np.log10(found.channel.error_variance / found.power))
    symbols = slot.symbols.get(user)
    if symbols is not None and symbols.size and symbols.size == found.features.size:
        row["payload_snr_db"] = _agreement_db(found.features, symbols)
    return row


def _agreement_db(features: np.ndarray, symbols: np.ndarray) -> float:
    """SNR rho / (1 - rho) of features that are the symbols times a constant and something unlike them.

    rho = |<s, z>|^2 / (|s|^2 |z|^2), the squared correlation; LMMSE's own shrinking drops out of it.
    """
    energy = float(np.vdot(symbols, symbols).real) * float(np.vdot(features, features).real)
    rho = abs(complex(np.vdot(symbols, features))) ** 2 / max(energy, 1e-300)
    return 10 * float(np.log10(max(rho, 1e-10) / max(1 - rho, 1e-10)))
