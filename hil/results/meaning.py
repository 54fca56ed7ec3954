"""Figures of what is judged by its meaning: generated pictures, and labels that were read from symbols."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hil.bus.plausible import plausible
from hil.results.rows import ResultRow


def known(values: Iterable[float | None]) -> list[float]:
    """Those that can be calculated with: a row from a file may hold any number."""
    return [value for value in values if plausible(value)]


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of what is known and plausible; None when nothing is."""
    found = known(values)
    return sum(found) / len(found) if found else None


def class_agrees(row: ResultRow) -> bool | None:
    """Whether a generated picture shows the class that was meant; None where nobody could tell."""
    if row.class_sent is None or row.class_received is None:
        return None
    return row.class_sent == row.class_received


def label_right(row: ResultRow) -> bool | None:
    """Whether the label read from the symbols is the picture's; None where its label is not known."""
    return None if row.label is None or row.label_sent is None else row.label == row.label_sent


def judged(row: ResultRow) -> list[str]:
    """What a generated picture is judged by, in words; [] where nothing is known."""
    found = []
    if row.class_received is not None:
        meant = f", meant {row.class_sent}" if class_agrees(row) is False else ""
        found.append(f"shows {row.class_received}{meant}")
    if row.caption_similarity is not None:
        found.append(f"caption {row.caption_similarity:.2f}")
    if row.st_lpips is not None:
        found.append(f"st-lpips {row.st_lpips:.3f}")
    return found


def generated_figures(rows: Sequence[ResultRow]) -> dict[str, Any] | None:
    """Generated pictures of a run: how many were sent and came, and means of what they are judged by; None: a run
    without.

    psnr_db is told for comparison and is in no other mean. class_agreement: share of those whose class is known.
    """
    own = [row for row in rows if row.generated]
    if not own:
        return None
    sources = Counter(row.generated_from for row in own if row.generated_from)
    return {
        "sent": len(own),
        "generated": sum(row.decoded for row in own),
        "from": [name for name, _ in sources.most_common()],
        "reason": max(own, key=lambda row: row.frame).generated,
        "class_agreement": mean(class_agrees(row) for row in own),
        "classes_known": sum(class_agrees(row) is not None for row in own),
        "caption_similarity": mean(row.caption_similarity for row in own),
        "st_lpips": mean(row.st_lpips for row in own),
        "psnr_db": mean(row.generated_psnr_db for row in own),
        "ssim": mean(row.generated_ssim for row in own),
    }


def task_figures(rows: Sequence[ResultRow]) -> dict[str, Any] | None:
    """Labels that were read from symbols: how many, how sure, and which share of those that can be checked is right;
    None for a run without.
    """
    own = [row for row in rows if row.label is not None]
    if not own:
        return None
    checked = [right for row in own if (right := label_right(row)) is not None]
    return {
        "labelled": len(own),
        "checked": len(checked),
        "accuracy": mean(checked),
        "confidence": mean(row.label_confidence for row in own),
    }
