"""Images per second of a whole loopback run, processes and all."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from hil.config import load_config
from hil.loopback import run_loopback

WARM_UP_SHARE = 0.2


def bench_end_to_end(frames: int = 150) -> dict[str, float]:
    """Two users, 32x32 pictures of smoothed noise, no refiner and no decoding for an ideal receiver, one slot ahead.

    `images_per_s_steady` leaves out the start of the processes and the first fifth of the images, in which libraries
    are still being loaded.
    """
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        rng = np.random.default_rng(1)
        for number in range(8):
            coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            coarse.resize((32, 32), Image.Resampling.BICUBIC).save(pictures / f"{number}.png")
        config = load_config(
            None, {"images": str(pictures), "frames": frames, "feedback.slots_ahead": 1, "rx.ideal": False}
        )
        stamps: list[tuple[float, int]] = []
        summary = run_loopback(
            config,
            Path(folder) / "run",
            resume=False,
            console=Console(quiet=True),
            on_progress=lambda at, count: stamps.append((at, count)),
            report=False,
        )
    changes = [stamp for before, stamp in zip([(0.0, 0), *stamps], stamps, strict=False) if stamp[1] > before[1]]
    (first_s, first), (last_s, last) = next(c for c in changes if c[1] >= WARM_UP_SHARE * changes[-1][1]), changes[-1]
    return {
        "images_per_s": summary["images_per_s"],
        "images_per_s_steady": (last - first) / max(last_s - first_s, 1e-9),
    }
