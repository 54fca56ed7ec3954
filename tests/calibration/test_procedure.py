"""The whole procedure over radios of the simulated air, against what that air was told to be."""

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.lab.bench import Bench
from calibration.lab.procedure import calibrate
from calibration.loops.alignment import Alignment, TransmitCommand
from calibration.measure.users import measure_user
from calibration.store.calibrated_radio import CalibratedRadio
from calibration.store.record import Device
from radio.air.config import AirConfig, IqImbalanceConfig, LinkConfig
from radio.air.iq_imbalance import image_coefficients
from radio.air.serving.server import AirServer
from radio.device import RadioSettings
from radio.safety.open import open_radio
from radio.waveform.config import WaveformConfig

AMPLITUDE = 0.25
TX, RX = IqImbalanceConfig(gain_db=0.7, phase_deg=3.5), IqImbalanceConfig(gain_db=-0.8, phase_deg=2.0)
AIR = AirConfig(
    links=(LinkConfig(delay_samples=30.0), LinkConfig(delay_samples=151.6, gain_db=-6.0)),
    tx_ppm=(18.0, -20.0),
    rx_ppm=-1.5,
    noise_power=AMPLITUDE**2 * 10 ** (-1.6),
    tx_iq_imbalance=TX,
    rx_iq_imbalance=RX,
    tx_dc_offset=(0.012, 0.004),
    rx_dc_offset=(-0.01, 0.005),
)


def devices(role, count):
    return [
        Device(serial=f"{role}{i}", role=role, center_frequency_hz=2.45e9, sample_rate_hz=4e6) for i in range(count)
    ]


def opened(server, users):
    settings = RadioSettings(4e6, 2.45e9, 0.0)
    radios = [open_radio(f"sim:{server.endpoint}", role="tx", index=user) for user in range(users)]
    radios.insert(0, open_radio(f"sim:{server.endpoint}", role="rx"))
    for radio in radios:
        radio.configure(settings)
    return settings, radios


def on_air(air, run):
    server = AirServer(air, "tcp://127.0.0.1:*", expected_users=2)
    server.serve_in_thread()
    settings, radios = opened(server, 2)
    try:
        return run(Bench(WaveformConfig(), radios[0], radios[1:], settings, AMPLITUDE))
    finally:
        for radio in radios:
            radio.close()
        server.close()


def first_frame_with(calibrations, bench):
    """Per user (delay, power dB) of the first frame of a new session that knows nothing but the stored files."""
    radios = [CalibratedRadio(r, c) for r, c in zip((bench._receiver, *bench._transmitters), calibrations, strict=True)]
    again = Bench(bench.config, radios[0], radios[1:], bench.settings, AMPLITUDE)
    samples, expected, _ = again.send({u: again.probe(u) for u in range(2)}, dict.fromkeys(range(2), TransmitCommand()))
    frame = again.receive_frame(samples, expected)
    seen = {user: measure_user(frame, user, expected, bench.config) for user in range(2)}
    return {user: (one.delay.value, one.gain.value) for user, one in seen.items()}


def test_a_bench_out_of_the_box_is_calibrated():
    said, later = [], {}

    def run(bench):
        found = calibrate(bench, Alignment(bench.config), devices("rx", 1)[0], devices("tx", 2), 20, said.append)
        later.update(first_frame_with(found.calibrations, bench))
        return found

    found = on_air(AIR, run)
    alpha, beta = image_coefficients(TX)
    for user in range(2):
        assert found.transmitter_before[user].image == pytest.approx(beta / alpha, abs=0.004)
        assert found.transmitter_before[user].leakage == pytest.approx(complex(*AIR.tx_dc_offset) / alpha, abs=0.001)
        assert found.transmitter_after[user].image_level.value < -48  # what a measurement at 10 dB can still see
        assert abs(found.after[user].carrier_offset.value) < 0.002 * 15625
        assert abs(found.after[user].delay.value) < 1.0
        offset_ppm = found.calibrations[1 + user].carrier_offset
        assert offset_ppm.value == pytest.approx(AIR.tx_ppm[user] - AIR.rx_ppm, abs=0.01)
    assert abs(found.after[0].gain.value - found.after[1].gain.value) < 0.5
    alpha, beta = image_coefficients(RX)
    assert found.receiver_before.image_dbc == pytest.approx(20 * np.log10(abs(beta / alpha)), abs=0.7)
    assert found.receiver_after.image_dbc < -50
    assert found.calibrations[0].receive.dc_i.value == pytest.approx(-0.01, abs=2e-4)
    assert max(abs(delay) for delay, _ in later.values()) < 1.0
    assert abs(later[0][1] - later[1][1]) < 0.7
    assert "frame 20 of 20: 2 of 2 users locked" in said


def test_a_user_that_is_never_heard_is_named():
    dead = AIR.model_copy(update={"links": (LinkConfig(delay_samples=30.0), LinkConfig(gain_db=-80.0))})
    with pytest.raises(CalibrationError, match=r"User 1 was not heard in 6 frames"):
        on_air(dead, lambda bench: calibrate(bench, Alignment(bench.config), devices("rx", 1)[0], devices("tx", 2), 6))


def test_radios_that_cannot_time_a_burst_and_wrong_counts_are_refused():
    class Untimed:
        uri = "pluto:ip:192.168.2.1"

        class capabilities:  # noqa: N801
            timed_transmit = False
            shared_clock = True

    settings = RadioSettings(4e6, 2.45e9)
    with pytest.raises(CalibrationError, match="cannot time"):
        Bench(WaveformConfig(users=1), Untimed(), [Untimed()], settings, 0.25)
    with pytest.raises(CalibrationError, match="as many transmitters"):
        Bench(WaveformConfig(users=2), Untimed(), [], settings, 0.25)
