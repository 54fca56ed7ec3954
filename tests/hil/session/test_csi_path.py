"""Delay, quantisation and prediction of channel reports, against a fading channel that is known."""

import msgspec
import numpy as np
import pytest

from hil.bus.messages import CsiReport, UserCsi
from hil.loops_config import FeedbackConfig
from hil.session.csi_path import CsiPath, quantised, wiener_weights

RATE_HZ = 4e6


def report(slot, gains, tick=None, snr_db=17.3):
    users = [UserCsi(i, 0.0, 0.0, float(g), 1.0 + i, snr_db) for i, g in enumerate(gains)]
    return CsiReport(slot, None, slot * 1000 if tick is None else tick, 0, snr_db, users)


def test_by_default_a_report_passes_untouched():
    path, first = CsiPath(FeedbackConfig(), RATE_HZ), report(0, [1.0, 0.8])
    assert path.take(None, 0) is None and path.take(first, 1000) is first and path.take(None, 2000) is first


def test_reports_are_as_late_as_configured():
    path = CsiPath(FeedbackConfig(csi_delay_slots=3), RATE_HZ)
    delivered = [path.take(report(slot, [1.0]), (slot + 1) * 1000) for slot in range(8)]
    assert [d.slot if d else None for d in delivered] == [None, None, None, 0, 1, 2, 3, 4]
    assert path.take(report(7, [1.0]), 9000).slot == 4  # the same report again is no new one


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_quantisation_has_so_many_levels_and_half_a_step_of_error(bits):
    rng = np.random.default_rng(bits)
    original = [report(0, [10 ** (db / 20)], snr_db=rng.uniform(-10, 40)) for db in np.linspace(-30, 6, 4000)]
    coded = [quantised(one, bits) for one in original]
    assert len({one.users[0].gain for one in coded}) == 2**bits
    errors = [20 * np.log10(a.users[0].gain / b.users[0].gain) for a, b in zip(original, coded, strict=True)]
    assert np.max(np.abs(errors)) <= 36 / (2**bits - 1) / 2 + 1e-9
    assert max(abs(a.snr_db - b.snr_db) for a, b in zip(original, coded, strict=True)) <= 25 / (2**bits - 1) + 1e-9
    phase = np.exp(1j * (original[0].users[0].phase_rad - coded[0].users[0].phase_rad))
    assert abs(np.angle(phase)) <= np.pi / 2**bits + 1e-9


@pytest.mark.parametrize("bits", [1, 3])
def test_a_phase_has_so_many_levels_however_it_is_counted(bits):
    turns = np.linspace(-3 * np.pi, 3 * np.pi, 500)
    users = [UserCsi(0, 0.0, 0.0, 1.0, float(phase), 10.0) for phase in turns]
    coded = quantised(msgspec.structs.replace(report(0, []), users=users), bits)
    assert len({round(user.phase_rad, 9) for user in coded.users}) == 2**bits


def test_weights_of_one_clean_report_are_the_correlation():
    """One noiseless report of age t: J0(2 pi f t)^2, here of 2 pi f t = 1: 0.7652^2."""
    weights = wiener_weights(np.array([1 / (2 * np.pi * 5)]), 5.0, 0.0)
    assert weights[0] == pytest.approx(0.7652**2, rel=2e-3)


@pytest.mark.parametrize("noise", [0.1, 1.0, 4.0])
def test_a_noisy_report_weighs_as_its_noise_lets_it(noise):
    """The LMMSE weight of |h + n|^2 for |h|^2, of samples: Rayleigh fading and noise of this relative power."""
    rng = np.random.default_rng(3)
    h, n = rng.standard_normal((2, 400_000)) + 1j * rng.standard_normal((2, 400_000))
    wanted, seen = np.abs(h) ** 2, np.abs(h + np.sqrt(noise) * n) ** 2
    best = np.cov(wanted, seen)[0, 1] / np.var(seen)
    assert wiener_weights(np.array([0.0]), 5.0, noise)[0] == pytest.approx(best, rel=0.03)


def test_a_prediction_is_made_of_powers():
    """A channel of many times the coherence time ago tells its mean power and no more: of 1 assumed and 9 seen, 5."""
    predicting = CsiPath(FeedbackConfig(csi_prediction=True, csi_doppler_hz=1000.0), RATE_HZ)
    out = predicting.take(report(0, [3.0], 0, 60.0), int(10 * RATE_HZ))
    assert out.users[0].gain ** 2 == pytest.approx(5.0, rel=0.01)


def test_the_channel_at_its_places_is_predicted_with_the_gain():
    """An encoder is told one channel: its response is as much louder as its gain."""
    response = np.full(48, 2 - 1j, "<c8").tobytes()
    one = report(0, [3.0], 0, 60.0)
    one = msgspec.structs.replace(one, users=[msgspec.structs.replace(one.users[0], response=response)])
    predicting = CsiPath(FeedbackConfig(csi_prediction=True, csi_doppler_hz=1000.0), RATE_HZ)
    out = predicting.take(one, int(10 * RATE_HZ)).users[0]
    assert np.frombuffer(out.response, "<c8") == pytest.approx((2 - 1j) * out.gain / 3.0, rel=1e-6)


def test_prediction_beats_holding_on_a_moving_channel():
    """Clarke's model of 40 paths per user; the reports are 2 slots late and nearly without noise."""
    rng, doppler_hz, slot_ticks = np.random.default_rng(7), 10.0, 40_000
    config = {"csi_delay_slots": 2, "csi_doppler_hz": doppler_hz}
    held, ahead = [], []
    for _ in range(40):
        angles, phases = rng.uniform(0, 2 * np.pi, (2, 40, 2))
        times = np.arange(60) * slot_ticks / RATE_HZ
        turns = 2 * np.pi * doppler_hz * times[:, None, None] * np.cos(angles) + phases
        power = np.abs(np.exp(1j * turns).sum(axis=1) / np.sqrt(40)) ** 2
        plain, predicting = (CsiPath(FeedbackConfig(**config, csi_prediction=on), RATE_HZ) for on in (False, True))
        for slot in range(59):
            one = report(slot, np.sqrt(power[slot]), slot * slot_ticks, 30.0)
            for path, errors in ((plain, held), (predicting, ahead)):
                out = path.take(one, (slot + 1) * slot_ticks)
                if out is not None and slot > 10:
                    errors.append(out.users[0].gain ** 2 - power[slot + 1, 0])
    assert np.mean(np.square(ahead)) < 0.5 * np.mean(np.square(held))
