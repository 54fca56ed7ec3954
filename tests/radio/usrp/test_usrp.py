"""The USRP backend over UHD's C interface, on a compiled stand-in for libuhd that keeps time."""

import contextlib
import time

import numpy as np
import pytest

from radio.device import RadioSettings
from radio.devices.usrp.find import find_devices
from radio.errors import ConfigurationError, DeviceError
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples
from tests.radio.opened import opening

RATE_HZ = 1e6
SETTINGS = RadioSettings(RATE_HZ, 2.45e9, tx_gain_db=10.0, rx_gain_db=20.0)
GUARD = TransmitGuard(GuardConfig(max_tx_gain_db=20))


@pytest.fixture
def radios(lab):
    with opening(GUARD, sentinel=False) as open_one:
        yield lambda role, options="", settings=SETTINGS: open_one(f"usrp:addr=127.0.0.1{options}", role, settings)


def noise(n, channels=1):
    rng = np.random.default_rng(4)
    return (rng.standard_normal((channels, n, 2)) @ [0.1, 0.1j]).astype(np.complex64)


def kinds(radio):
    return [event.kind for event in radio.events()]


def wait_for_event(radio, kind, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for event in radio.events():
            if event.kind == kind:
                return event
        time.sleep(0.02)
    raise AssertionError(f"no {kind}")


def assert_between(first, then, last, abs):
    """That of three clocks which are read one after the other the second agrees, however long that took."""
    earliest, time_s, latest = first(), then(), last()
    assert earliest - abs < time_s < latest + abs


def test_a_timed_burst_arrives_at_its_tick(lab, radios):
    tx, rx = radios("tx", "?clock=external&time=external"), radios("rx", "?clock=external&time=external")
    assert tx.capabilities.shared_clock and tx.capabilities.timed_transmit
    assert_between(tx.now_tick, rx.now_tick, tx.now_tick, abs=0.05 * RATE_HZ)
    # whole seconds of the wall clock
    assert_between(time.time, lambda: tx.now_tick() / RATE_HZ, time.time, abs=1.5)
    burst = noise(10_000)
    for lead in (200_000, 2_000_000, 10_000_000):  # soon, or when a busy machine is ready
        start = tx.now_tick() + lead
        tx.transmit(Samples(burst, start, RATE_HZ))
        got = rx.receive(start - 500, 11_000, timeout_s=60)
        events = kinds(tx) + kinds(rx)
        if not events:
            break
    assert got.start_tick == start - 500
    begin = int(np.flatnonzero(got.data[0])[0])
    assert abs(begin - 500) <= 1  # the double's ether rounds seconds in double precision
    np.testing.assert_allclose(got.data[0, begin : begin + 10_000], burst[0])
    assert events == []


def test_settings_are_read_back_and_limits_are_the_devices(lab, radios):
    radio = radios("rx", "?lo_offset=1e6&dc=1&antenna=RX2", None)
    assert radio.capabilities.center_frequency_hz == (10e6, 6e9)
    applied = radio.configure(RadioSettings(1e6, 2.45e9, rx_gain_db=20.3, bandwidth_hz=2e6))
    assert applied == RadioSettings(1e6, 2.45e9, None, 20.5, 2e6)
    assert {"lo_offset 1000000 0", "rx_dc 1 0", "antenna RX2 0 0"} <= set(lab.calls.splitlines())
    assert radio.hardware == "usrp X310 30AD" and radio.uri == "usrp:addr=127.0.0.1?lo_offset=1e6&dc=1&antenna=RX2"
    with pytest.raises(ConfigurationError, match=r"a carrier of 7000 MHz is not in 10 to 6000"):
        radio.configure(RadioSettings(1e6, 7e9))
    with pytest.raises(ConfigurationError, match=r"a gain of 40 dB is not in 0 to 31.5"):
        radio.configure(RadioSettings(1e6, 2e9, rx_gain_db=40))


def test_options_that_are_none_are_refused(lab, radios):
    with pytest.raises(ConfigurationError, match="dc is not an option; clock, time, antenna, channels, lo_offset are"):
        radios("tx", "?dc=0.01-0.02j")
    with pytest.raises(ConfigurationError, match="lo_offset is 'much', not a number"):
        radios("rx", "?lo_offset=much")


def test_two_channels_begin_at_a_time(radios):
    rx = radios("rx", "?channels=2")
    assert rx.receive(rx.now_tick() + 300_000, 1000).data.shape == (2, 1000)
    tx = radios("tx", "?channels=2")
    with pytest.raises(ConfigurationError, match="has 2 channels; a burst of 1"):
        tx.transmit(Samples(noise(10), tx.now_tick() + 10**6, RATE_HZ))
    with pytest.raises(ConfigurationError, match="has 2 channels, not 3"):
        radios("rx", "?channels=3")


def test_late_bursts_underflows_and_sequence_errors_are_events(lab, radios):
    tx = radios("tx")
    tx.transmit(Samples(noise(10), tx.now_tick() - 1000, RATE_HZ))
    assert kinds(tx) == [EventKind.LATE]
    lab.underflow = lab.sequence_error = 1
    tx.transmit(Samples(noise(1000), tx.now_tick() + 10**6, RATE_HZ))
    assert set(kinds(tx)) == {EventKind.UNDERFLOW, EventKind.SEQUENCE_ERROR}


def test_lost_samples_are_zeros_in_their_place(lab, radios):
    rx = radios("rx")
    rx.receive(rx.now_tick() + 150_000, 1000)
    lab.overflow_samples = 12_345
    event = wait_for_event(rx, EventKind.OVERFLOW)
    assert event.count == 12_345
    time.sleep(0.1)
    now = rx.now_tick()
    assert rx.receive(now, 1000).start_tick == now  # time goes on as the device counts it
    lab.out_of_sequence, lab.overflow_samples = 1, 500
    assert wait_for_event(rx, EventKind.SEQUENCE_ERROR).count == 500


def test_a_late_start_is_begun_again(lab, radios):
    lab.late_start = 1
    rx = radios("rx")
    wait_for_event(rx, EventKind.LATE)
    assert rx.receive(rx.now_tick() + 200_000, 1000).n_samples == 1000


def test_lost_lock(lab, radios):
    rx = radios("rx")
    rx.events()
    lab.locked = 0
    wait_for_event(rx, EventKind.LOST_LOCK)
    with pytest.raises(DeviceError, match="has no lock of its oscillator"):
        rx.configure(SETTINGS)


def test_cables_that_are_missing_are_named(lab, radios):
    lab.pps = 0
    with pytest.raises(DeviceError, match="sees no pulse per second on its external input"):
        radios("rx", "?time=external")
    lab.reference = 0
    with pytest.raises(DeviceError, match="no lock on the gpsdo 10 MHz reference"):
        radios("rx", "?clock=gpsdo")


def test_sources_that_the_device_has_not_are_named(lab, radios):
    lab.no_gpsdo = 1
    with pytest.raises(ConfigurationError, match="has no clock source gpsdo; it has internal, external"):
        radios("rx", "?clock=gpsdo")
    lab.no_gpsdo, lab.gps = 0, 0
    with pytest.raises(DeviceError, match="has no GPS lock; its antenna needs"):
        radios("rx", "?time=gpsdo")
    lab.boards, lab.unlocked_board = 2, 2  # the second one's cable
    with pytest.raises(DeviceError, match="no lock on the external 10 MHz reference"):
        radios("rx", "?clock=external")


def test_a_pulse_just_before_the_hosts_second_counts_that_second(lab, radios):
    """Whoever looks some milliseconds later counts the same: the time is rounded, not cut off."""
    lab.pps_phase_s = -0.2
    radio = radios("rx", "?time=external")
    assert_between(lambda: time.time() + 0.2, lambda: radio.now_tick() / RATE_HZ, lambda: time.time() + 0.2, abs=0.1)


def test_a_device_that_dies_or_falls_silent_is_one_sentence(lab, radios, monkeypatch):
    monkeypatch.setattr("radio.devices.usrp.receive._SILENT_DEVICE_S", 0.4)
    rx = radios("rx")
    rx.receive(rx.now_tick() + 150_000, 100)
    lab.silent = 1
    with pytest.raises(DeviceError, match=r"has sent no samples for 0.4 s"):
        rx.receive(rx.now_tick() + 500_000, 100)
    lab.silent = 0
    rx = radios("rx")
    lab.broken = "EnvironmentError: IOError: usb tx transfer status: LIBUSB_TRANSFER_NO_DEVICE"
    with pytest.raises(DeviceError, match="stopped receiving: EnvironmentError: IOError"):
        rx.receive(rx.now_tick() + 500_000, 100)
    lab.broken = ""
    tx = radios("tx")
    lab.full = 1
    with pytest.raises(DeviceError, match="took 0 of 50 samples"):
        tx.transmit(Samples(noise(50), tx.now_tick() + 10**6, RATE_HZ))


def test_no_device_at_an_address(lab):
    with pytest.raises(DeviceError, match=r"No USRP answers at addr=127.0.0.9"):
        open_radio("usrp:addr=127.0.0.9", role="rx")


@pytest.mark.parametrize("uri", ["usrp", "usrp:?channels=2"])
def test_a_bare_scheme_opens_the_only_usrp(lab, uri):
    lab.found = "type=b200,name=,serial=30CF9D2,product=B210"
    with contextlib.closing(open_radio(uri, role="rx")) as radio:
        assert radio.uri == "usrp:serial=30CF9D2" + uri[5:]


def test_a_bare_scheme_lists_several_and_says_when_there_is_none(lab):
    with pytest.raises(DeviceError, match="no USRP was found; check cable and power, or name it"):
        open_radio("usrp", role="rx")
    lab.found = "type=b200,serial=30CF9D2,product=B210\ntype=x300,addr=192.168.10.2,serial=3165A,product=X310"
    listed = r"2 are connected, name one of them: usrp:serial=30CF9D2 \(USRP B210 30CF9D2\), usrp:addr=192.168.10.2"
    with pytest.raises(ConfigurationError, match=listed):
        open_radio("usrp", role="rx")
    assert lab.calls == "find  0 0\n" * 2


def test_a_search_stays_off_the_network_unless_asked(lab):
    lab.found = "type=b200,serial=30CF9D2,product=B210"
    assert [device.uri for device in find_devices(network=False)] == ["usrp:serial=30CF9D2"]
    assert lab.calls == "find type=b200 0 0\n"


def test_sustained_reception_keeps_its_own_pace(radios):
    rx = radios("rx")
    tick = rx.now_tick() + 150_000
    for _ in range(20):
        block = rx.receive(tick, 50_000)
        assert block.start_tick == tick
        tick = block.end_tick
    assert kinds(rx) == []
