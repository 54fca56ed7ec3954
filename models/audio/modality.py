"""Sound as a modality: two halves that need numpy, scipy and ONNX Runtime; only scoring needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.audio.mdct import HOP, analyse, frames_of, synthesise
from models.audio.sound import PIECE_SAMPLES, RATE_HZ, read_sound, sound_files, write_sound
from models.errors import ModelError
from models.modality.base import Item, Modality, Shown
from models.package.networks import load_network_manifest
from models.package.zoo import network_folder
from models.runtime.encoder import open_session, run_session

ARCHITECTURE = "mdct-frames"
DEFAULT_NETWORKS = "speech-16k"
LEVEL_STEP_DB = 0.5
QUIETEST_DB = -100.0  # of full scale; below there is silence
LEVELS = 512  # codes of the level in the header, 0 is silence; the channels stand above them
MOST_SINR_DB = 22.0  # that the networks were trained for
LEAST_SINR_DB = -5.0
WAVEFORM_PX = (256, 80)


class Audio(Modality):
    """WAV files, or folders of them, in pieces of two seconds; stereo as middle and side, one after the other.

    The header carries a piece's samples at 16 kHz, and its channels and level, which is not left to the symbols.
    """

    name, score_name, score_unit = "audio", "SI-SDR", "dB"

    def __init__(self, networks: str | Path = DEFAULT_NETWORKS) -> None:
        """networks: name or folder. ModelError, also where ONNX Runtime cannot load them."""
        folder = network_folder(networks)
        manifest = load_network_manifest(folder, ARCHITECTURE)
        self._uses = int(manifest.arguments["uses"])
        self._paths = [folder / name for name in ("encoder.onnx", "decoder.onnx")]

    def load(self, source: str) -> Sequence[Item]:
        return [item for file in sound_files(Path(source)) for item in pieces(file.name, read_sound(file))]

    def uses(self, height: int, width: int) -> int:
        channels, _ = _header(height, width)
        return channels * frames_of(height) * self._uses

    def encode(self, item: Item, sinr_db: float) -> NDArray[np.complex64]:
        _, level = _header(*item.size)
        if level == 0:
            return np.ones(self.uses(*item.size), np.complex64)
        rows = [analyse(row) for row in _middle_and_side(item.values)]
        reals = np.stack([self._run(self._encoder, "coefficients", row.T / np.float32(level), sinr_db) for row in rows])
        symbols: NDArray[np.complex64] = reals[:, : self._uses] + 1j * reals[:, self._uses :]
        return symbols.astype(np.complex64).ravel()

    def decode(self, symbols: NDArray[np.complex64], height: int, width: int, sinr_db: float) -> NDArray[np.float32]:
        channels, level = _header(height, width)
        if level == 0:
            return np.zeros((height, channels), np.float32)
        heard = symbols.reshape(channels, self._uses, -1)
        reals = np.concatenate([heard.real, heard.imag], axis=1) * np.float32(np.sqrt(2))
        rows = [self._run(self._decoder, "features", row, sinr_db) * np.float32(level) for row in reals]
        sounds = np.stack([synthesise(row.T, height) for row in rows])
        return _left_and_right(sounds)

    def score(self, sent: NDArray[np.float32], received: NDArray[np.float32]) -> float | None:
        """Mean SI-SDR over the channels that are not silent (Le Roux et al., ICASSP 2019), at most 100 dB."""
        import torch
        from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio

        heard = [row for row in range(sent.shape[1]) if np.any(sent[:, row])]
        if not heard:
            return None
        target, estimate = (torch.from_numpy(np.ascontiguousarray(one.T[heard])).double() for one in (sent, received))
        ratios = scale_invariant_signal_distortion_ratio(estimate, target)
        return float(ratios.clamp(-100, 100).mean())

    def show(self, values: NDArray[np.float32]) -> Shown:
        return Shown(".wav", write_sound(values), waveform(values))

    @cached_property
    def _encoder(self):  # type: ignore[no-untyped-def]
        return open_session(self._paths[0], threads=1)

    @cached_property
    def _decoder(self):  # type: ignore[no-untyped-def]
        return open_session(self._paths[1], threads=1)

    @staticmethod
    def _run(session, name: str, given: NDArray[np.float32], sinr_db: float) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
        """float32 [C, T] -> float32 [C', T]."""
        told = np.array([np.clip(sinr_db, LEAST_SINR_DB, MOST_SINR_DB) / 20], np.float32)
        return run_session(session, {name: np.ascontiguousarray(given[None], np.float32), "sinr": told})


def pieces(name: str, sound: NDArray[np.float32]) -> list[Item]:
    """float32 [n, channels] at 16 kHz -> items of at most two seconds."""
    starts = range(0, len(sound), PIECE_SAMPLES)
    found = [sound[start : start + PIECE_SAMPLES] for start in starts]
    return [
        Item(f"{name}@{start / RATE_HZ:g}s", piece, len(piece), piece.shape[1] * LEVELS + _level_code(piece))
        for start, piece in zip(starts, found, strict=True)
    ]


def waveform(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 [H, W, 3]: the largest and least sample of the first channel over time, for pages that show pictures."""
    width, height = WAVEFORM_PX
    image = Image.new("RGB", WAVEFORM_PX, "white")
    draw = ImageDraw.Draw(image)
    columns = np.array_split(np.clip(values[:, 0], -1, 1), min(width, len(values)))
    for x, column in enumerate(columns):
        top, bottom = (round((1 - float(level)) / 2 * (height - 1)) for level in (column.max(), column.min()))
        draw.line([(x * width // len(columns), top), (x * width // len(columns), bottom)], fill=(35, 104, 196))
    return np.asarray(image)


def _level_code(piece: NDArray[np.float32]) -> int:
    """Of the root mean square over the symbols' frames; 0 for silence."""
    mean = np.sum(_middle_and_side(piece).astype(np.float64) ** 2) / (piece.shape[1] * frames_of(len(piece)) * HOP)
    level_db = 10 * np.log10(max(float(mean), 1e-30))
    return int(np.clip(round((level_db - QUIETEST_DB) / LEVEL_STEP_DB), 0, LEVELS - 1))


def _header(height: int, width: int) -> tuple[int, float]:
    """Channels and level, 0 for silence. ModelError where no piece has such numbers."""
    channels, code = divmod(width, LEVELS)
    if not 1 <= height <= PIECE_SAMPLES or channels not in (1, 2):
        raise ModelError(f"a piece of sound has 1 to {PIECE_SAMPLES} samples and 1 or 2 channels, "
                         f"but {height} and {channels} are named.")  # fmt: skip
    return channels, 10 ** ((QUIETEST_DB + LEVEL_STEP_DB * code) / 20) if code else 0.0


def _middle_and_side(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [n, channels] -> [channels, n], orthonormal."""
    if sound.shape[1] == 1:
        return sound.T
    left, right = sound.T
    return (np.stack([left + right, left - right]) / np.sqrt(2)).astype(np.float32)


def _left_and_right(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse."""
    return _middle_and_side(rows.T).T if len(rows) == 2 else rows.T
