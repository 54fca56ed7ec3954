"""The coordinator's choice of how users share their symbols, from what the receiver reports of their channels.

Each report predicts the PSNR of every way of sharing. What the next slot will be like is told by the last report where
channels stay, and by the mean of the last reports where every slot has a channel of its own; whichever has told the
better so far is believed. A way is left only for one that promises more by a margin.
"""

import logging
from collections import deque
from collections.abc import Collection

import numpy as np

from hil.bus.messages import CsiReport, SharedBy
from hil.bus.plausible import plausible_db
from hil.config import PICTURE, RunConfig
from hil.session.responses import correlation, responses
from models.choice.sharing_choice import Prediction, SharingChooser, worth_db
from models.errors import ModelError
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder
from models.sharing import AUTO, Sharing

log = logging.getLogger(__name__)

MARGIN_DB = 0.05  # of mean PSNR, by which another way must be better: less than anybody sees
REMEMBERED = 8  # reports
_FORGETTING = 0.7
_TRUST_IN_LAST = 1.2  # the error of the last report's word may be greater by this: it follows changes at once


def open_chooser(config: RunConfig) -> SharingChooser | None:
    """For the configured codec; None, with a warning where sharing is "auto", for one that does not say what PSNR it
    reaches or is not here. None for one with a fixed way of sharing, too, and where not all users send pictures.
    """
    if any(config.modality_of(user) != PICTURE for user in range(config.users)):
        return None
    try:
        manifest = load_manifest(codec_folder(config.codec))
        if not manifest.takes_any_share:
            return None
        return SharingChooser.of(manifest, config.users, config.codec_channels, config.sharing_objective)
    except ModelError as error:
        if config.sharing == AUTO:
            log.warning("%s How its users share cannot be chosen, so that they part.", error)
        return None


class SharingControl:
    """`take` every report, then `choice` for the next slot. chooser: None where there is nothing to choose."""

    def __init__(self, config: RunConfig, chooser: SharingChooser | None) -> None:
        self._config, self._chooser = config, chooser
        self._auto = config.sharing == AUTO
        self._history: deque[dict[str, float]] = deque(maxlen=REMEMBERED)  # worth in dB by way
        self._newest: dict[str, Prediction] = {}
        self._errors = np.zeros(2)  # of the last report's word and of the mean's
        self._circumstances = ""
        self._current: str | None = None

    def take(self, report: CsiReport, lost_users: Collection[int] = ()) -> None:
        """One slot's report; left out where it does not tell the channels of all users but the lost ones.

        A user who was not found in one slot is there again in the next, and must not find the others on its symbols.
        """
        gains = responses(report, self._config.users) if self._chooser else None
        if self._chooser is None or gains is None:
            return
        seen = np.abs(gains).max(axis=(1, 2)) > 0
        if not seen.any() or not set(np.flatnonzero(~seen).tolist()) <= set(lost_users):
            return
        if self._auto:
            found = self._chooser.predictions(gains, 1.0)
        else:
            found = [self._chooser.predict(self._config.codec_sharing, gains, 1.0)]
        self._newest = {_way(one.sharing): one for one in found}
        objective = self._config.sharing_objective
        values = {way: worth_db(one.psnr_db[seen], objective) for way, one in self._newest.items()}
        if self._history and self._history[-1].keys() != values.keys():  # of another number of antennas
            self._history.clear()
            self._errors = np.zeros(2)
        if self._history:
            last, mean = self._history[-1], self._means()
            step = [sum((values[w] - told[w]) ** 2 for w in values) for told in (last, mean)]
            self._errors = _FORGETTING * self._errors + np.array(step)
        self._history.append(values)
        snr_db = f"{report.snr_db:.1f} dB" if plausible_db(report.snr_db) else "an unknown SNR"
        users, antennas = gains.shape[:2]
        self._circumstances = (
            f"{users} user{'s' * (users > 1)} on {antennas} antenna{'s' * (antennas > 1)} at {snr_db}"
            + f", correlation {correlation(gains):.2f}" * (users > 1)
        )

    def choice(self) -> SharedBy | None:
        """For the next slot; None where the codec has one fixed way."""
        if self._chooser is None:
            return None
        if not self._history:
            form = self._config.codec_sharing.form
            return SharedBy(form, "no channel has been reported yet" if self._auto else "as configured")
        expected = self._expected()
        best = max(expected, key=lambda way: expected[way])
        held = self._current
        if held is None or held not in expected or expected[best] > expected[held] + MARGIN_DB:
            held = best
        self._current = held
        chosen = self._newest[held]
        reason = self._reason(expected, held, best) if self._auto else "as configured"
        mean_db = chosen.mean_db if self._config.sharing_objective == "worst" else expected[held]
        return SharedBy(chosen.sharing.form, reason, round(mean_db, 3), round(chosen.worst_db, 3))

    def _means(self) -> dict[str, float]:
        return {way: float(np.mean([values[way] for values in self._history])) for way in self._history[-1]}

    def _expected(self) -> dict[str, float]:
        last, mean = self._errors
        return self._history[-1] if last <= _TRUST_IN_LAST * mean else self._means()

    def _reason(self, expected: dict[str, float], held: str, best: str) -> str:
        """One sentence: what it promises, beside the ends of the scale, and in which circumstances."""
        beside = [way for way in ("parted", "superposed") if way != held and way in expected]
        gains = ", ".join(f"{expected[held] - expected[way]:+.1f} dB against {way}" for way in beside)
        kept = f"; kept, as {best} promises no {MARGIN_DB:g} dB more" if best != held else ""
        whom = " to the worst user" if self._config.sharing_objective == "worst" else ""
        return f"{held} promises {expected[held]:.1f} dB{whom} ({gains or 'alone'}): {self._circumstances}{kept}"


def _way(sharing: Sharing) -> str:
    """A name that stays while groups of the same number change their members."""
    return sharing.form if sharing.groups is None else f"{max(sharing.groups) + 1} groups"
