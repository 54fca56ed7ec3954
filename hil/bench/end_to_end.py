"""Images per second of a whole loopback run, processes and all."""

import importlib.util
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console

from hil.bench.node_cpu import node_cpu_s
from hil.config import load_config
from hil.errors import UsageError
from hil.supervise.loopback import run_loopback
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder

CODEC = "compact-2u"
WARM_UP_SHARE, END_SHARE = 0.2, 0.95
PICTURES = 8


@dataclass
class _Progress:
    """When how many images were recorded, and what the nodes had spent by then; at most once every `step` images."""

    step: int
    stamps: list[tuple[float, int, dict[str, float]]] = field(default_factory=list)

    def __call__(self, at_s: float, images: int) -> None:
        if images >= (self.stamps[-1][1] if self.stamps else 0) + self.step:
            self.stamps.append((at_s, images, node_cpu_s()))

    def steady(self) -> dict[str, Any]:
        """Images a second and milliseconds of processor time a frame between start and end."""
        last = self.stamps[-1][1]
        between = [stamp for stamp in self.stamps if WARM_UP_SHARE * last <= stamp[1] <= END_SHARE * last]
        if len(between) < 2:
            return {"images_per_s_steady": None, "cpu_ms_a_frame": None, "cpu_ms_a_frame_by_node": {}}
        (first_s, first, before), (last_s, last, after) = between[0], between[-1]
        images = last - first
        spent = {name: 2e3 * (after[name] - before.get(name, 0.0)) / images for name in sorted(after)}
        return {
            "images_per_s_steady": images / (last_s - first_s),
            "cpu_ms_a_frame": sum(spent.values()) or None,
            "cpu_ms_a_frame_by_node": spent,
        }


def bench_end_to_end(
    frames: int = 300,
    slots_ahead: int = 1,
    onnx_decoders: bool = False,
    out: Path | None = None,
    codec: str = CODEC,
    side_px: int = 32,
) -> dict[str, Any]:
    """Two users, square pictures of smoothed noise, no refiner and no decoding for an ideal receiver.

    `images_per_s_steady` and processor times leave out the start of the processes, the first fifth of the images, in
    which libraries are still being loaded, and the last twentieth. onnx_decoders: the codec's decoders as ONNX, which
    are exported first. out: where the run is kept; else it is deleted at the end, which slows down whoever makes many
    files on the same ext4 within the next minutes. Raises UsageError where the exporter is not installed.
    """
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures.npz"
        np.savez(pictures, images=_smoothed_noise(side_px))
        config = load_config(
            None,
            {
                "images": str(pictures),
                "frames": frames,
                "feedback.slots_ahead": slots_ahead,
                "rx.ideal": False,
                "codec": str(_as_onnx(codec, Path(folder) / "codec")) if onnx_decoders else codec,
                "max_image_side_px": side_px,
            },
        )
        progress = _Progress(step=max(1, 2 * frames // 50))
        summary = run_loopback(
            config,
            out or Path(folder) / "run",
            resume=False,
            console=Console(quiet=True),
            on_progress=progress,
            report=False,
        )
    return {
        "images_per_s": summary["images_per_s"],
        **progress.steady(),
        "images_decoded": summary["images_decoded"],
        "images_sent": summary["images_sent"],
        "codec": codec.rstrip("/").rsplit("/", 1)[-1],
        "side_px": side_px,
        "slots_ahead": slots_ahead,
        "decoders": "onnx" if onnx_decoders or _are_onnx(codec) else "torch",
        "left_out": "refiner, decoding for an ideal receiver",
    }


def _smoothed_noise(side_px: int) -> np.ndarray:
    """uint8 [PICTURES, side_px, side_px, 3]."""
    rng = np.random.default_rng(1)
    coarse_px = max(1, side_px // 8)
    coarse = [Image.fromarray(rng.integers(0, 256, (coarse_px, coarse_px, 3), dtype=np.uint8)) for _ in range(PICTURES)]
    return np.stack([np.asarray(one.resize((side_px, side_px), Image.Resampling.BICUBIC)) for one in coarse])


def _are_onnx(codec: str) -> bool:
    return isinstance(load_manifest(codec_folder(codec)).files.decoders, list)


def _as_onnx(codec: str, folder: Path) -> Path:
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript")):
        raise UsageError('--onnx-decoders exports the codec first and needs pip install "semnoma-hil[train]".')
    from models.export.onnx_codec import export_onnx_codec

    export_onnx_codec(codec_folder(codec), folder)
    return folder
