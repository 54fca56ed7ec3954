"""Calibration files: what is written is read, what does not fit is refused with a reason."""

import time

import numpy as np
import pytest

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from calibration.measure.receive_imbalance import ReceiveImbalance
from calibration.measure.transmit_imbalance import TransmitImbalance
from calibration.store.folder import CalibrationFolder, default_folder, read
from calibration.store.record import Calibration, Device, ReceiveRecord, TransmitRecord, Value

DEVICE = Device(
    serial="104473/b:1", role="rx", center_frequency_hz=2.45e9, sample_rate_hz=4e6, gain_db=30, temperature_c=31
)


def full(device=DEVICE, when=None):
    parts = [Measurement(v, 0.01, u) for v, u in ((0.7, "dB"), (-2.0, "deg"), (0.01, ""), (-0.02, ""))]
    transmit = TransmitImbalance(
        0.04 - 0.02j, 0.003 + 0.001j, Measurement(-27, 0.1, "dBc"), Measurement(-50, 1, "dBFS")
    )
    return Calibration(
        device=device,
        measured_unix_s=time.time() if when is None else when,
        receive=ReceiveRecord.of(ReceiveImbalance(*parts)),
        transmit=TransmitRecord.of(transmit),
        carrier_offset=Value(value=3.2, standard_uncertainty=0.01, unit="ppm"),
    )


def test_what_is_saved_is_found_again(tmp_path):
    folder, calibration = CalibrationFolder(tmp_path / "deep" / "er"), full()
    path = folder.save(calibration)
    assert read(path) == calibration
    assert folder.find(DEVICE) == (calibration, [])
    assert [p.name for p in folder.path.iterdir()] == [path.name]
    assert path.name.startswith("rx-104473_b_1-2450MHz-")


@pytest.mark.parametrize(
    "other",
    [
        {"serial": f"usrp:{'addr=192.168.10.2,' * 6}#1"},  # several in one long address: only the end differs
        {"serial": f"usrp:{'addr=192.168.10.2;' * 6}#0"},
        {"hardware": "usrp B210 2"},
        {"sample_rate_hz": 2e6},
        {"center_frequency_hz": 2.4502e9},
    ],
)
def test_files_of_other_radios_and_settings_do_not_overwrite_each_other(tmp_path, other):
    first = Device(
        serial=f"usrp:{'addr=192.168.10.2,' * 6}#0",
        hardware="usrp B210 1",
        role="tx",
        center_frequency_hz=2.45e9,
        sample_rate_hz=4e6,
    )
    second = first.model_copy(update=other)
    folder = CalibrationFolder(tmp_path)
    for device in (first, second, first):
        folder.save(full(device))
    assert len(folder.files()) == 2 and folder.find(first)[0].device == first


def test_another_device_at_the_same_address_is_refused_and_one_that_tells_nothing_is_not(tmp_path):
    folder, measured = CalibrationFolder(tmp_path), DEVICE.model_copy(update={"hardware": "pluto 1"})
    folder.save(full(measured))
    found, refusals = folder.find(DEVICE.model_copy(update={"hardware": "pluto 2"}))
    assert found.is_null and "pluto 1" in refusals[0] and "pluto 2" in refusals[0]
    assert not folder.find(DEVICE)[0].is_null and not folder.find(measured)[0].is_null


def test_corrections_undo_the_errors_that_were_stored():
    calibration = full()
    rng = np.random.default_rng(1)
    clean = ((rng.standard_normal(500) + 1j * rng.standard_normal(500)) * 0.1).astype(np.complex64)
    g, phi = 10 ** (0.7 / 20), np.deg2rad(-2.0)
    seen = clean.real + 0.01 + 1j * (g * (clean.imag * np.cos(phi) + clean.real * np.sin(phi)) - 0.02)
    np.testing.assert_allclose(calibration.correct_received(seen.astype(np.complex64)), clean, atol=1e-6)
    sent = calibration.predistort(clean)
    np.testing.assert_allclose(sent + (0.04 - 0.02j) * sent.conj() + 0.003 + 0.001j, clean, atol=1e-6)


def test_the_null_calibration_changes_nothing(tmp_path):
    found, refusals = CalibrationFolder(tmp_path / "none").find(DEVICE)
    data = np.ones((1, 4), np.complex64)
    assert found.is_null and refusals == [] and not full().is_null
    assert found.correct_received(data) is data and found.predistort(data[0]).base is data


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"serial": "other"}, "not of rx other"),
        ({"role": "tx"}, "not of tx"),
        ({"center_frequency_hz": 2.47e9}, "not 2470 MHz"),
        ({"sample_rate_hz": 2e6}, "not 2e+06"),
        ({"gain_db": 40.0}, "40 dB"),
        ({"temperature_c": 55.0}, "55 degrees"),
    ],
)
def test_another_device_or_setting_is_refused(tmp_path, change, clause):
    folder = CalibrationFolder(tmp_path)
    path = folder.save(full())
    asked = DEVICE.model_copy(update=change)
    with pytest.raises(CalibrationError, match="cannot be used") as refusal:
        folder.load(path, asked)
    assert clause in str(refusal.value)
    found, refusals = folder.find(asked)
    assert found.is_null and found.device == asked
    assert bool(refusals) == ("serial" not in change and "role" not in change)


def test_unknown_gain_and_temperature_fit_any(tmp_path):
    folder = CalibrationFolder(tmp_path)
    folder.save(full())
    assert not folder.find(DEVICE.model_copy(update={"gain_db": None, "temperature_c": None}))[0].is_null


def test_stale_files_are_refused_and_the_newest_wins(tmp_path):
    folder, now = CalibrationFolder(tmp_path), 2e9
    path = folder.save(full(when=now - 90_000))
    with pytest.raises(CalibrationError, match=r"25\.0 h old"):
        folder.load(path, DEVICE, now)
    assert folder.load(path, DEVICE, now, max_age_s=1e6)
    assert folder.find(DEVICE, now)[0].is_null and "h old" in folder.find(DEVICE, now)[1][0]
    with pytest.raises(CalibrationError, match="future"):
        folder.load(path, DEVICE, now - 1e6)
    nearby = DEVICE.model_copy(update={"center_frequency_hz": 2.452e9})
    folder.save(full(nearby, when=now - 50))
    folder.save(full(when=now - 500))
    assert folder.find(DEVICE, now)[0].device == nearby


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "a: [", "format: 2\n", "\x00", "device: {serial: x}\n", "!!python/object:os.x {}"]
)
def test_a_file_that_is_no_calibration_is_one_sentence(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(CalibrationError) as refusal:
        read(path)
    assert "\n" not in str(refusal.value) and str(path) in str(refusal.value)
    assert CalibrationFolder(tmp_path).find(DEVICE)[0].is_null


def test_numbers_that_are_not_finite_and_missing_files_are_refused(tmp_path):
    path = CalibrationFolder(tmp_path).save(full())
    path.write_text(path.read_text().replace("value: 3.2", "value: .nan"))
    with pytest.raises(CalibrationError, match=r"carrier_offset\.value"):
        read(path)
    with pytest.raises(CalibrationError, match="cannot be read"):
        read(tmp_path / "absent.yaml")


def test_clear_removes_one_device_or_all_and_nothing_else(tmp_path, monkeypatch):
    folder = CalibrationFolder(tmp_path)
    other = full(DEVICE.model_copy(update={"serial": "other"}))
    first, second = folder.save(full()), folder.save(other)
    foreign = tmp_path / "notes.yaml"
    foreign.write_text("mine: true\n")
    assert folder.clear("other") == [second] and folder.clear() == [first] and foreign.exists()
    monkeypatch.setenv("SEMNOMA_HIL_CALIBRATION", str(tmp_path))
    assert default_folder() == tmp_path


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SEMNOMA_HIL_CALIBRATION", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", homeless)
    with pytest.raises(CalibrationError, match="set SEMNOMA_HIL_CALIBRATION"):
        default_folder()
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert str(default_folder()) == "/state/semnoma-hil/calibration"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    folder = CalibrationFolder(tmp_path)
    folder.save(full()).unlink()
    (tmp_path / folder._name(DEVICE) / "in-the-way").mkdir(parents=True)
    with pytest.raises(CalibrationError, match="cannot be written"):
        folder.save(full())
    assert not list(tmp_path.glob("*.tmp"))
