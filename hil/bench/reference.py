"""Reference: liquid-dsp's single-user OFDM frame receiver in C, on a burst as long as ours."""

import importlib.util
from collections.abc import Callable

import numpy as np

SUBCARRIERS = 256
CP_SAMPLES = 32
BLOCK_SAMPLES = 4096
SAMPLES_PER_BYTE = 7.4  # what its default modulation and code take
NOISE_POWER = 0.01


def reference_receiver(samples: int) -> tuple[Callable[[], None], int] | None:
    """A call that receives one frame of about `samples`, and how many these are; None where it is not installed.

    The call raises RuntimeError when the frame was not received.
    """
    if importlib.util.find_spec("liquid") is None:
        return None
    import liquid

    rng = np.random.default_rng(1)
    transmitter = liquid.ofdmflexframetx(SUBCARRIERS, CP_SAMPLES, 0)
    transmitter.assemble(None, rng.integers(0, 256, int(samples / SAMPLES_PER_BYTE), dtype=np.uint8))
    symbols = []
    while transmitter.assembled:
        symbols.append(np.array(transmitter.generate(SUBCARRIERS + CP_SAMPLES), np.complex64))
    silence = np.zeros(2 * BLOCK_SAMPLES, np.complex64)
    burst = np.concatenate([*symbols, silence])
    noise = rng.standard_normal((burst.size, 2)).astype(np.float32).view(np.complex64)[:, 0]
    received = burst + noise * np.float32(np.sqrt(NOISE_POWER / 2))
    blocks = np.split(received, range(BLOCK_SAMPLES, received.size, BLOCK_SAMPLES))
    frames: list[int] = []
    receiver = liquid.ofdmflexframerx(
        SUBCARRIERS, CP_SAMPLES, 0, lambda _, __, payload, ___: frames.append(payload.size)
    )

    def receive() -> None:
        before = receiver.num_payloads_valid
        for block in blocks:
            receiver.execute(block)
        if receiver.num_payloads_valid != before + 1:
            raise RuntimeError("liquid-dsp did not receive a frame of the benchmark")

    return receive, received.size
