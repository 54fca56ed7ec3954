"""How old pictures of a video are when they are shown, and how many a second there are, in a whole loopback run."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from hil.bench.pace import WARM_UP_SHARE, Pace
from hil.config import load_config
from hil.results.live import live_summary
from hil.results.rows import read_rows
from hil.supervise.loopback import run_loopback
from hil.video.fit import fit
from hil.video.recording import Recording
from models.images import open_images

OVERHANG = 1.25  # of the scene that the camera pans over, in pictures


def bench_video(
    seconds: float, fps: float, size: str, codec: str, users: int = 2, late: str = "drop", out: Path | None = None
) -> dict[str, Any]:
    """Every user sends a pan over one of the packaged pictures, as from a camera, on a simulated air without a clock.

    The first fifth of the pictures is left out: libraries are still being loaded. out: where the run is kept; else it
    is deleted. load_before: processes that wanted a core in the last minute, on average;
    cpu_ms_a_frame, processor time of all nodes, hardly depends on them. Raises UsageError.
    """
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        config = load_config(
            None,
            {
                "users": users,
                "frames": 2 * round(seconds * fps) + 10,
                "rx.ideal": False,
                "codec": codec,
                "video.size": size,
                "video.late": late,
            },
        )
        clips = [_pan(Path(folder), user, round(seconds * fps), fps, config.video.width, config.video.height)
                 for user in range(users)]  # fmt: skip
        config = config.model_copy(update={"video": config.video.model_copy(update={"sources": tuple(clips)})})
        kept = out or Path(folder) / "run"
        pace = Pace(step=max(1, users * round(seconds * fps) // 50))
        run_loopback(config, kept, resume=False, console=Console(quiet=True), on_progress=pace, report=False)
        rows = read_rows(kept)
    begun = WARM_UP_SHARE * max(row.frame for row in rows)
    live = live_summary((row.user, row.live) for row in rows if row.live is not None and row.frame >= begun) or {}
    total, stages = live.get("total_ms") or {}, live.get("stages_ms") or {}
    return {
        "pictures_per_s": [user["pictures_per_s"] for user in live.get("per_user", [])],
        "dropped": live.get("dropped"),
        "pictures": live.get("pictures"),
        "capture_to_display_p50_ms": total.get("p50"),
        "capture_to_display_p99_ms": total.get("p99"),
        "p50_ms": {stage: part["p50"] for stage, part in stages.items() if part},
        "p99_ms": {stage: part["p99"] for stage, part in stages.items() if part},
        "cpu_ms_a_frame": pace.steady()["cpu_ms_a_frame"],
        "cpu_ms_a_frame_by_node": pace.steady()["cpu_ms_a_frame_by_node"],
        "codec": codec.rstrip("/").rsplit("/", 1)[-1],
        "size": size,
        "fps": fps,
        "load_before": load_before,
    }


def _pan(folder: Path, user: int, pictures: int, fps: float, width: int, height: int) -> str:
    """A window that moves over a picture to and fro."""
    scenes = open_images("demo")
    scene = fit(scenes[user % len(scenes)].pixels, round(OVERHANG * width), round(OVERHANG * height), "crop")
    path = folder / f"pan{user}.mp4"
    film = Recording(path)
    for number in range(pictures):
        swing = (1 - np.cos(2 * np.pi * number / (4 * fps))) / 2
        top, left = int(swing * (scene.shape[0] - height)), int(swing * (scene.shape[1] - width))
        film.write(number / fps, scene[top : top + height, left : left + width])
    film.close()
    return str(path)
