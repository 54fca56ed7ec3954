"""Where over the band noise changes its covariance: neighbours are pooled wherever nothing speaks against it.

A part of the band with scatter S of n looks has the log-likelihood -n log det(S / n) and A^2 real parameters. The band
is halved again and again as long as that gains more than the parameters' price: the best pruning of a dyadic tree, from
the leaves up (Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984; price: Schwarz 1978).
The mean over trees that halve elsewhere has no steps where the noise has none (Coifman and Donoho 1995).
"""

import math

import numpy as np

from radio import acceleration

LOOKS_PER_ANTENNA = 2.0  # of a part; a covariance from fewer looks nulls users too
SURE = 7.0  # log-likelihood beyond a part's price before noise counts as coloured: hundreds of parts are tried
SINGULAR = 1e-9  # of a covariance's power: no direction has less
SHIFTS = (0, 79, 30, 109, 61, 12, 91, 42)  # of the band against the tree, evenly over its halvings
WARY = 0.9  # of a part's price: from there on the tree is grown


def pooled_covariance(scatter: np.ndarray, looks: np.ndarray) -> np.ndarray | None:
    """complex128 [active, antennas, antennas]; None where white noise of one power is as likely, all prices paid.

    scatter: as the covariance, sums over the looks float64 [active].
    """
    if not _suspect(scatter, looks):
        return None
    grow, total = _grown_compiled if acceleration.NUMBA else _grown, np.zeros_like(scatter)
    if not np.einsum("kaa->", scatter).real > 0:
        return None
    for shift in SHIFTS:
        counts = [len(scatter) + shift]
        while counts[-1] > 1:
            counts.append((counts[-1] + 1) // 2)
        one, gain = grow(scatter, looks, np.array(counts))
        if gain <= SURE:
            return None
        total += one
    return np.asarray(total / len(SHIFTS))


def _grown(scatter: np.ndarray, looks: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, float]:
    """Every subcarrier's covariance, that of its part, and by how much all parts, prices paid, are likelier than white
    noise. counts: nodes of each level of the tree, the root's last; before the band's the first have no looks."""
    antennas, total, shift = scatter.shape[1], counts.sum(), counts[0] - scatter.shape[0]
    sums, mass = np.zeros((total, antennas, antennas), np.complex128), np.zeros(total)
    cost, split = np.zeros(total), np.zeros(total, np.bool_)
    factor = np.empty((antennas, antennas), np.complex128)
    sums[shift : counts[0]], mass[shift : counts[0]] = scatter, looks
    begin, before, below = 0, 0, 0
    for count in counts:
        for i in range(count):
            node, left = begin + i, before + 2 * i
            if begin > 0:
                for child in range(left, left + (1 if 2 * i + 1 == below else 2)):
                    mass[node] += mass[child]
                    for a in range(antennas):
                        for b in range(a + 1):
                            sums[node, a, b] += sums[child, a, b]
            alone = begin > 0 and (2 * i + 1 == below or mass[left] == 0)
            if alone:
                cost[node], split[node] = cost[left if mass[left] > 0 else left + 1], True
                continue
            cost[node] = _cost(sums, node, mass[node], factor)
            if begin > 0:
                apart = cost[left] + cost[left + 1] + _price(antennas * antennas, mass[node])
                if apart < cost[node]:
                    cost[node], split[node] = apart, True
        before, begin, below = begin, begin + count, count
    power = 0.0
    for a in range(antennas):
        power += sums[-1, a, a].real / antennas
    white = mass[-1] * antennas * math.log(max(power / max(mass[-1], 1e-30), 1e-300))
    price = _price(antennas * antennas - 1, mass[-1]) if antennas > 1 else 0.0
    part, out = _parts(counts, split), np.empty_like(scatter)
    for i in range(out.shape[0]):
        node = part[shift + i]
        for a in range(antennas):
            for b in range(a + 1):
                out[i, a, b] = sums[node, a, b] / mass[node]
                out[i, b, a] = out[i, a, b].conjugate()
    return out, white - cost[-1] - price


def _suspect(scatter: np.ndarray, looks: np.ndarray) -> bool:
    """Whether any neighbourhood of 1, 2, 4, ... subcarriers differs from white noise by what a part costs: by far
    cheaper than the tree, and white noise is the rule.

    n |R - p I|^2 / (2 p^2) is the log-likelihood to second order.
    """
    active, antennas = scatter.shape[0], scatter.shape[1]
    total, power = 0.0, 0.0
    for k in range(active):
        total += looks[k]
        for a in range(antennas):
            power += scatter[k, a, a].real
    power = max(power / antennas / max(total, 1e-30), 1e-300)
    least = WARY * (SURE + 0.5 * antennas * antennas * math.log(max(total / active, 1.0)))
    sums, mass = np.zeros((active + 1, antennas, antennas), np.complex128), np.zeros(active + 1)
    sums[:active], mass[:active], count = scatter / power, looks, active
    factor = np.empty((antennas, antennas), np.complex128)
    while count > 0:
        for i in range(count):
            apart = 0.0
            for a in range(antennas):
                apart += (sums[i, a, a].real - mass[i]) ** 2
                for b in range(a):
                    apart += 2 * (sums[i, a, b].real ** 2 + sums[i, a, b].imag ** 2)
            if apart > 2 * least * mass[i]:
                trace = 0.0
                for a in range(antennas):
                    trace += sums[i, a, a].real - mass[i]
                if least < trace - _cost(sums, i, mass[i], factor) < math.inf:
                    return True
        last, count = count, 0 if count == 1 else (count + 1) // 2
        for i in range(count):
            left, right = 2 * i, min(2 * i + 1, last)  # an absent one is all 0
            mass[i] = mass[left] + mass[right]
            for a in range(antennas):
                for b in range(a + 1):
                    sums[i, a, b] = sums[left, a, b] + sums[right, a, b]
        if count > 0:
            mass[count:], sums[count:] = 0.0, 0.0
    return False


def _price(parameters: int, looks: float) -> float:
    return 0.5 * parameters * math.log(max(looks, 1.0))


def _cost(sums: np.ndarray, node: int, looks: float, factor: np.ndarray) -> float:
    """looks log det(sums[node] / looks) by Cholesky's factor; infinite where there are too few looks."""
    antennas = sums.shape[1]
    if antennas == 1 and looks >= LOOKS_PER_ANTENNA:
        return looks * math.log(max(sums[node, 0, 0].real / looks, 1e-300))
    if looks < LOOKS_PER_ANTENNA * antennas:
        return math.inf
    total, least = 0.0, 1e-300
    for i in range(antennas):
        least += SINGULAR * sums[node, i, i].real / looks
    for i in range(antennas):
        for j in range(i + 1):
            value = sums[node, i, j] / looks
            for k in range(j):
                value -= factor[i, k] * factor[j, k].conjugate()
            if i == j:
                pivot = max(value.real, least)
                factor[i, i] = 1 / math.sqrt(pivot)
                total += math.log(pivot)
            else:
                factor[i, j] = value * factor[j, j].real
    return looks * total


def _parts(counts: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Of every subcarrier the largest node above it that is not split."""
    part = np.arange(counts[0])
    for i in range(counts[0]):
        begin, place = 0, i
        for count in counts:
            if not split[begin + place]:
                part[i] = begin + place
            begin, place = begin + count, place // 2
    return part


_price, _cost, _parts = (acceleration.compiled(one) for one in (_price, _cost, _parts))
_suspect = acceleration.compiled(_suspect)
_grown_compiled = acceleration.compiled(_grown)
