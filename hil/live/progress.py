"""How far a run is, as the page and the terminal show it."""

from typing import Any

from hil.config import RunConfig


def progress(config: RunConfig, frames_done: int, frames_per_s: float | None) -> dict[str, Any]:
    """open_ended: a video, which is over when its pictures are; its number of frames is only the most there may be."""
    done, open_ended = min(config.frames, frames_done), bool(config.video.sources)
    left = None if open_ended else config.frames - done
    return {
        "frames": config.frames,
        "frames_done": done,
        "open_ended": open_ended,
        "images_per_s": round(frames_per_s * config.users, 2) if frames_per_s else None,
        "remaining_s": round(left / frames_per_s, 1) if frames_per_s and left is not None else None,
    }
