"""Images per second of a whole loopback run, processes and all."""

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console

from hil.bench.pace import Pace
from hil.config import load_config
from hil.errors import UsageError
from hil.supervise.loopback import run_loopback
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder

CODEC = "compact-2u"
PICTURES = 8


def bench_end_to_end(
    frames: int = 300,
    slots_ahead: int = 1,
    onnx_decoders: bool = False,
    out: Path | None = None,
    codec: str = CODEC,
    side_px: int = 32,
    pictures_per_burst: int | str = 1,
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
                "burst.pictures": pictures_per_burst,
            },
        )
        progress = Pace(step=max(1, 2 * frames // 50))
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
        "pictures_per_burst": pictures_per_burst,
        "overhead": summary["overhead"],
        "slots_ahead": slots_ahead,
        "decoders": "onnx" if onnx_decoders or _are_onnx(codec) else "torch",
        "left_out": "refiner, decoding for an ideal receiver",
    }


def beside_one(several: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """What two runs of the same frames say together: with several pictures a burst, and with one."""
    found: dict[str, Any] = {"overhead_one_a_burst": one["overhead"]}
    for name in ("images_per_s", "images_per_s_steady", "cpu_ms_a_frame"):
        found[f"{name}_one_a_burst"] = one[name]
        known = several[name] and one[name]
        found[f"{name}_ratio"] = several[name] / one[name] if known else None
    return found


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
