"""Which frames of an interrupted run are still to be sent."""

from pathlib import Path

from hil.results.rows import read_rows


def frames_to_send(run_folder: Path | None, frames: int, users: int) -> list[int]:
    """Frames of range(frames) for which not every user's result is recorded in run_folder."""
    if run_folder is None or not run_folder.exists():
        return list(range(frames))
    done = {(row.frame, row.user) for row in read_rows(run_folder)}
    return [frame for frame in range(frames) if not all((frame, user) in done for user in range(users))]
