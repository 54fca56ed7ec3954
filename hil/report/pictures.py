"""Pictures of a report: as they are, their difference, what a digital link of the same channel uses would show; and the
files of other modalities."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hil.bus.plausible import plausible_db
from hil.results.metrics import psnr_db
from hil.results.rows import ResultRow

DIFFERENCE_GAIN = 4  # errors of a good picture are a few of 255 grey levels
DIGITAL_FORMAT = "jpeg"
_LARGEST_SIDE_PIXELS = 512  # larger pictures are reduced for the page; the files in images/ are whole
_SMALL_SIDE_PIXELS = 100
_MOST_BYTES = 20_000_000  # of a sound in the page
_MOST_CHARACTERS = 10_000
_MOST_PIXELS = 100_000_000  # what a picture of a run may have; a larger file is no picture of ours
_LARGEST_DIGITAL_PIXELS = 256 * 256  # coding a picture in every quality takes time


def load(out: Path, name: str | None) -> np.ndarray | None:
    """uint8 [H, W, 3]; None when it is missing, broken, or its name leads out of the run folder."""
    if not name:
        return None
    path = (out / name).resolve()
    if not path.is_relative_to(out.resolve()) or not path.is_file():
        return None
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            return np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def embedded(pixels: np.ndarray | None) -> dict[str, Any] | None:
    """A picture, uint8 [H, W, 3], as data URI with the size it is shown at; None stays None."""
    if pixels is None:
        return None
    shown = Image.fromarray(pixels)
    facts = {"small": max(shown.size) < _SMALL_SIDE_PIXELS, "pixels": f"{shown.width} × {shown.height}"}
    shown.thumbnail((_LARGEST_SIDE_PIXELS, _LARGEST_SIDE_PIXELS))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {**facts, "uri": uri, "width": shown.width, "height": shown.height}


def picture(out: Path, name: str | None) -> dict[str, Any] | None:
    """A picture of the run folder as data URI, or None as `load` has it."""
    return embedded(load(out, name))


def shown_file(out: Path, name: str | None) -> dict[str, Any] | None:
    """A file of another modality: sound as data URI under "sound", text under "text", else a picture; or None."""
    if name is None or not name.endswith((".wav", ".txt")):
        return picture(out, name)
    path = (out / name).resolve()
    if not path.is_relative_to(out.resolve()) or not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return None
    content = path.read_bytes()
    if name.endswith(".txt"):
        return {"text": content.decode("utf-8", "replace")[:_MOST_CHARACTERS]}
    return {"sound": "data:audio/wav;base64," + base64.b64encode(content).decode()}


def difference(sent: np.ndarray | None, received: np.ndarray | None) -> np.ndarray | None:
    """Received minus sent, `DIFFERENCE_GAIN` times, around mid-grey: uint8 [H, W, 3]; None unless both are alike."""
    if sent is None or received is None or sent.shape != received.shape:
        return None
    errors = DIFFERENCE_GAIN * (received.astype(np.int32) - sent.astype(np.int32))
    return np.clip(errors + 128, 0, 255).astype(np.uint8)


def digital(sent: np.ndarray | None, row: ResultRow, users: int) -> np.ndarray | None:
    """What JPEG over 5G LDPC and QAM shows at this row's channel uses and SNR, users taking turns: uint8 [H, W, 3].

    All users arrive equally strong, without fading, which is in its favour. None where figures are not known.
    """
    snr_db = row.snr_db_true if row.snr_db_true is not None else row.snr_db_estimated
    if (
        sent is None
        or not plausible_db(snr_db)
        or row.channel_uses < users
        or sent[..., 0].size > _LARGEST_DIGITAL_PIXELS
    ):
        return None
    from models.digital.link import time_shared_bits
    from models.digital.sources import best_within, code_picture

    bits = float(time_shared_bits(np.ones(users), snr_db, row.channel_uses)[row.user])
    return best_within(code_picture(sent, DIGITAL_FORMAT), bits).decode()


def card(out: Path, row: ResultRow, users: int) -> dict[str, Any]:
    """Everything that is shown of one user's picture in one frame."""
    if row.modality != "picture":
        kinds = {"original": row.original_image, "received": row.received_image}
        return {"row": row, "digital_psnr_db": None, "difference": None, "digital": None,
                **{kind: shown_file(out, name) for kind, name in kinds.items()}}  # fmt: skip
    sent, received = load(out, row.original_image), load(out, row.received_image)
    other = digital(sent, row, users)
    shown = {"original": sent, "received": received, "difference": difference(sent, received), "digital": other}
    figures = {"digital_psnr_db": psnr_db(sent, other) if sent is not None and other is not None else None}
    return {"row": row, **{name: embedded(pixels) for name, pixels in shown.items()}, **figures}
