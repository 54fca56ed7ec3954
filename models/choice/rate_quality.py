"""How good a codec's pictures are, from the number of symbols and their SINR: the table that its training measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.package.manifest import CodecManifest

BEYOND = 0.5  # of the last slope in dB per dB, above the table's highest SINR, where pictures saturate
BEYOND_DB = 5.0


@dataclass(frozen=True)
class RateQuality:
    """psnr_db: float [counts, sinrs], over complex channels of a latent position (counts, growing) and SINR in dB."""

    counts: NDArray[np.float64]
    sinrs_db: NDArray[np.float64]
    psnr_db: NDArray[np.float64]

    @classmethod
    def of(cls, manifest: CodecManifest) -> RateQuality:
        """The first table of ``metrics.psnr_db`` by channels and SINR. ModelError when the manifest has none."""
        for table in manifest.metrics.get("psnr_db", {}).values():
            try:
                rows = {
                    int(count): {float(sinr): float(psnr) for sinr, psnr in row.items()} for count, row in table.items()
                }
                counts, sinrs = sorted(rows), sorted(next(iter(rows.values())))
                values = np.array([[rows[count][sinr] for sinr in sinrs] for count in counts])
            except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
                continue
            if len(counts) > 1 and len(sinrs) > 1 and counts[0] > 0 and np.isfinite(values).all():
                return cls(np.array(counts, float), np.array(sinrs), values)
        raise ModelError(f"codec {manifest.name} does not say what PSNR it reaches with how many symbols.")

    def predicted_db(self, count: float, sinr_db: float) -> float:
        """PSNR with ``count`` channels at ``sinr_db``: linear in the SINR in dB and in log2 of the channels.

        Below the table its first slopes go on. Above its SINRs half the last slope does, for 5 dB; above its counts
        nothing is gained.
        """
        by_count = np.array([self._over_sinr(row, sinr_db) for row in self.psnr_db])
        octaves = np.log2(self.counts)
        place = np.log2(count)
        if place < octaves[0]:
            return float(by_count[0] + (by_count[1] - by_count[0]) / (octaves[1] - octaves[0]) * (place - octaves[0]))
        return float(np.interp(place, octaves, by_count))

    def layered_db(self, layers: Sequence[tuple[int, float]]) -> float:
        """PSNR of channels that meet different SINRs: (number of channels, SINR in dB) in the order of the code.

        A prefix is a code of its own and what follows refines it, so that each layer adds what the table says that its
        channels add at its SINR.
        """
        total, sent = 0.0, 0
        for count, sinr_db in layers:
            total += self.predicted_db(sent + count, sinr_db) - (self.predicted_db(sent, sinr_db) if sent else 0.0)
            sent += count
        return total

    def _over_sinr(self, row: NDArray[np.float64], sinr_db: float) -> float:
        sinrs = self.sinrs_db
        if sinr_db < sinrs[0]:
            return float(row[0] + (row[1] - row[0]) / (sinrs[1] - sinrs[0]) * (sinr_db - sinrs[0]))
        slope = BEYOND * (row[-1] - row[-2]) / (sinrs[-1] - sinrs[-2])
        return float(np.interp(sinr_db, sinrs, row) + slope * min(max(sinr_db - sinrs[-1], 0.0), BEYOND_DB))
