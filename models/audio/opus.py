"""Sound by Opus over the measured 5G LDPC link, which the networks are compared with. Needs PyAV (extra audio)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly

from models.audio.sound import RATE_HZ
from models.errors import ModelError

APPLICATIONS = ("voip", "audio", "lowdelay")
FRAME_MS = {"voip": "60", "audio": "60", "lowdelay": "20"}
LOWEST_BPS, HIGHEST_BPS = 6_000, 128_000
_TRIALS = 5  # of the bit rate, which each time moves to where the last one would have fitted
_OPUS_RATE_HZ = 48_000
_LARGEST_DELAY_SAMPLES = 1600


@dataclass(frozen=True)
class Coded:
    """bits: of all packets, without any container; sound: float32 [n] as decoded, aligned with the original."""

    application: str
    bits: int
    sound: NDArray[np.float32]


def opus_within(sound: NDArray[np.float32], bits: float) -> list[Coded]:
    """For each of Opus' modes the highest rate whose packets fit into so many bits; [] where none does.

    sound: float32 [n], 16 kHz, mono. ModelError where PyAV or its libopus is missing.
    """
    found = []
    for application in APPLICATIONS:
        rate_bps, best = bits / (sound.size / RATE_HZ), None
        for _ in range(_TRIALS):
            coded = code(sound, application, round(min(max(rate_bps, LOWEST_BPS), HIGHEST_BPS)))
            fits = coded.bits <= bits
            if fits and (best is None or coded.bits > best.bits):
                best = coded
            elif not fits and rate_bps <= LOWEST_BPS:
                break
            rate_bps *= (1.01 if fits else 0.98) * bits / coded.bits
        if best is not None:
            found.append(best)
    return found


def code(sound: NDArray[np.float32], application: str, rate_bps: int) -> Coded:
    """Encode and decode float32 [n] at about this rate, with variable bit rate at the highest effort."""
    try:
        import av
    except ImportError:
        raise ModelError('Opus needs PyAV: pip install "semnoma-hil[audio]".') from None
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE_HZ, "mono", "flt"
    encoder.bit_rate = rate_bps
    encoder.options = {"application": application, "frame_duration": FRAME_MS[application], "compression_level": "10"}
    encoder.open()
    size = encoder.frame_size
    padded = np.zeros(-(-(sound.size + _LARGEST_DELAY_SAMPLES) // size) * size, np.float32)
    padded[: sound.size] = sound
    packets = []
    for start in range(0, padded.size, size):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + size], format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, start
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("libopus", "r")
    decoder.extradata = encoder.extradata
    decoded = _decoded(decoder, [bytes(packet) for packet in packets])
    return Coded(application, 8 * sum(packet.size for packet in packets), _aligned(decoded, sound))


def _decoded(decoder: object, packets: Sequence[bytes]) -> NDArray[np.float32]:
    """float32 [n] at 16 kHz."""
    import av

    parts = []
    for content in packets:
        for frame in decoder.decode(av.Packet(content)):  # type: ignore[attr-defined]
            values = frame.to_ndarray()
            values = values / 32768 if values.dtype == np.int16 else values
            parts.append(values.reshape(-1).astype(np.float32))
    resampled: NDArray[np.float32] = resample_poly(np.concatenate(parts), RATE_HZ, _OPUS_RATE_HZ).astype(np.float32)
    return resampled


def _aligned(decoded: NDArray[np.float32], sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Moved by the lag of the highest correlation, which is in Opus' favour, and cut to the original's length."""
    wide = np.pad(decoded, (_LARGEST_DELAY_SAMPLES, sound.size + _LARGEST_DELAY_SAMPLES))
    wide = wide[: sound.size + 2 * _LARGEST_DELAY_SAMPLES]
    start = int(np.argmax(correlate(wide, sound, mode="valid", method="fft")))
    return wide[start : start + sound.size]
