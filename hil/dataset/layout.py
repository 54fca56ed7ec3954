"""The data sets of a capture: names, types, shapes, units and meaning. Writer, readers and documentation follow it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Part = Literal["slots", "iq", "csi", "truth"]
PARTS: tuple[Part, ...] = ("iq", "csi", "truth")  # that can be chosen; "slots" is always there
FILE = "capture.h5"
CHUNK_BYTES = 1 << 16  # of ragged data sets
SCALARS_PER_CHUNK = 256


@dataclass(frozen=True)
class Field:
    """One data set. shape: names of the dimensions of one slot's entry, each slot having one.

    ragged: the last dimension differs from entry to entry; stored flat beside NAME_first and NAME_count, which have the
    other dimensions.
    """

    name: str
    kind: str
    shape: tuple[str, ...]
    unit: str
    text: str
    ragged: bool = False

    @property
    def part(self) -> str:
        """The group it lies in."""
        return self.name.split("/")[0]

    @property
    def dtype(self) -> np.dtype:
        """As it is stored."""
        return np.dtype(self.kind)

    @property
    def missing(self) -> complex | float | int:
        """What stands where nothing is known."""
        return {"c": complex(np.nan, np.nan), "f": np.nan, "i": -1, "u": 0}[self.dtype.kind]

    def fixed_shape(self, sizes: dict[str, int]) -> tuple[int, ...]:
        """Of one slot's entry, without the ragged dimension."""
        return tuple(sizes[name] for name in (self.shape[:-1] if self.ragged else self.shape))


_U = ("users",)
_H = ("users", "antennas", "subcarriers")

FIELDS = (
    Field("slots/slot", "<i8", (), "", "number of the slot in its session; written last"),
    Field("slots/frame", "<i8", (), "", "frame that was sent in it; -1: a sounding probe without pictures"),
    Field("slots/slot_tick", "<i8", (), "ticks", "first sample of the slot's window"),
    Field("slots/burst_tick", "<i8", (), "ticks", "where bursts were expected to begin"),
    Field("slots/start_tick", "<i8", (), "ticks", "origin of the delays in csi/channel and truth/channel"),
    Field("slots/facts", "|u1", ("bytes",), "", "grant, reports, events and headers, JSON as in the SigMF annotations",
          ragged=True),
    Field("iq/samples", "<c8", ("antennas", "samples"), "full scale", "samples as the receiver had them"),
    Field("csi/snr_db", "<f8", (), "dB", "power of all users over the noise, per channel use, as estimated"),
    Field("csi/noise_power", "<f8", (), "full scale²", "estimated noise of a channel use"),
    Field("csi/detected", "|u1", _U, "", "1: the user's burst was found"),
    Field("csi/header_read", "|u1", _U, "", "1: its header came from the burst itself"),
    Field("csi/channel", "<c8", _H, "full scale", "estimated channel as a symbol of unit power sees it, lowest "
          "frequency first, at csi/measured_tick"),
    Field("csi/error_variance", "<f8", _U, "full scale²", "expected squared error of a value of csi/channel"),
    Field("csi/measured_tick", "<i8", _U, "ticks", "the time that csi/channel and truth/channel are of"),
    Field("csi/cfo_hz", "<f8", _U, "Hz", "carrier offset, transmitter minus receiver, after pre-correction"),
    Field("csi/delay_samples", "<f8", _U, "samples", "arrival from slots/burst_tick"),
    Field("csi/clock_ppm", "<f8", _U, "ppm", "how much faster the transmitter's sample clock runs"),
    Field("csi/doppler_hz", "<f8", _U, "Hz", "largest Doppler shift of its paths; 0: none found"),
    Field("csi/user_snr_db", "<f8", _U, "dB", "its power over the noise, in the training"),
    Field("csi/separated_sinr_db", "<f8", _U, "dB", "SINR of its payload symbols behind the separation"),
    Field("csi/symbols", "<c8", ("users", "k"), "", "equalised and separated symbols, what decoders read", ragged=True),
    Field("truth/snr_db", "<f8", (), "dB", "power of all users over the noise, per channel use"),
    Field("truth/noise_power", "<f8", (), "full scale²", "thermal noise of a sample and antenna"),
    Field("truth/user_snr_db", "<f8", _U, "dB", "each user's power over the noise"),
    Field("truth/channel", "<c8", _H, "full scale", "what csi/channel estimates"),
    Field("truth/cfo_hz", "<f8", _U, "Hz", "what csi/cfo_hz estimates"),
    Field("truth/precorrection_hz", "<f8", _U, "Hz", "by which the transmitter had lowered its carrier"),
    Field("truth/clock_ppm", "<f8", _U, "ppm", "what csi/clock_ppm estimates"),
    Field("truth/delay_samples", "<f8", _U, "samples", "first path's arrival from slots/burst_tick"),
    Field("truth/burst_start_tick", "<i8", _U, "ticks", "when the burst left"),
    Field("truth/tap_delays_samples", "<f8", ("users", "taps"), "samples", "of every path, from the burst's start",
          ragged=True),
    Field("truth/tap_gains", "<c16", ("users", "antennas × taps"), "", "gains of the paths, antenna by antenna",
          ragged=True),
    Field("truth/picture", "<i8", _U, "", "number of the picture in its source; -1: none"),
    Field("truth/height", "<i4", _U, "pixels", "of the picture that was sent"),
    Field("truth/width", "<i4", _U, "pixels", "of the picture that was sent"),
    Field("truth/image_id", "|u1", ("users", "bytes"), "", "its name, UTF-8", ragged=True),
    Field("truth/symbols", "<c8", ("users", "k"), "", "symbols that the encoder made, unit mean power", ragged=True),
    Field("truth/pictures", "|u1", ("users", "height × width × 3"), "", "the picture, RGB", ragged=True),
    Field("truth/items", "<f4", ("users", "values"), "", "what users sent who send no pictures", ragged=True),
)  # fmt: skip


def fields_of(parts: tuple[str, ...]) -> tuple[Field, ...]:
    """Those of a capture of these parts."""
    return tuple(field for field in FIELDS if field.part in ("slots", *parts))
