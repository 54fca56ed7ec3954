"""Measure ``link_table.json``: ``python -m models.digital.measure_link FILE`` (needs the extra ``digital``)."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import torch

BLOCKS, MOST_FAILING, STEP_DB, ITERATIONS = 200, 0.01, 0.25, 20
RATES = {2: (0.21, 0.33, 0.5, 0.67), 4: (0.4, 0.5, 0.6, 0.7), 6: (0.55, 0.65, 0.75, 0.85), 8: (0.7, 0.8, 0.9)}
BLOCK_SYMBOLS = (256, 1024)


def block_error_rate(bits_per_symbol: int, code_rate: float, symbols: int, snr_db: float, blocks: int) -> float:
    """Share of blocks with an error after 5G LDPC, QAM, AWGN, exact demapping and belief propagation."""
    from sionna.phy.fec.ldpc import LDPC5GDecoder, LDPC5GEncoder
    from sionna.phy.mapping import Demapper, Mapper

    coded = symbols * bits_per_symbol
    encoder = LDPC5GEncoder(round(coded * code_rate), coded, num_bits_per_symbol=bits_per_symbol)
    decoder = LDPC5GDecoder(encoder, num_iter=ITERATIONS, hard_out=True, return_infobits=True)
    generator = torch.Generator().manual_seed(symbols + bits_per_symbol)
    bits = torch.randint(0, 2, (blocks, encoder.k), generator=generator).float()
    sent = Mapper("qam", bits_per_symbol)(encoder(bits))
    noise_power = 10 ** (-snr_db / 10)
    noise = torch.randn(sent.shape, dtype=sent.dtype, generator=generator)
    llr = Demapper("app", "qam", bits_per_symbol)(sent + math.sqrt(noise_power) * noise, torch.tensor(noise_power))
    return float((decoder(llr) != bits).any(dim=1).float().mean())


def threshold_db(bits_per_symbol: int, code_rate: float, symbols: int) -> float:
    """Least SNR on the grid, upwards from the capacity limit, at which at most 1 % of the blocks fail."""
    limit_db = 10 * math.log10(2 ** (bits_per_symbol * code_rate) - 1)
    step = math.ceil((limit_db + 0.5) / STEP_DB)  # No block of this length comes nearer to the limit.
    while True:
        # A look at a few blocks is enough to pass over the hopeless steps.
        for blocks in (20, BLOCKS):
            if block_error_rate(bits_per_symbol, code_rate, symbols, step * STEP_DB, blocks) > MOST_FAILING:
                break
        else:
            return step * STEP_DB
        step += 1


def main(path: Path) -> None:
    """Write the table, a row as soon as it is measured."""
    rows = []
    for symbols in BLOCK_SYMBOLS:
        for bits_per_symbol, code_rates in RATES.items():
            for code_rate in code_rates:
                row = {"bits_per_symbol": bits_per_symbol, "code_rate": code_rate, "block_symbols": symbols}
                rows.append(row | {"threshold_db": threshold_db(bits_per_symbol, code_rate, symbols)})
                table = {
                    "method": f"Sionna 5G LDPC, {ITERATIONS} iterations, Gray QAM, AWGN, {BLOCKS} blocks, "
                    f"at most {MOST_FAILING:.0%} of blocks failing, grid {STEP_DB} dB",
                    "rates": rows,
                }
                path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
                print(rows[-1], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
