"""The real SoapySDR with the loopback device of tests/soapy_loopback, compiled for the occasion."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "soapy_loopback" / "loopback.cpp"


@pytest.fixture(scope="session")
def soapy_loopback(tmp_path_factory):
    """Makes the loopback driver known to SoapySDR, or skips and says what is missing."""
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
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(plugins))
        yield
