"""UHD's C interface: our declarations against uhd.h, the real library without a device, and exact times."""

import ctypes.util
import re

import pytest
from cffi import FFI
from hypothesis import given
from hypothesis import strategies as st

from radio.errors import DeviceError
from radio.libraries import uhd
from radio.libraries.uhd_declarations import FUNCTIONS, TYPES
from radio.safety.open import open_radio
from tests.radio.libraries import compile_with_header, layout

STRUCTURES = re.findall(r"} ?\s*(uhd_\w+_t);", TYPES)


def test_the_declarations_are_those_of_uhd_h(tmp_path):
    ffi = FFI()
    ffi.cdef(TYPES)
    assert len(STRUCTURES) == 6
    enums = FUNCTIONS.replace("int* error_code_out", "uhd_rx_metadata_error_code_t* error_code_out")
    compile_with_header(enums, "uhd.h", tmp_path, STRUCTURES, layout(ffi))


@pytest.fixture
def real_uhd():
    if ctypes.util.find_library("uhd") is None:
        pytest.skip("libuhd is not installed: apt-get install uhd-host")
    uhd.load.cache_clear()
    ffi, lib = uhd.load()
    return ffi, lib


def test_the_real_library_has_every_function(real_uhd):
    _, lib = real_uhd
    names = re.findall(r"uhd_error (uhd_\w+)\(", FUNCTIONS)
    assert len(names) > 80 and all(hasattr(lib, name) for name in names)
    assert re.match(r"[34]\.\d+", uhd.text(lib.uhd_get_version_string))


def test_without_a_device_the_real_library_gives_one_sentence(real_uhd):
    assert uhd.find("addr=127.0.0.1") == []
    with pytest.raises(DeviceError, match=r"^No USRP answers at addr=127.0.0.1,type=usrp2; check its address"):
        open_radio("usrp:addr=127.0.0.1,type=usrp2", role="rx")


def test_sensors_and_ranges_of_the_real_library_need_no_device(real_uhd):
    ffi, lib = real_uhd
    value = ffi.new("uhd_sensor_value_handle*")
    uhd.check(lib.uhd_sensor_value_make_from_bool(value, b"ref", True, b"locked", b"unlocked"))
    assert uhd.answer("bool", lib.uhd_sensor_value_to_bool, value[0]) is True
    lib.uhd_sensor_value_free(value)
    metadata = ffi.new("uhd_tx_metadata_handle*")
    uhd.check(lib.uhd_tx_metadata_make(metadata, True, 1_790_000_000, 0.25, True, False))
    lib.uhd_tx_metadata_free(metadata)
    empty = ffi.new("uhd_meta_range_handle*")
    uhd.check(lib.uhd_meta_range_make(empty))
    with pytest.raises(uhd.UhdError, match="empty"):  # the text of an exception in C++
        uhd.answer("double", lib.uhd_meta_range_start, empty[0])
    lib.uhd_meta_range_free(empty)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    uhd.load.cache_clear()
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(DeviceError, match="cannot be opened: the library uhd is not installed; apt-get install"):
        open_radio("usrp", role="rx")


@given(st.integers(0, 1 << 62), st.sampled_from([1e6, 4e6, 61.44e6, 200e6 / 3, 30.72e6]))
def test_ticks_and_seconds_are_one_anothers_inverse(tick, rate_hz):
    """Also at the wall clock's 1.8e9 seconds, where a product of doubles is off by many samples."""
    full, fraction = uhd.seconds(tick, rate_hz)
    assert 0 <= fraction < 1 or (fraction == 1.0 and full >= 0)
    assert uhd.ticks(full, fraction, rate_hz) == tick
