"""The comparison as one HTML page and as a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hil import __version__
from hil.comparing.figures import FIGURES, compare, same_pictures
from hil.comparing.runs import IDENTITY, ComparedRun, differing
from hil.experiments.comparison import context
from hil.experiments.gather import read_source
from hil.experiments.statistics import Interval
from hil.report.build import render, write_page
from hil.report.pictures import shown_file
from hil.report.words import WORDS
from hil.results.rows import ResultRow

MOST_PICTURES = 12
ALONG_A_CURVE = {"snr_db", "seed", "air.seed", "codec", "refine", "channel", "frames"}


def build_page(runs: Sequence[ComparedRun], path: Path) -> tuple[Path, dict[str, Any]]:
    """Write the page; returns its path and what `compare` says. Raises ResultsError."""
    from hil.report import charts

    facts = compare(runs)
    unit = f"{facts['score_name']}{' (' + facts['score_unit'] + ')' if facts['score_unit'] else ''}"
    users = sorted({one["user"] for run in facts["runs"] for one in run["per_user"]})
    plots = [
        drawn
        for title, name, axis in (("Score by user", "score", unit), ("SINR on the payload", "payload_sinr_db", "dB"))
        if (drawn := charts.by_run(title, axis, _by_user(facts, name), users)) is not None
    ]
    values = {
        **facts,
        "name": " / ".join(run.name for run in runs),
        "words": WORDS,
        "score_title": unit,
        "plots": plots + _curves(runs),
        "pictures": _pictures(runs),
        "most_pictures": MOST_PICTURES,
        "version": __version__,
    }
    return write_page(path, render("runs.html.j2", values)), facts


def csv_table(facts: dict[str, Any]) -> bytes:
    """A line per run and user, and one per run for all users: figures and half widths of their 95 % intervals."""
    names = ["run", "user", "sent", "decoded"]
    names += [f"{name}{suffix}" for name in FIGURES for suffix in ("", "_ci95")] + ["frames"]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for run in facts["runs"]:
        for one in [{**run, "user": "all"}, *run["per_user"]]:
            line = {"run": run["name"], **{name: one[name] for name in ("user", "sent", "decoded")}}
            for name in FIGURES:
                figure: Interval | None = one[name]
                line[name] = None if figure is None else round(figure.mean, 6)
                line[f"{name}_ci95"] = None if figure is None or figure.half is None else round(figure.half, 6)
            line["frames"] = one["score"].n if one["score"] else 0
            writer.writerow(line)
    return text.getvalue().encode()


def _by_user(facts: dict[str, Any], name: str) -> dict[str, dict[int, tuple[float, float | None]]]:
    """run -> user -> mean and half width."""
    return {
        run["name"]: {one["user"]: (one[name].mean, one[name].half) for one in run["per_user"] if one[name]}
        for run in facts["runs"]
    }


def _curves(runs: Sequence[ComparedRun]) -> list[Any]:
    """Quality over the SNR, where the runs differ in it and in nothing that a curve does not tell."""
    names = {one["name"] for one in differing(runs) if not one["name"].startswith(IDENTITY)}
    if "snr_db" not in names or names - ALONG_A_CURVE:
        return []
    # Without the runs' names: those of one codec are points of one curve.
    plots: list[Any] = context([replace(read_source(run.folder), name="") for run in runs])["plots"]
    return plots


def _pictures(runs: Sequence[ComparedRun]) -> list[dict[str, Any]]:
    """Pictures that all runs sent: the original, and each run's with its row."""
    first = runs[0]
    partners = [{(a.frame, a.user): b for a, b in same_pictures(first, run)} for run in runs[1:]]
    found: list[dict[str, Any]] = []
    for row in first.rows:
        others = [partner.get((row.frame, row.user)) for partner in partners]
        if any(other is None for other in others):
            continue
        if len(found) == MOST_PICTURES:
            break
        each = [(first, row), *((run, other) for run, other in zip(runs[1:], others, strict=True) if other)]
        original = next((shown for run, one in each if (shown := _shown(run, one, "original"))), None)
        found.append({
            "image_id": row.image_id,
            "user": row.user,
            "frame": row.frame,
            "original": original,
            "cells": [{"run": run.name, "row": one, "picture": _shown(run, one, "received")} for run, one in each],
        })  # fmt: skip
    return found


def _shown(run: ComparedRun, row: ResultRow, kind: str) -> dict[str, Any] | None:
    return shown_file(run.folder, getattr(row, f"{kind}_image"))
