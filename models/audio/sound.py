"""WAV files to sound at 16 kHz in pieces of two seconds, and back."""

from __future__ import annotations

import io
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from models.errors import ModelError

RATE_HZ = 16_000
PIECE_SAMPLES = 2 * RATE_HZ
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 96_000
LONGEST_S = 600
MOST_CHANNELS = 2
_FULL_SCALE = {"u1": 128.0, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


def sound_files(source: Path) -> list[Path]:
    """The file, or the .wav files of a folder by name. ModelError where there is none."""
    if not source.is_dir():
        return [source]
    files = sorted(
        (file for file in source.iterdir() if file.suffix.lower() == ".wav" and file.is_file()),
        key=lambda one: one.name,
    )
    if not files:
        raise ModelError(f"{source} holds no .wav file.")
    return files


def read_sound(path: Path) -> NDArray[np.float32]:
    """A WAV file -> float32 [n, channels] at 16 kHz, full scale 1: of 8 to 96 kHz, mono or stereo, up to 10 minutes.

    What is sampled faster loses what is above 8 kHz. ModelError, one sentence, for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that are no sound
            rate_hz, samples = wavfile.read(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist.") from error
    except Exception as error:  # scipy raises a dozen unrelated types on broken files
        raise ModelError(f"{path} is no WAV file that can be read: {_first_line(error)}.") from error
    samples = samples[:, None] if samples.ndim == 1 else samples
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise ModelError(f"{path} is sampled at {rate_hz} Hz; allowed are {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz.")
    if not 1 <= samples.shape[1] <= MOST_CHANNELS:
        raise ModelError(f"{path} has {samples.shape[1]} channels; allowed are mono and stereo.")
    if not 1 <= len(samples) <= LONGEST_S * rate_hz:
        raise ModelError(f"{path} lasts {len(samples) / rate_hz:g} s; allowed are 1 sample to {LONGEST_S} s.")
    return _resampled(_full_scale_1(samples, path), rate_hz)


def write_sound(samples: NDArray[np.float32]) -> bytes:
    """float32 [n, channels] at 16 kHz -> a WAV file of 16 bits; what is beyond full scale is clipped."""
    buffer = io.BytesIO()
    wavfile.write(buffer, RATE_HZ, np.rint(32767 * np.clip(samples, -1, 1)).astype(np.int16))
    return buffer.getvalue()


def _full_scale_1(samples: NDArray[np.generic], path: Path) -> NDArray[np.float32]:
    kind = samples.dtype.str[1:]
    if samples.dtype.kind == "f":
        scaled = samples.astype(np.float64)
        if not np.isfinite(scaled).all():
            raise ModelError(f"{path} holds samples that are not finite.")
    elif kind in _FULL_SCALE:
        scaled = (samples.astype(np.float64) - (128 if kind == "u1" else 0)) / _FULL_SCALE[kind]
    else:
        raise ModelError(f"{path} has samples of the kind {samples.dtype}; allowed are integers and floats.")
    return scaled.astype(np.float32)


def _resampled(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """At least one sample. Rates without a small ratio to 16 kHz by the nearest one, at most 0.02 % away."""
    if rate_hz == RATE_HZ:
        return samples
    ratio = Fraction(RATE_HZ, rate_hz).limit_denominator(4000)
    resampled: NDArray[np.float32] = resample_poly(samples, ratio.numerator, ratio.denominator, axis=0).astype(
        np.float32
    )
    return resampled[: max(1, round(len(samples) * RATE_HZ / rate_hz))]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
