"""A right twin passes, a wrong one is told from it by the quantity that it has wrong."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import ks_2samp, norm

from hil.bus.messages import Grant, Start
from hil.cli.main import cli
from hil.config import RunConfig
from hil.errors import UsageError
from hil.results.session_recording import SessionRecorder
from hil.session.slot import Slot
from hil.twin.check import check_twin
from hil.twin.compare import compare
from hil.twin.curves import Curves
from hil.twin.fit import fit_twin
from hil.twin.recorded import Recording
from tests.hil.twin.recordings import record, run_config


@pytest.fixture(scope="module")
def fading(tmp_path_factory):
    """A recording under Rayleigh fading and the twin that was fitted to it."""
    folder = tmp_path_factory.mktemp("fading")
    path = record(folder / "room.sigmf-meta", run_config(channel="rayleigh", snr_db=15.0), slots=24, n_symbols=256)
    twin = fit_twin(Recording.open(path))
    return path, twin.config


def changed(config, **values):
    """The configuration with top-level values, or of its air, replaced."""
    dumped = config.model_dump()
    for name, value in values.items():
        (dumped["air"] if name in dumped["air"] and name not in ("channel", "seed") else dumped)[name] = value
    dumped["air"]["channel"] = dumped["channel"]
    return RunConfig.model_validate(dumped)


def differing(result):
    return {one.name for one in result.check.comparisons if not one.close}


def test_the_fitted_twin_fares_as_the_recording_did(fading):
    path, twin = fading
    result = check_twin(Recording.open(path), twin)
    assert result.check.close, result.check.verdict
    assert result.check.verdict.startswith("The twin fares as the recording did")
    assert result.twin.sent == 3 * result.recording.sent


@pytest.mark.parametrize(
    ("values", "quantity"),
    [
        ({"snr_db": 21.0}, "user_snr_db"),
        ({"channel": "awgn"}, "user_snr_db"),
        ({"tx_ppm": (1.1, -2.5)}, "carrier_offset_ppm"),
        ({"rx_iq_imbalance": {"gain_db": 3.0, "phase_deg": 10.0}}, "evm_db"),
        ({"links": ({"delay_samples": 2.3}, {"delay_samples": 9.0})}, "arrival_samples"),
    ],
)
def test_a_wrong_twin_is_told_by_what_it_has_wrong(fading, values, quantity):
    path, twin = fading
    result = check_twin(Recording.open(path), changed(twin, **values), passes=1)
    assert not result.check.close and quantity in differing(result), result.check.verdict
    assert quantity in result.check.verdict


def test_a_twin_of_another_waveform_is_refused(fading):
    path, _ = fading
    with pytest.raises(UsageError, match="users is not the recording's"):
        check_twin(Recording.open(path), RunConfig(users=3))


def test_distances_are_those_of_scipy_and_what_the_tolerance_covers_is_forgiven():
    """Normal curves 0.8 dB apart are forgiven 1 dB; 4 dB apart, or of another shape with the same median, are not."""
    rng = np.random.default_rng(1)
    base, other = rng.normal(0, 1, 400), rng.normal(0, 1, 400)

    def curves(values):
        return Curves({"evm_db": [values]}, values.size, values.size)

    near, far, wide = (compare(curves(base), curves(v)) for v in (other + 0.8, other + 4, 6 * other))
    [one] = near.comparisons
    assert one.ks == pytest.approx(ks_2samp(base, other + 0.8).statistic)
    assert one.difference == pytest.approx(0.8, abs=0.15) and one.ks_beyond < 0.1 < one.ks
    # Two normal curves 4 dB apart, one of them allowed 1: the functions differ by 2 Phi(3 / 2) - 1.
    assert far.comparisons[0].ks_beyond == pytest.approx(2 * norm.cdf(1.5) - 1, abs=0.05)
    assert (near.close, far.close, wide.close) == (True, False, False)
    assert abs(wide.comparisons[0].difference) < 1


def test_bursts_that_repeat_their_neighbours_count_for_less():
    """A random walk of 300 steps says little: the same numbers in any order would be significant."""
    rng = np.random.default_rng(2)
    walk, other = np.cumsum(rng.normal(0, 0.5, 300)), np.cumsum(rng.normal(0, 0.5, 300))
    walk, other = walk - walk.mean(), other - other.mean() + 1.5

    def of(values):
        return Curves({"user_snr_db": [values]}, 300, 300)

    [smooth] = compare(of(walk), of(other)).comparisons
    [mixed] = compare(of(rng.permutation(walk)), of(rng.permutation(other))).comparisons
    assert smooth.ks == pytest.approx(mixed.ks)
    assert max(smooth.bursts) < 30 < 200 < min(mixed.bursts)


def test_lost_headers_are_a_difference_of_their_own():
    same = np.linspace(-1, 1, 50)
    result = compare(Curves({"evm_db": [same]}, 50, 50), Curves({"evm_db": [same]}, 50, 25))
    assert not result.close and "headers read (100% in the recording, 50% in the twin)" in result.verdict


def test_the_commands_write_a_twin_and_compare_pictures_with_it(tmp_path):
    """Nearly plain pictures through the packaged codec."""
    path, rng = tmp_path / "room.sigmf-meta", np.random.default_rng(1)
    pictures = [
        np.full((32, 32, 3), level, np.uint8) + rng.integers(0, 9, (32, 32, 3), np.uint8) for level in (60, 180)
    ]
    _record_pictures(path, run_config(), pictures, slots=6)
    twin = str(tmp_path / "twin.yaml")
    fitted = CliRunner().invoke(cli, ["twin", "fit", str(path), "--out", twin, "--json"], catch_exceptions=False)
    estimates = {one["name"]: one for one in json.loads(fitted.stdout)["estimates"]}
    assert estimates["snr_db"]["fitted"] and not estimates["air.power_amplifier"]["fitted"]
    figure = tmp_path / "curves.png"
    checked = CliRunner().invoke(
        cli, ["twin", "check", str(path), "--config", twin, "--json", "--plot", str(figure)], catch_exceptions=False
    )
    result = json.loads(checked.stdout)
    found = {one["name"]: one for one in result["comparisons"]}
    assert {"psnr_db", "payload_snr_db"} <= found.keys()
    assert abs(found["psnr_db"]["difference"]) < 1 and result["close"] is True
    assert figure.read_bytes().startswith(b"\x89PNG")


def _record_pictures(path, config, pictures, slots):
    from hil.twin.pictures import Pictures
    from hil.twin.simulate import simulate
    from radio.waveform.burst.grid import ResourceGrid
    from radio.waveform.burst.header import FrameHeader

    codec = Pictures.load(config)
    uses, guard = codec.encoder.channel_uses(32, 32), config.radio.guard_samples
    length = ResourceGrid(config.waveform).burst_length(uses) + 2 * guard
    plan = [Slot(Grant(i, i, i * length, None), Start(length, guard)) for i in range(slots)]

    def payload(slot, user, csi):
        slot.originals[user] = pictures[user]
        symbols = codec.encode(slot, user, csi)
        return symbols, FrameHeader(slot.grant.frame, user, "image", 32, 32, symbols.size, user)

    recorder = SessionRecorder(path, config)
    for slot in simulate(config, plan, payload):
        recorder.record(slot)
    recorder.close()
