"""The comparison page: curves with confidence intervals, tables and pictures of several runs, in one file."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hil import __version__
from hil.experiments.gather import Source, curve_name, read_source, x_axis
from hil.experiments.statistics import Interval, interval
from hil.report.build import render, write_page
from hil.report.pictures import picture

_METRICS = (("psnr_db", "PSNR (dB)"), ("ssim", "SSIM"), ("ms_ssim", "MS-SSIM"))
_NAMES = {"snr_db": "SNR (dB)", "tx_gain_db": "transmit gain (dB)", "rx_gain_db": "receive gain (dB)"}
_MOST_PICTURES = 8  # columns of the picture table
_MOST_CURVES = 12  # its rows
_PROVENANCE = ("version", "git_commit", "machine_cpu", "machine_cores", "machine_os", "machine_python", "packages")

Key = tuple[str, str]  # channel, curve


def build_comparison(folders: Sequence[Path], path: Path) -> Path:
    """Write the page; returns its path. Raises ResultsError for a folder that holds no results."""
    sources = [read_source(folder) for folder in folders]
    return write_page(path, render("comparison.html.j2", context(sources)))


def context(sources: Sequence[Source]) -> dict[str, Any]:
    """What the template shows."""
    x = x_axis(sources)
    groups = _grouped(sources, x)
    names = sorted({curve for _, curve in groups})
    channels = sorted({channel for channel, _ in groups})
    return {
        "name": ", ".join(source.name for source in sources),
        "x_name": _NAMES.get(x, x),
        "images": sum(len(source.rows) for source in sources),
        "decoded": sum(bool(row.get("decoded")) for source in sources for row in source.rows),
        "curves": len(names),
        "channels": channels,
        "plots": [plot for channel in channels for plot in _plots(groups, channel, x, names)],
        "lines": [line for key in sorted(groups) for line in _lines(key, groups[key])],
        "pictures": [_pictures(groups, channel) for channel in channels],
        "sources": [_provenance(source) for source in sources],
        "version": __version__,
    }


def _grouped(sources: Sequence[Source], x: str) -> dict[Key, dict[float, list[tuple[Source, dict[str, Any]]]]]:
    """(channel, curve) -> x -> rows, x ascending."""
    found: dict[Key, dict[float, list[tuple[Source, dict[str, Any]]]]] = {}
    for source in sources:
        for row in source.rows:
            value = row.get(x)
            if not isinstance(value, int | float):
                value = float("nan")
            key = (str(row.get("channel") or ""), curve_name(source, row, x, len(sources) > 1))
            found.setdefault(key, {}).setdefault(float(value), []).append((source, row))
    return {key: dict(sorted(values.items())) for key, values in found.items()}


def _figure(rows: Sequence[tuple[Source, dict[str, Any]]], name: str) -> Interval | None:
    return interval(row.get(name) for _, row in rows)


def _plots(groups: Any, channel: str, x: str, names: Sequence[str]) -> list[Any]:
    from hil.report import charts

    drawn = []
    for name, title in _METRICS:
        lines = {}
        for (where, curve), points in sorted(groups.items()):
            known: list[tuple[float, Interval]] = []
            for value, rows in points.items() if where == channel else ():
                figure = _figure(rows, name)
                if figure is not None and not math.isnan(value):
                    known.append((value, figure))
            if known:
                lines[curve] = ([v for v, _ in known], [f.mean for _, f in known], [f.half for _, f in known])
        if lines:
            drawn.append(charts.curves(f"{title.split(' ')[0]}, {channel}", _NAMES.get(x, x), title, lines, names))
    return drawn


def _lines(key: Key, points: Any) -> list[dict[str, Any]]:
    """Table rows of one curve."""
    made = []
    for value, rows in points.items():
        decoded = sum(bool(row.get("decoded")) for _, row in rows)
        figures = {name: _figure(rows, name) for name, _ in _METRICS}
        losses = [_loss_db(row) for _, row in rows]
        facts = {"channel": key[0], "curve": key[1], "x": value, "decoded": decoded, "sent": len(rows)}
        misses = [row["deadline_missed"] for _, row in rows if row.get("deadline_missed") is not None]
        missed = sum(misses) if misses else None
        made.append({**facts, **figures, "loss_db": interval(losses), "missed": missed})
    return made


def _loss_db(row: dict[str, Any]) -> float | None:
    ideal, psnr = row.get("ideal_psnr_db"), row.get("psnr_db")
    return None if ideal is None or psnr is None else ideal - psnr


def _pictures(groups: Any, channel: str) -> dict[str, Any]:
    """The channel's first picture as every curve shows it at every x."""
    curves = [(curve, points) for (where, curve), points in sorted(groups.items()) if where == channel][:_MOST_CURVES]
    wanted = next((_name(row) for _, points in curves for rows in points.values() for _, row in rows), None)
    xs = sorted({value for _, points in curves for value in points})
    step = max(1, -(-len(xs) // _MOST_PICTURES))
    xs = xs[::step]
    original, lines = None, []
    for curve, points in curves:
        cells = []
        for value in xs:
            match = next(((s, row) for s, row in points.get(value, ()) if _name(row) == wanted), None)
            shown = picture(match[0].folder, match[1].get("received_image")) if match else None
            cells.append({"picture": shown, "psnr_db": match[1].get("psnr_db") if match else None})
            if match and original is None:
                original = picture(match[0].folder, match[1].get("original_image"))
        if any(cell["picture"] for cell in cells):
            lines.append({"curve": curve, "cells": cells})
    return {"channel": channel, "xs": xs, "original": original, "image_id": wanted or "", "lines": lines}


def _name(row: dict[str, Any]) -> str:
    return str(row.get("image_id") or "")


def _provenance(source: Source) -> dict[str, Any]:
    """What the rows say about how they were made; a plain run keeps that in its own folder."""
    facts = {
        name: ", ".join(sorted({str(row[name]) for row in source.rows if row.get(name) is not None}))
        for name in (*_PROVENANCE, "weights_sha256", "calibrations")
    }
    seeds = sorted({row["seed"] for row in source.rows if row.get("seed") is not None})
    own = {"images": str(len(source.rows)), "seeds": ", ".join(map(str, seeds))}
    digests = {row["config_digest"] for row in source.rows if row.get("config_digest")}
    configs = {json.dumps(row["config"]) for row in source.rows if row.get("config")}
    if digests:
        own["configurations"] = f"{len(digests)} ({min(digests)[:12]}…)" if configs else str(len(digests))
    return {
        "name": source.name,
        "facts": {**own, **{name: text for name, text in facts.items() if text not in ("", "{}")}},
    }
