"""A stand-in for libuhd, compiled from uhd_double.c: UHD's C functions, devices that keep time, faults on demand.

`build(folder)` compiles it; `Laboratory(library)` sets what is on the bench and what goes wrong.
"""

import shutil
import subprocess
from pathlib import Path

from cffi import FFI

from radio.libraries.uhd_declarations import FUNCTIONS, TYPES

__all__ = ["Laboratory", "build"]
SOURCE = Path(__file__).with_name("uhd_double.c")
LABORATORY = """
struct laboratory {
    int channels, boards, pps, reference, gps, locked, no_gpsdo, unlocked_board, open;
    int out_of_sequence, late_start, underflow, sequence_error, full, silent;
    int64_t overflow_samples;
    double pps_phase_s;
    char broken[256], found[1024], calls[65536];
};
extern struct laboratory lab;
"""
HEADER = "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n"


def build(folder: Path) -> Path | None:
    """libuhd.so in ``folder``, or None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    (folder / "uhd_double.h").write_text(HEADER + TYPES + FUNCTIONS + LABORATORY)
    library = folder / "libuhd.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-I", folder, "-o", library, SOURCE]
    subprocess.run([*command, "-lm"], check=True)
    return library


class Laboratory:
    """The double's bench: its fields (see LABORATORY) as attributes, texts as str."""

    def __init__(self, library: Path) -> None:
        ffi = FFI()
        ffi.cdef(LABORATORY)
        object.__setattr__(self, "_ffi", ffi)
        object.__setattr__(self, "_lib", ffi.dlopen(str(library)))
        object.__setattr__(self, "_first", bytes(ffi.buffer(ffi.addressof(self._lib, "lab"))))

    def __getattr__(self, name):
        value = getattr(self._lib.lab, name)
        return self._ffi.string(value).decode() if isinstance(value, FFI.CData) else value

    def __setattr__(self, name, value):
        setattr(self._lib.lab, name, value.encode() if isinstance(value, str) else value)

    def restore(self):
        """Everything as it was at first."""
        self._ffi.buffer(self._ffi.addressof(self._lib, "lab"))[:] = self._first
