"""The error curves of a recording and its twin: distribution functions, one panel a quantity."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hil.errors import UsageError
from hil.twin.check import CheckResult

_RECORDING, _TWIN = "#2368c4", "#d9541e"
_TITLES = {
    "evm_db": "EVM of headers, dB",
    "user_snr_db": "SNR per user, dB",
    "payload_snr_db": "Payload SNR behind the equaliser, dB",
    "csi_error_db": "Expected CSI error, dB",
    "carrier_residual_ppm": "Carrier left after correction, ppm",
    "carrier_offset_ppm": "Carrier offset of the crystals, ppm",
    "arrival_samples": "Arrival, samples",
    "psnr_db": "PSNR of pictures, dB",
}


def plot_check(result: CheckResult, path: Path) -> None:
    """The file's ending names its format. Raises UsageError when it cannot be written."""
    found = result.check.comparisons
    rows = -(-max(len(found), 1) // 3)
    figure = Figure(figsize=(11, 3.2 * rows), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 3, squeeze=False).ravel()
    for axes, one in zip(panels, found, strict=False):
        for curves, colour, label in (
            (result.recording, _RECORDING, "recording"),
            (result.twin, _TWIN, "twin"),
        ):
            values = np.sort(np.concatenate([u[np.isfinite(u)] for u in curves.values[one.name]]))
            share = np.arange(1, values.size + 1) / values.size
            axes.step(values, share, where="post", color=colour, label=f"{label}, {values.size} bursts")
        axes.set_title(_TITLES[one.name], fontsize=10)
        axes.set_ylim(0, 1.02)
        axes.grid(alpha=0.35)
        axes.spines[["top", "right"]].set_visible(False)
        mark = "" if one.close else ", differs"
        axes.text(
            0.03, 0.93, f"KS {one.ks:.2f}, median {one.difference:+.2g}{mark}", transform=axes.transAxes, fontsize=8
        )
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("share of bursts below")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {error}.") from None
