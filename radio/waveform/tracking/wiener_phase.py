"""A phase that wanders, smoothed no more than it wanders: the oscillators' linewidth is measured on the way.

The phase of an oscillator with a Lorentzian line of width b Hz is a Wiener process, whose steps over a time T have the
variance q = 2 pi b T (Demir, Mehrotra and Roychowdhury 2000; in OFDM: Wu and Bar-Ness 2004). A phasor of energy E in
noise shows it with the variance R = noise_power / (2 E). Kalman's filter forwards and Rauch, Tung and Striebel's pass
back give its least mean square estimate (Sarkka, "Bayesian Filtering and Smoothing", 8.2). q is the one of a grid that
makes the filter's innovations likeliest; a scale common to q and R, as the pilots' noise may be more than the
receiver's, is likeliest in closed form.

Innovations are angles to the prediction, which is why no phase has to be unwrapped.
"""

import math

import numpy as np

from radio import acceleration

SMALLEST_RATIO, LARGEST_RATIO, RATIO_STEP = 1e-5, 1e4, 10**0.5  # q over a typical R
WORSE_RATIOS = 4  # in a row, after which larger ones are not tried
TURN = 2 * math.pi
LARGEST_ERROR = 1e9  # of a phase of which nothing is known, over R


def wiener_smoothed(common: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Phase in rad, float64 [symbols], of phasors complex128 [symbols] without a mean slope.

    energy: float64 [symbols], mean of a phasor, 0 where nothing is known (its phase is then its neighbours').
    """
    symbols = common.size
    angle, error = np.zeros(symbols), np.empty(symbols)  # R, relative to that of the mean energy
    known, total = 0, 0.0
    for m in range(symbols):
        if energy[m] > 0:
            known, total = known + 1, total + math.log(energy[m])
            angle[m] = math.atan2(common[m].imag, common[m].real)
    if known == 0:
        return np.zeros(symbols)
    typical = math.exp(total / known)
    for m in range(symbols):
        error[m] = typical / energy[m] if energy[m] > 0 else 0.0
    phase, variance = np.empty(symbols), np.empty(symbols)
    best, likeliest, ratio, worse = SMALLEST_RATIO, -math.inf, SMALLEST_RATIO, 0
    while ratio <= LARGEST_RATIO and worse < WORSE_RATIOS:
        likelihood = _filtered(angle, error, ratio, phase, variance)
        worse += 1
        if likelihood > likeliest:
            best, likeliest, worse = ratio, likelihood, 0
        ratio *= RATIO_STEP
    _filtered(angle, error, best, phase, variance)
    for m in range(symbols - 2, -1, -1):
        phase[m] += variance[m] / (variance[m] + best) * (phase[m + 1] - phase[m])
    return phase


def _filter(angle: np.ndarray, error: np.ndarray, ratio: float, phase: np.ndarray, variance: np.ndarray) -> float:
    """Kalman's filter into phase and variance (over a typical R), float64 [symbols]; the log-likelihood of ratio."""
    squares, determinant, count = 0.0, 0.0, 0
    state, spread, first = 0.0, LARGEST_ERROR, True
    for m in range(angle.size):
        spread = min(spread + ratio, LARGEST_ERROR)
        if error[m] > 0:
            innovation = angle[m] - state
            innovation -= TURN * math.floor(innovation / TURN + 0.5)
            expected = spread + error[m]
            if not first:
                squares, determinant, count = (
                    squares + innovation**2 / expected,
                    determinant + math.log(expected),
                    count + 1,
                )
            state += spread / expected * innovation
            spread *= error[m] / expected
            first = False
        phase[m], variance[m] = state, spread
    if count == 0:
        return 0.0
    return -0.5 * (count * math.log(max(squares / count, 1e-30)) + determinant)


_filtered = acceleration.compiled(_filter)
wiener_smoothed_compiled = acceleration.compiled(wiener_smoothed)
