"""SI-SDR of sound over the bare channel against Opus over the measured digital link, on the same channel uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.audio.intelligibility import stoi
from models.audio.modality import Audio, pieces
from models.audio.opus import opus_within
from models.digital.link import best_efficiency


@dataclass(frozen=True)
class SoundRow:
    """One sound at one SNR. si_sdr_db: of the networks; opus_si_sdr_db: None where no rate of Opus fits into the bits
    that the link carries.
    """

    sound: str
    seconds: float
    snr_db: float
    channel_uses: int
    si_sdr_db: float | None
    bits: float
    opus_bits: int | None
    opus_application: str | None
    opus_si_sdr_db: float | None
    stoi: float | None
    opus_stoi: float | None


def compare_sounds(
    audio: Audio, sounds: Sequence[tuple[str, NDArray[np.float32]]], snrs_db: Sequence[float], seed: int
) -> Iterator[SoundRow]:
    """sounds: names and float32 [n] at 16 kHz, mono. One user on an AWGN channel that is known at both ends: two users
    who part the symbols at the same total SNR have the same each. Of Opus' modes the best counts.
    """
    for number, (name, sound) in enumerate(sounds):
        items = pieces(name, sound[:, None])
        for snr_db in snrs_db:
            rng = np.random.default_rng([seed, number, round(100 * snr_db) + 10_000])
            received = np.concatenate([_received(audio, item, snr_db, rng) for item in items])
            uses = sum(audio.uses(*item.size) for item in items)
            bits = uses * best_efficiency(snr_db, uses)
            scored = [(_score(audio, sound, one.sound), one) for one in opus_within(sound, bits)]
            best = max(scored, key=lambda pair: pair[0] or -1e9, default=None)
            yield SoundRow(
                sound=name,
                seconds=round(sound.size / 16_000, 3),
                snr_db=float(snr_db),
                channel_uses=uses,
                si_sdr_db=_score(audio, sound, received[:, 0]),
                bits=round(bits, 1),
                opus_bits=best[1].bits if best else None,
                opus_application=best[1].application if best else None,
                opus_si_sdr_db=best[0] if best else None,
                stoi=stoi(sound, received[:, 0]),
                opus_stoi=stoi(sound, best[1].sound) if best else None,
            )


def means(rows: Sequence[SoundRow]) -> list[dict[str, float | None]]:
    """Over the sounds, for each SNR; `there_si_sdr_db` over those for which some rate of Opus fits."""
    found: list[dict[str, float | None]] = []
    for snr_db in sorted({row.snr_db for row in rows}):
        own = [row for row in rows if row.snr_db == snr_db]
        there = [row for row in own if row.opus_si_sdr_db is not None]
        found.append(
            {
                "snr_db": snr_db,
                "sounds": len(own),
                "si_sdr_db": _mean(row.si_sdr_db for row in own),
                "opus_sounds": len(there),
                "opus_si_sdr_db": _mean(row.opus_si_sdr_db for row in there),
                "there_si_sdr_db": _mean(row.si_sdr_db for row in there),
                "stoi": _mean(row.stoi for row in there),
                "opus_stoi": _mean(row.opus_stoi for row in there),
            }
        )
    return found


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _received(audio: Audio, item, snr_db: float, rng: np.random.Generator) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
    """A piece over white noise."""
    symbols = audio.encode(item, snr_db)
    symbols = symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))
    noise = (rng.standard_normal((symbols.size, 2)) @ [1, 1j]) * np.sqrt(10 ** (-snr_db / 10) / 2)
    heard = symbols + noise
    heard = heard / np.sqrt(np.mean(np.abs(heard) ** 2))
    return audio.decode(heard.astype(np.complex64), item.height, item.width, snr_db)


def _score(audio: Audio, sent: NDArray[np.float32], received: NDArray[np.float32]) -> float | None:
    return audio.score(sent[:, None], received[:, None])
