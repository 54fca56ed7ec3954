"""A SoapySDR driver whose devices hear each other, compiled from loopback.cpp against the real SoapySDR."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("loopback.cpp")


def build(folder: Path) -> str:
    """Put the driver into ``folder``, for SOAPY_SDR_PLUGIN_PATH; what is missing as a sentence, or nothing."""
    compiler = shutil.which("g++")
    if compiler is None:
        return "no C++ compiler for the loopback device: apt-get install g++ libsoapysdr-dev"
    library = folder / "libtestloopback.so"
    command = [compiler, "-std=c++17", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-lSoapySDR"]
    built = subprocess.run(command, capture_output=True, text=True)
    return "SoapySDR's headers are not installed: apt-get install libsoapysdr-dev" if built.returncode else ""
