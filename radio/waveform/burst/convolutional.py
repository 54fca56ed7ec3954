"""The K = 7, rate-1/2 convolutional code (171, 133 octal) with a soft-decision Viterbi decoder."""

import numpy as np

from radio import acceleration

CONSTRAINT = 7
GENERATORS = (0o171, 0o133)
STATES = 1 << (CONSTRAINT - 1)


def encode(bits: np.ndarray) -> np.ndarray:
    """uint8 [n] -> uint8 [2 (n + 6)], ended in the zero state by six tail bits."""
    return np.asarray((_encoded_compiled if acceleration.NUMBA else _encoded)(bits))


def _encoded(bits: np.ndarray) -> np.ndarray:
    padded = np.concatenate([np.zeros(CONSTRAINT - 1, np.uint8), bits, np.zeros(CONSTRAINT - 1, np.uint8)])
    length = bits.size + CONSTRAINT - 1
    coded = np.zeros((length, len(GENERATORS)), np.uint8)
    for i, generator in enumerate(GENERATORS):
        for delay in _taps(generator):
            first = CONSTRAINT - 1 - delay
            coded[:, i] ^= padded[first : first + length]
    return coded.reshape(-1)


@acceleration.compiled
def _encoded_compiled(bits: np.ndarray) -> np.ndarray:
    """The same with a shift register, newest bit in the most significant place."""
    coded = np.zeros(2 * (bits.size + CONSTRAINT - 1), np.uint8)
    register = 0
    for t in range(bits.size + CONSTRAINT - 1):
        newest = bits[t] if t < bits.size else 0
        register = register >> 1 | newest << (CONSTRAINT - 1)
        for i in range(2):
            ones = register & GENERATORS[i]
            while ones:
                coded[2 * t + i] ^= ones & 1
                ones >>= 1
    return coded


def _taps(generator: int) -> list[int]:
    """Delays whose bits a generator adds; its most significant bit is the newest bit."""
    return [delay for delay in range(CONSTRAINT) if generator >> (CONSTRAINT - 1 - delay) & 1]


def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """previous state int [64, 2] and output signs float32 [64, 2, 2] (+1 for bit 0) by new state and branch."""
    previous = np.zeros((STATES, 2), np.int64)
    signs = np.zeros((STATES, 2, 2), np.float32)
    for state in range(STATES):  # state: the newest six bits, newest in the most significant place
        for branch in (0, 1):
            before = ((state << 1) & (STATES - 1)) | branch
            register = (state >> (CONSTRAINT - 2)) << (CONSTRAINT - 1) | before
            previous[state, branch] = before
            for i, generator in enumerate(GENERATORS):
                signs[state, branch, i] = 1 - 2 * (bin(register & generator).count("1") & 1)
    return previous, signs


_PREVIOUS, _SIGNS = _trellis()
_SIGNS_BY_BRANCH = np.ascontiguousarray(_SIGNS.transpose(1, 2, 0))  # [branch, output, new state]


def decode(soft: np.ndarray) -> np.ndarray:
    """Most likely bits: float32 [2 (n + 6)], positive for bit 0 -> uint8 [n] (Viterbi 1967)."""
    soft = soft.astype(np.float32, copy=False)
    if acceleration.NUMBA:
        return np.asarray(decode_compiled(soft))
    return np.asarray(_traced_back(_survivors(soft.reshape(-1, 2))))[: soft.size // 2 - (CONSTRAINT - 1)]


@acceleration.compiled
def decode_compiled(soft: np.ndarray) -> np.ndarray:
    """`decode` of float32, for compiled callers."""
    bits = _traced_back(_survivors_compiled(soft.reshape(-1, 2)))
    return bits[: bits.size - (CONSTRAINT - 1)]


@acceleration.compiled
def _traced_back(choices: np.ndarray) -> np.ndarray:
    """uint8 [t]: the bits of the path that ends in the zero state."""
    state, bits = 0, np.zeros(len(choices), np.uint8)
    for t in range(len(choices) - 1, -1, -1):
        bits[t] = state >> (CONSTRAINT - 2)
        state = _PREVIOUS[state, choices[t, state]]
    return bits


def _survivors(steps: np.ndarray) -> np.ndarray:
    """uint8 [t, states]: which branch into each state is the better one."""
    branch_metrics = np.einsum("sbi,ti->tsb", _SIGNS, steps)
    metric = np.full(STATES, -np.inf, np.float32)
    metric[0] = 0.0
    choices = np.zeros((len(steps), STATES), np.uint8)
    for t, gains in enumerate(branch_metrics):
        candidates = metric[_PREVIOUS] + gains
        choices[t] = candidates[:, 1] > candidates[:, 0]
        metric = candidates.max(axis=1)
    return choices


@acceleration.compiled
def _survivors_compiled(steps: np.ndarray) -> np.ndarray:
    """The same, branch by branch, in an order that vectorises."""
    signs = _SIGNS_BY_BRANCH
    choices = np.zeros((steps.shape[0], STATES), np.uint8)
    metric, following = np.full(STATES, -np.inf, np.float32), np.zeros(STATES, np.float32)
    metric[0] = 0.0
    for t in range(steps.shape[0]):
        x, y = steps[t, 0], steps[t, 1]
        for newest in range(0, STATES, STATES // 2):  # both states that come from the states 2 i and 2 i + 1
            for i in range(STATES // 2):
                first = metric[2 * i] + signs[0, 0, newest + i] * x + signs[0, 1, newest + i] * y
                second = metric[2 * i + 1] + signs[1, 0, newest + i] * x + signs[1, 1, newest + i] * y
                choices[t, newest + i] = second > first
                following[newest + i] = max(first, second)
        metric, following = following, metric
    return choices
