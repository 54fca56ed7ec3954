"""The real SoapySDR with the loopback device of tests/soapy_loopback, compiled for the occasion."""

import pytest

from tests.soapy_loopback import build


@pytest.fixture(scope="session")
def soapy_loopback(tmp_path_factory):
    """Makes the loopback driver known to SoapySDR, or skips and says what is missing."""
    plugins = tmp_path_factory.mktemp("soapy")
    if lacking := build(plugins):
        pytest.skip(lacking)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(plugins))
        yield
