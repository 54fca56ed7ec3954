"""Common parts of every training run: resume, learning rate, log, progress bar, checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import nn

from models.errors import ModelError
from models.training.config import RunBounds
from models.training.running.checkpoint import Progress, has_checkpoint, load_checkpoint, save_checkpoint
from models.training.running.curve import LOG_NAME, draw_curve
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.schedule import learning_rate_at
from models.training.running.shown import Display

BEST_NAME = "best"
SETTINGS_NAME = "settings.json"
LOG_EVERY_STEPS = 50


def refuse_overwrite(out: Path, resume: bool) -> None:
    """ModelError when ``out`` holds a checkpoint and resuming was not requested."""
    if has_checkpoint(out) and not resume:
        raise ModelError(f"{out} already holds a checkpoint: resume it or name another folder.")


def run_updates(
    settings: RunBounds,
    network: nn.Module,
    optimizer: torch.optim.Optimizer | MatrixOptimizer,
    update: Callable[[Progress], float],
    resume: bool,
    console: Console | None = None,
    writes: bool = True,
    judge: Callable[[], float] | None = None,
) -> Progress:
    """Call ``update`` (one optimiser step; returns a figure to log) until the minutes or steps, or those of this go,
    are spent.

    Of several processes that train together only one ``writes``; they must be bounded by steps, because
    their clocks differ. Writes ``settings.json``, the log with its table and picture (curve.py) and the checkpoint into
    ``settings.out``. With ``judge`` (a figure of merit; higher is better) and ``settings.patience`` the run may end
    early, and the best weights, kept in ``best/``, become the checkpoint. ModelError when a checkpoint cannot be
    resumed from or was started with another seed.
    """
    settings.out.mkdir(parents=True, exist_ok=True)
    progress = Progress(seed=settings.seed)
    if resume and has_checkpoint(settings.out):
        progress = load_checkpoint(settings.out, network, optimizer)
        if progress.seed != settings.seed:
            raise ModelError(f"the checkpoint was started with seed {progress.seed}, not {settings.seed}.")
    if writes:
        (settings.out / SETTINGS_NAME).write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
    console = console or Console(stderr=True)
    began = saved = time.monotonic()
    started = began - progress.elapsed_s
    first, go_s = progress.step, float("inf") if settings.go_minutes is None else 60 * settings.go_minutes
    recent: list[float] = []
    with Display(console, quiet=not writes, done=_share_done(settings, progress)) as display:
        while (share := _share_done(settings, progress)) < 1:
            if progress.step > first and time.monotonic() - began >= go_s:
                break
            rate = learning_rate_at(share, settings.learning_rate, settings.warmup_share, settings.constant_share)
            for group in optimizer.param_groups:
                group["lr"] = rate
            recent.append(update(progress))
            progress.step += 1
            progress.elapsed_s = time.monotonic() - started
            if writes and progress.step % LOG_EVERY_STEPS == 0:
                _log(settings.out, progress, float(np.mean(recent)), rate)
                display.show(share, progress.step, progress.images_seen, float(np.mean(recent)))
                recent.clear()
            if _judged_best(settings, progress, judge) and writes:
                save_checkpoint(settings.out / BEST_NAME, network, optimizer, progress)
            if writes and time.monotonic() - saved > settings.checkpoint_s:
                save_checkpoint(settings.out, network, optimizer, progress)
                draw_curve(settings.out)
                saved = time.monotonic()
    progress.finished = share >= 1
    if progress.finished and progress.best_figure is not None and writes:
        load_checkpoint(settings.out / BEST_NAME, network, optimizer)
    if writes:
        save_checkpoint(settings.out, network, optimizer, progress)
        draw_curve(settings.out)
    return progress


def _judged_best(settings: RunBounds, progress: Progress, judge: Callable[[], float] | None) -> bool:
    """Validate when it is time to, and note it in ``progress``; True when this is the best so far."""
    if judge is None or settings.patience is None or progress.step % settings.validate_steps:
        return False
    figure = judge()
    if progress.best_figure is None or figure > progress.best_figure:
        progress.best_figure, progress.without_gain = figure, 0
        return True
    progress.without_gain += 1
    progress.stopped = progress.without_gain >= settings.patience
    return False


def _share_done(settings: RunBounds, progress: Progress) -> float:
    if progress.stopped:
        return 1.0
    if settings.steps is not None:
        return progress.step / settings.steps
    return progress.elapsed_s / (60 * settings.minutes)


def _log(out: Path, progress: Progress, figure: float, rate: float) -> None:
    row = {
        "step": progress.step,
        "elapsed_s": round(progress.elapsed_s, 1),
        "images_seen": progress.images_seen,
        "figure": round(figure, 4),
        "learning_rate": rate,
    }
    with (out / LOG_NAME).open("a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")
