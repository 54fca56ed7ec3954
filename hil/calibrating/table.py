"""What a calibration found, as tables for the terminal."""

import time
from collections.abc import Sequence

from rich.table import Table

from calibration.lab.outcome import Outcome
from calibration.measure.measurement import Measurement
from calibration.store.record import Calibration, Value


def before_after(outcome: Outcome) -> Table:
    """One row per figure and user."""
    table = Table(title="Calibration")
    for name in ("", "before", "after", "unit"):
        table.add_column(name, justify="left" if name in ("", "unit") else "right")
    for name, before, after, unit in rows(outcome):
        table.add_row(name, before, after, unit)
    return table


def rows(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """(name, before, after, unit): values with their standard uncertainty."""
    receiver = outcome.receiver_before, outcome.receiver_after
    result = [
        ("receiver: noise floor", _text(outcome.noise_floor), "", "dBFS"),
        ("receiver: IQ image", f"{receiver[0].image_dbc:.1f}", f"{receiver[1].image_dbc:.1f}", "dBc"),
    ]
    for rail in ("dc_i", "dc_q"):
        name = f"receiver: DC offset of {rail[-1].upper()}"
        one_dc, two_dc = (f"{getattr(r, rail).value:.2e}" for r in receiver)
        result.append((name, one_dc, two_dc, "full scale"))
    for user, before in sorted(outcome.before.items()):
        after = outcome.after.get(user)
        for name, attribute in (
            ("carrier offset", "carrier_offset"),
            ("delay", "delay"),
            ("received power", "gain"),
            ("SNR", "snr"),
        ):
            one: Measurement = getattr(before, attribute)
            two = _text(getattr(after, attribute)) if after else "not heard"
            result.append((f"user {user}: {name}", _text(one), two, one.unit))
        if user in outcome.transmitter_before:
            one_tx, two_tx = outcome.transmitter_before[user], outcome.transmitter_after[user]
            result.append((f"user {user}: IQ image", _text(one_tx.image_level), _text(two_tx.image_level), "dBc"))
            levels = one_tx.leakage_level, two_tx.leakage_level
            result.append((f"user {user}: carrier leakage", _text(levels[0]), _text(levels[1]), "dBFS"))
    return result


def _text(measurement: Measurement) -> str:
    digits = 3 if measurement.unit == "samples" else 1
    return f"{measurement.value:.{digits}f} ± {measurement.standard_uncertainty:.{digits}f}"


def stored(calibrations: Sequence[Calibration]) -> list[str]:
    """One line per stored calibration."""
    return [_line(one) for one in calibrations]


def _line(one: Calibration) -> str:
    device, age_h = one.device, (time.time() - one.measured_unix_s) / 3600
    figures = (
        ("carrier", one.carrier_offset),
        ("delay", one.delay),
        ("path gain", one.path_gain),
        ("noise floor", one.noise_floor),
    )
    parts = [f"{name} {_value(value)}" for name, value in figures if value is not None]
    parts += [
        f"corrects {what}" for what, part in (("IQ and DC", one.receive), ("IQ and leakage", one.transmit)) if part
    ]
    where = f"{device.center_frequency_hz / 1e6:g} MHz, {device.sample_rate_hz / 1e6:g} Msamples/s"
    age = f"{age_h:.1f} h old" if age_h >= 0 else f"dated {-age_h:.1f} h ahead: one of the clocks is wrong"
    return f"{device.role} {device.serial}  {where}, {age}: {'; '.join(parts) or 'nothing measured'}"


def _value(value: Value) -> str:
    return f"{value.value:.2f} ± {value.standard_uncertainty:.2g} {value.unit}"
