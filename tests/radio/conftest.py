"""Shared by the tests of radio: both ways of computing."""

import pytest

from radio import acceleration


@pytest.fixture(params=["numba", "numpy"])
def each_backend(request, monkeypatch):
    """Runs a test twice: with the compiled loops and without."""
    if request.param == "numba" and not acceleration.NUMBA:
        pytest.skip("numba is absent or switched off")
    monkeypatch.setattr(acceleration, "NUMBA", request.param == "numba")
    monkeypatch.setattr(acceleration, "FFTW", acceleration.FFTW and request.param == "numba")
    return request.param
