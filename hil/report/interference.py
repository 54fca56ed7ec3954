"""Tones of a run's rows, those of the same frequency together."""

from collections.abc import Sequence
from typing import Any

from hil.results.rows import FoundTone, ResultRow

SAME_HZ = 500.0  # a spur wanders by a few ppm of the carrier


def interference(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """Every tone with its mean frequency_hz, strongest power_db and number of frames; the most frequent first."""
    of_frames = {row.frame: row.tones for row in rows}  # all users of a frame have met the same
    heard = sorted(((tone, frame) for frame, tones in of_frames.items() for tone in tones), key=lambda one: one[0])
    groups: list[list[tuple[FoundTone, int]]] = []
    for tone, frame in heard:
        if not groups or tone.frequency_hz - groups[-1][-1][0].frequency_hz > SAME_HZ:
            groups.append([])
        groups[-1].append((tone, frame))
    found = [
        {
            "frequency_hz": sum(tone.frequency_hz for tone, _ in group) / len(group),
            "power_db": max(tone.power_db for tone, _ in group),
            "frames": len({frame for _, frame in group}),
        }
        for group in groups
    ]
    return sorted(found, key=lambda one: (-one["frames"], -one["power_db"]))
