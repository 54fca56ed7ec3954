"""A value with its standard uncertainty (JCGM 100:2008, "Guide to the expression of uncertainty in measurement")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError

BLOCKS = 32  # batches whose scatter tells the uncertainty of an average


@dataclass(frozen=True)
class Measurement:
    """value and standard_uncertainty (one standard deviation) in `unit`."""

    value: float
    standard_uncertainty: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.4g} ± {self.standard_uncertainty:.2g} {self.unit}".rstrip()


def combine(values: Sequence[float], deviations: Sequence[float], unit: str) -> Measurement:
    """Inverse-variance weighted mean of repeated values, each with its own standard deviation.

    The uncertainty is the larger of that which the deviations promise and that which the scatter shows (the Birge
    ratio). Raises CalibrationError when nothing is finite or the lengths differ.
    """
    if len(values) != len(deviations):
        raise CalibrationError(f"{len(values)} values need as many deviations, not {len(deviations)}.")
    pairs = [(v, s) for v, s in zip(values, deviations, strict=True) if np.isfinite(v) and np.isfinite(s) and s > 0]
    if not pairs:
        raise CalibrationError("There is no usable value to average.")
    kept, sigma = np.array(pairs).T
    weights = 1 / sigma**2
    mean = float(np.sum(weights * kept) / np.sum(weights))
    promised = float(1 / np.sqrt(np.sum(weights)))
    ratio = 1.0
    if kept.size > 1:
        ratio = float(np.sqrt(np.sum(weights * (kept - mean) ** 2) / (kept.size - 1)))
    return Measurement(mean, promised * max(1.0, ratio), unit)


def batch_deviation(statistic: Callable[[np.ndarray], np.ndarray], samples: np.ndarray) -> np.ndarray:
    """Standard uncertainties of a statistic of all samples [n], from its scatter over BLOCKS consecutive batches.

    statistic: complex64 [m] -> float [s]. Correlation between samples that is shorter than a batch is accounted for
    (batch means). Raises CalibrationError for fewer than 8 samples per batch.
    """
    if samples.size < 8 * BLOCKS:
        raise CalibrationError(f"{samples.size} samples are too few; at least {8 * BLOCKS} are needed.")
    length = samples.size // BLOCKS
    batches = samples[: length * BLOCKS].reshape(BLOCKS, length)
    return np.asarray(np.std([statistic(batch) for batch in batches], axis=0, ddof=1) / np.sqrt(BLOCKS))
