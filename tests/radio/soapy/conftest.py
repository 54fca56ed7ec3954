"""The real SoapySDR with the loopback device of tests/soapy_loopback, compiled for the occasion."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "soapy_loopback" / "loopback.cpp"
DEBIAN = Path("/usr/lib/python3/dist-packages")


@pytest.fixture(scope="session")
def soapy_loopback(tmp_path_factory):
    """Makes `import SoapySDR` work and its loopback driver known, or skips and says what is missing."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler for the loopback device: apt-get install g++ libsoapysdr-dev")
    plugins = tmp_path_factory.mktemp("soapy")
    library = plugins / "libtestloopback.so"
    command = [compiler, "-std=c++17", "-shared", "-fPIC", "-o", library, SOURCE, "-lSoapySDR"]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        pytest.skip("SoapySDR's headers are not installed: apt-get install libsoapysdr-dev")
    with pytest.MonkeyPatch.context() as patch:
        visible = tmp_path_factory.mktemp("site")  # Debian's module for its CPython fits every build of that version
        for part in (
            *DEBIAN.glob("SoapySDR.py"),
            *DEBIAN.glob(f"_SoapySDR.cpython-{sys.version_info[0]}{sys.version_info[1]}*"),
        ):
            (visible / part.name).symlink_to(part)
        patch.syspath_prepend(str(visible))
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(plugins))
        pytest.importorskip("SoapySDR", reason="SoapySDR is not installed: apt-get install python3-soapysdr")
        yield
