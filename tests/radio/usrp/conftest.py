"""The USRP backend on the compiled stand-in for libuhd."""

import pytest

from radio.libraries import uhd
from tests.uhd_double import Laboratory, build


@pytest.fixture(scope="session")
def uhd_double(tmp_path_factory):
    library = build(tmp_path_factory.mktemp("uhd"))
    if library is None:
        pytest.skip("no C compiler for the stand-in for libuhd")
    return library, Laboratory(library)


@pytest.fixture
def lab(uhd_double, monkeypatch):
    """The stand-in takes the place of libuhd; what is on its bench."""
    library, laboratory = uhd_double
    monkeypatch.setenv(uhd.VARIABLE, str(library))
    monkeypatch.setattr("radio.devices.usrp.link._LOCK_WAIT_S", 0.2)
    uhd.load.cache_clear()
    yield laboratory
    uhd.load.cache_clear()
    assert laboratory.open == 0, "a device was left open"
    laboratory.restore()
