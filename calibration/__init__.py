"""Calibration: what a link's radios do wrong, measured with uncertainties, corrected, and kept. Knows radio only."""

import importlib.util
from pathlib import Path

_radio = importlib.util.find_spec("radio")
if _radio and _radio.origin and Path(_radio.origin).resolve().parents[1] != Path(__file__).resolve().parents[1]:
    raise ImportError(f"{_radio.origin} hides the package radio of semnoma-hil: rename it or start Python elsewhere")
