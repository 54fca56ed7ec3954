"""The Pluto backend over the real libiio and pyadi-iio, against the emulated device."""

import time

import numpy as np
import pytest

from radio.device import RadioSettings, require_applied
from radio.devices.pluto_link import missing
from radio.devices.pluto_samples import from_adc, to_dac
from radio.errors import ConfigurationError, DeviceError, TransmitRefused
from radio.safety.guard import GuardConfig, TransmitGuard
from radio.safety.open import open_radio
from radio.samples import EventKind, Samples
from tests.emulated_pluto import EmulatedAir, EmulatedPluto
from tests.emulated_pluto.attributes import PHY
from tests.radio.opened import opening

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
RATE_HZ, LO_HZ = 1e6, 2.45e9
SETTINGS = RadioSettings(RATE_HZ, LO_HZ, tx_gain_db=-10.0, rx_gain_db=40.0)
GUARD = TransmitGuard(GuardConfig(max_tx_gain_db=-5))


@pytest.fixture
def air():
    return EmulatedAir()


@pytest.fixture
def pluto(air):
    made = []

    def make(**options):
        device = EmulatedPluto(air, device=len(made), **options)
        made.append(device)
        return device

    yield make
    for device in made:
        if not device.stopped.is_set():
            device.stop()


@pytest.fixture
def radios():
    with opening(GUARD) as open_one:
        yield lambda device, role, options="", settings=SETTINGS: open_one(
            f"pluto:{device.address}{options}", role, settings
        )


def tone(n=1000, cycles=10, amplitude=0.5):
    return (amplitude * np.exp(2j * np.pi * cycles * np.arange(n) / n)).astype(np.complex64)[np.newaxis]


def kinds(radio):
    return [event.kind for event in radio.events()]


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def undisturbed(take, *devices):
    """What `take` returns on a machine that kept pace meanwhile: the emulated devices run in real time."""
    for _ in range(20):
        before = [dict(device.converters.losses) for device in devices]
        taken = take()
        if [device.converters.losses for device in devices] == before:
            return taken
    pytest.skip("this machine is too busy for radios in real time")


def test_limits_are_the_devices_own_and_settings_are_read_back(pluto, radios):
    device = pluto()
    radio = radios(device, "rx", settings=None)
    assert radio.capabilities.center_frequency_hz == (325e6, 3.8e9)
    assert radio.capabilities.rx_gain_db == (-3.0, 71.0)
    assert not radio.capabilities.timed_transmit and radio.capabilities.repeat_transmit
    applied = radio.configure(RadioSettings(1e6, 2.4500000004e9, rx_gain_db=40.4, bandwidth_hz=1e5))
    assert applied == RadioSettings(1e6, 2.45e9, None, 40.0, 200e3)
    assert device.table.values[(PHY, "in:voltage0", "gain_control_mode")].value == "manual"
    assert device.table.values[(PHY, "in:out", "voltage_filter_fir_en")].value == "1"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (RadioSettings(1e6, 5e9), r"a carrier of 5000 MHz is not in 325 to 3800"),
        (RadioSettings(5e5, LO_HZ), r"a sample rate of 0.5 Msamples/s is not in 0.520834 to 61.44"),
        (RadioSettings(1e6, LO_HZ, rx_gain_db=72.0), r"a gain of 72 dB is not in -3 to 71"),
    ],
)
def test_what_the_device_cannot_do_is_refused_with_its_limits(pluto, radios, settings, sentence):
    radio = radios(pluto(), "rx", settings=None)
    with pytest.raises(ConfigurationError, match=sentence):
        radio.configure(settings)


@pytest.mark.parametrize("repeat", ["stream", "cyclic"])
def test_a_period_goes_round_and_arrives(pluto, radios, repeat):
    transmitter, receiver = pluto(), pluto()
    tx, rx = radios(transmitter, "tx", f"?repeat={repeat}"), radios(receiver, "rx")
    tx.transmit(Samples(tone(1000, 37), 0, RATE_HZ))
    data = undisturbed(lambda: rx.receive(rx.now_tick() + 450_000, 50_000).data[0], transmitter, receiver)
    spectrum = np.abs(np.fft.fft(data)) / data.size
    assert np.argmax(spectrum) == 37 * 50
    # -10 dB of gain, -40 dB of path, +40 dB of gain, and full scale is half of the converter's range
    assert spectrum.max() == pytest.approx(0.5 * 0.5 * 10 ** (-10 / 20), rel=0.02)
    assert set(kinds(rx)) <= ({EventKind.OVERFLOW} if receiver.converters.losses["rx"] else set())
    assert set(kinds(tx)) <= ({EventKind.UNDERFLOW} if transmitter.converters.losses["tx"] else set())


def test_rotation_moves_a_burst_within_its_period(pluto, radios):
    transmitter = pluto()
    tx = radios(transmitter, "tx", "?repeat=cyclic")
    pulse = np.zeros((1, 1000), np.complex64)
    pulse[0, :10] = 0.9
    for start_tick in (0, 250, 3990):
        tx.transmit(Samples(pulse, start_tick, RATE_HZ))
        sent = np.abs(transmitter.converters._cyclic)
        assert set(np.flatnonzero(sent)) == {(start_tick + k) % 1000 for k in range(10)}


def test_the_phase_of_a_streamed_period_outlasts_its_content(pluto, radios):
    transmitter, receiver = pluto(), pluto()
    tx, rx = radios(transmitter, "tx"), radios(receiver, "rx")

    def phase(start_tick):
        """Where in the receiver's periods of 5000 the pulse arrives."""
        pulse = np.zeros((1, 5000), np.complex64)
        pulse[0, :50] = 0.9
        tx.transmit(Samples(pulse, start_tick, RATE_HZ))
        data = np.abs(rx.receive((rx.now_tick() // 5000 + 90) * 5000, 10_000).data[0]) > 0.1
        return int(np.flatnonzero(data & ~np.roll(data, 1))[0])

    first, again, turned = undisturbed(lambda: (phase(0), phase(0), phase(1200)), transmitter, receiver)
    assert again == first
    assert (turned - first) % 5000 == 1200
    assert set(kinds(tx)) <= ({EventKind.UNDERFLOW} if transmitter.converters.losses["tx"] else set())


def test_the_gain_is_at_its_lowest_until_there_is_something_to_send(pluto, radios, air):
    device = pluto()
    gain = device.table.values[(PHY, "out:voltage0", "hardwaregain")]
    power = device.table.values[(PHY, "out:altvoltage1", "powerdown")]
    tx = radios(device, "tx")
    assert (float(gain.value.split()[0]), power.value) == (-89.75, "1")
    tx.transmit(Samples(tone(), 0, RATE_HZ))
    assert (float(gain.value.split()[0]), power.value) == (-10.0, "0")
    wait_for(lambda: air.emissions)
    tx.close()
    assert (float(gain.value.split()[0]), power.value) == (-89.75, "1")
    wait_for(lambda: not air.emissions)


def test_the_guard_stands_before_the_device(pluto, radios):
    radio = radios(pluto(), "tx", settings=None)
    with pytest.raises(TransmitRefused, match="at most -5 dB"):
        radio.configure(RadioSettings(1e6, LO_HZ, tx_gain_db=-4.0))
    with pytest.raises(TransmitRefused, match="configured"):
        radio.transmit(Samples(tone(), 0, RATE_HZ))


def test_clipping_is_counted_in_both_directions(pluto, radios):
    transmitter, receiver = pluto(), pluto()
    tx = radios(transmitter, "tx")
    rx = radios(receiver, "rx", settings=RadioSettings(RATE_HZ, LO_HZ, rx_gain_db=71.0))
    tx.transmit(Samples(tone(), 0, RATE_HZ))
    begin = rx.now_tick() + 200_000
    rx.receive(begin, 1000)
    [event] = [event for event in rx.events() if event.kind == EventKind.CLIPPED]
    assert event.count > 1000


def test_samples_meet_the_converters_without_wrapping():
    data = np.array([[1.0, -1.0j, 0.5 + 0.25j, 1.5, 1 / 4096]], np.complex64)
    words, clipped = to_dac(data)
    assert words.dtype == np.int16 and clipped == 1
    np.testing.assert_array_equal(words[:8], [16384, 0, 0, -16384, 8192, 4096, 16384, 0])
    assert words[8] == 0 and not np.any(words % 16)
    raw = np.array([2047, -2048, 1024, -512], "<i2").tobytes()
    got, clipped = from_adc(raw, 1)
    np.testing.assert_allclose(got, [[2047 / 2048 - 1j, 0.5 - 0.25j]])
    assert (got.dtype, clipped) == (np.complex64, 1)
    assert from_adc(raw + b"torn", 2)[0].shape == (2, 1)


def test_a_retune_discards_what_was_sampled_before(pluto, radios):
    transmitter, receiver = pluto(), pluto()
    tx, rx = radios(transmitter, "tx"), radios(receiver, "rx", "?buffer=4096")
    tx.transmit(Samples(tone(), 0, RATE_HZ))
    before = rx.receive(rx.now_tick() + 450_000, 5_000)
    rx.configure(RadioSettings(RATE_HZ, 2.46e9, rx_gain_db=40.0))
    after = rx.receive(rx.now_tick(), 5_000)
    assert np.abs(before.data).mean() > 0.05
    assert np.abs(after.data).max() < 0.01
    assert after.start_tick >= before.end_tick


def test_two_channels(pluto, radios):
    device = pluto(channels=2)
    rx = radios(device, "rx", "?channels=2")
    assert rx.receive(0, 3000).data.shape == (2, 3000)
    with pytest.raises(DeviceError, match="has 1 channel, not 2"):
        radios(pluto(), "rx", "?channels=2")


def test_tracking_is_switched_by_the_address(pluto, radios):
    device = pluto()
    radios(device, "rx", "?quadrature=0&bb_dc=1")
    values = device.table.values
    assert values[(PHY, "in:voltage0", "quadrature_tracking_en")].value == "0"
    assert values[(PHY, "in:voltage0", "bb_dc_offset_tracking_en")].value == "1"


def test_a_filter_of_ones_own(pluto, radios, tmp_path):
    device, path = pluto(), tmp_path / "mine.ftr"
    path.write_text("RX 3 GAIN -6 DEC 4\nTX 3 GAIN 0 INT 4\n" + "1,1\n" * 64)
    radios(device, "rx", f"?fir={path}")
    assert device.table.read((PHY, "", "filter_fir_config")).count("1,1") == 64
    assert device.table.values[(PHY, "in:out", "voltage_filter_fir_en")].value == "1"
    with pytest.raises(ConfigurationError, match=r"none.ftr does not exist"):
        radios(device, "tx", f"?fir={tmp_path / 'none.ftr'}")


def test_a_second_program_is_told_that_the_device_is_taken(pluto, radios):
    device = pluto()
    radios(device, "rx")
    with pytest.raises(DeviceError, match="is in use by another program"):
        radios(device, "rx")


def test_lost_samples_and_lost_lock_are_events(pluto, radios):
    device = pluto()
    rx = radios(device, "rx", "?buffer=4096")
    rx.receive(0, 1000)
    device.converters._position -= 200_000  # as if the client had slept
    device.registers.memory[(PHY, 0x247)] = 0
    seen = []
    wait_for(lambda: seen.extend(kinds(rx)) or {EventKind.OVERFLOW, EventKind.LOST_LOCK} <= set(seen))


def test_short_reads_are_taken_as_they_are(pluto, radios):
    device = pluto()
    rx = radios(device, "rx", "?buffer=4096")
    rx.receive(0, 1000)
    device.faults.short_read_bytes = 1002
    data = rx.receive(rx.now_tick(), 20_000)
    assert data.n_samples == 20_000 and np.isfinite(data.data).all()


def test_a_broken_link_is_made_again_with_the_same_settings(pluto, radios):
    device = pluto()
    rx = radios(device, "rx", "?buffer=4096")
    tick = rx.receive(0, 5000).end_tick
    device.stop()
    time.sleep(0.5)
    device.table.write((PHY, "in:voltage0", "hardwaregain"), "10")  # it comes back as it was switched on
    device.start()
    wait_for(lambda: rx.now_tick() > tick + 40_000)
    assert device.table.number(PHY, "in:voltage0", "hardwaregain") == 40
    assert EventKind.LOST_LINK in kinds(rx)


def test_a_transmitter_notices_and_begins_again(pluto, radios, air):
    device = pluto()
    tx = radios(device, "tx")
    tx.transmit(Samples(tone(), 0, RATE_HZ))
    device.stop()
    wait_for(lambda: EventKind.LOST_LINK in kinds(tx))
    device.start()
    tx.transmit(Samples(tone(), 0, RATE_HZ))
    wait_for(lambda: air.emissions)


def test_a_device_that_does_not_come_back_is_one_sentence(pluto, radios, monkeypatch):
    monkeypatch.setattr("radio.devices.pluto._REOPEN_S", 0.5)
    device = pluto()
    rx = radios(device, "rx", "?buffer=4096")
    rx.receive(0, 1000)
    device.stop()
    with pytest.raises(DeviceError, match=r"broke and did not come back within 0.5 s"):
        rx.receive(rx.now_tick() + 1_000_000, 10, timeout_s=20)


def test_nobody_there_and_bad_options(pluto):
    with pytest.raises(DeviceError, match=r"No Pluto answers at ip:127.0.0.1:9"):
        open_radio("pluto:ip:127.0.0.1:9", role="rx")
    with pytest.raises(ConfigurationError, match="channels is '3' and must be 1 or 2"):
        open_radio("pluto:ip:127.0.0.1:9?channels=3", role="rx")
    with pytest.raises(ConfigurationError, match="must be a whole number in 256"):
        open_radio("pluto:ip:127.0.0.1:9?buffer=many", role="rx")


def test_a_changed_rate_is_read_back(pluto, radios):
    device = pluto()
    device.faults.rate_changes_to_hz = 2_000_000
    radio = radios(device, "rx", settings=None)
    applied = radio.configure(SETTINGS)
    assert applied.sample_rate_hz == 2e6
    with pytest.raises(ConfigurationError, match="runs at 2000000 samples/s and 1000000 were asked for"):
        require_applied(radio.uri, SETTINGS, applied)
