"""One line of results.jsonl: a user's picture in a frame. Written by `writer`."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hil.results.live import LiveFacts

LINES = "results.jsonl"


class ResultsError(Exception):
    """The results folder cannot be written or read; the message is one sentence for the user."""


class FoundTone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A tone that was taken out of a frame's samples: Hz from the carrier, and dB of full scale, over the antennas."""

    frequency_hz: float
    power_db: float


class ResultRow(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One user's picture, or item of another modality, in one frame. None: unknown, not measured or not finite.

    PSNR is at most 100 dB. PSNR and SSIM are of pictures only; every modality has its `score`, a picture's is its PSNR.
    """

    frame: int
    user: int
    decoded: bool
    reason: str | None  # why not decoded
    modality: str = "picture"
    score_name: str = "PSNR"
    score_unit: str = "dB"
    score: float | None = None  # higher is better, whatever it is
    delivered_score: float | None = None  # of what its user has: the decoded item, or what stands for a lost one
    ideal_score: float | None = None  # the same modality without a waveform
    image_id: str = ""
    picture: int = 0
    height: int = 0  # pixels; of another modality the numbers of its header
    width: int = 0
    channel_uses: int = 0
    burst_pictures: int = 1  # of this user in the burst that carried this one
    overhead: float | None = None  # share of that burst's samples for preamble, training and header
    psnr_db: float | None = None
    ssim: float | None = None
    delivered_psnr_db: float | None = None  # of what a viewer has: the decoded picture, or grey in place of a lost one
    delivered_ssim: float | None = None
    ideal_psnr_db: float | None = None  # the same codec without a waveform
    ideal_ssim: float | None = None
    psnr_unrefined_db: float | None = None
    refined: bool = False
    refine_passes: int | None = None  # of a frame with a deadline: passes that still fitted
    deadline_ms: float | None = None
    answer_ms: float | None = None  # from the frame's last sample to this picture; only with a deadline
    deadline_missed: bool | None = None  # later than the deadline, or no picture at all
    generated: str | None = None  # why this slot's pictures are generated from a coarse code; None: they are pictures
    generated_from: str | None = None  # what, and by which network
    generated_psnr_db: float | None = None  # of a generated picture, which has no `psnr_db`: it is no measure of one
    generated_ssim: float | None = None
    st_lpips: float | None = None  # distance to the eye from the picture that was meant; less is better
    class_sent: str | None = None  # the label in its note, or what a classifier sees in the original
    class_received: str | None = None  # what a classifier sees in the generated picture
    caption_similarity: float | None = None  # of the caption sent and that of class_received, as sentences; 1 is alike
    label: str | None = None  # that a task gives the picture, from its symbols alone
    label_confidence: float | None = None
    label_sent: str | None = None  # the label in its note, where there is one
    cancelled_users: list[int] = msgspec.field(default_factory=list)
    sharing: str | None = None  # how users shared the symbols of this frame, for codecs that leave it open
    sharing_reason: str | None = None
    predicted_psnr_db: float | None = None  # mean over the users, when the way was chosen
    predicted_worst_db: float | None = None
    # SNRs are powers over noise per channel use and antenna: of all users together, or of one.
    snr_db_estimated: float | None = None
    snr_db_true: float | None = None  # with the gains and the fading that this burst met
    user_snr_db_true: float | None = None
    user_snr_db: float | None = None  # as the training before the payload showed it
    cfo_hz: float | None = None
    cfo_true_hz: float | None = None
    delay_samples: float | None = None
    delay_true_samples: float | None = None
    clock_ppm: float | None = None
    evm_db: float | None = None
    payload_sinr_db: float | None = None  # the user's power over all that no user's signal explains, on the payload
    separated_sinr_db: float | None = None  # of the user's own payload symbols, after separation
    hit_symbols: int | None = None  # OFDM symbols of the payload that are far worse than the rest
    erased_symbols: int | None = None  # those of them in which nothing of the user is left
    bits_bytes: int | None = None  # protected bits beside the picture; None: the burst had none
    bits_symbols: int | None = None  # OFDM symbols that they took
    bits_delivered: bool | None = None  # every one of them as it was sent
    caption: str | None = None  # that was sent in them, and that arrived
    caption_received: str | None = None
    refined_with_text: bool | None = None  # whether the refiner was told it; None: none that reads texts ran
    note: dict[str, str] = {}  # what else arrived in them: the picture's name as identity, metadata
    channel_gain_db: float | None = None
    doppler_hz: float | None = None  # largest shift of the user's paths; 0 where none was found
    beyond_prefix: float | None = None  # share of the channel's power that comes later than the cyclic prefix lasts
    tones: list[FoundTone] = []  # that the frame's samples held, DC among them; their number is the event interference
    csi_age_s: float | None = None
    csi_used_slot: int | None = None
    precorrection_hz: float | None = None
    advance_ticks: int | None = None  # by which the burst left earlier
    gain_db: float | None = None  # on top of the configured transmit gain
    loops: dict[str, str] = {}  # states of the coordinator's loops for this user
    papr_db: float | None = None
    latency_ms: dict[str, float] = {}
    events: dict[str, int] = {}
    seeds: dict[str, int] = {}
    live: LiveFacts | None = None  # of a picture that came by itself, as a camera's
    received_image: str | None = None  # relative to the results folder; a file of another kind where it is no picture
    original_image: str | None = None


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numpy scalars become Python's, what is not finite becomes None."""
    if value is None or type(value) is int or type(value) is bool:  # most of a row
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):  # a file name need not be UTF-8
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        # A map has no place for "unknown": its entry is left out.
        entries = ((key, plain(entry)) for key, entry in value.items())
        return {key: entry for key, entry in entries if entry is not None}
    return value


def encode_row(row: ResultRow) -> bytes:
    """One line of results.jsonl, newline included."""
    return msgspec.json.encode({name: plain(getattr(row, name)) for name in row.__struct_fields__}) + b"\n"


def read_rows(out: Path) -> list[ResultRow]:
    """Every whole row in the order of recording; [] when there is no file. Raises ResultsError."""
    with explained(Path(out)):
        return read_lines(Path(out) / LINES)[0]


def read_lines(path: Path) -> tuple[list[ResultRow], int]:
    """Rows and the number of bytes of whole lines. What follows the last newline is a torn line."""
    if not path.exists():
        return [], 0
    content = path.read_bytes()
    whole_bytes = content.rfind(b"\n") + 1
    decoder = msgspec.json.Decoder(ResultRow)
    rows = []
    for number, line in enumerate(content[:whole_bytes].split(b"\n")[:-1], start=1):
        try:
            rows.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ResultsError(f"{path}, line {number} is no result: {error}") from error
    return rows, whole_bytes


@contextmanager
def explained(where: Path) -> Iterator[None]:
    """An OSError becomes a ResultsError of one sentence."""
    try:
        yield
    except OSError as error:
        raise ResultsError(f"{where}: {error.strerror or error}.") from error
