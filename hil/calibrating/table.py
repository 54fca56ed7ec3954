"""What a calibration found, as tables for the terminal."""

import time
from collections.abc import Sequence

from rich.table import Table

from calibration.measure.measurement import Measurement
from calibration.procedure import Outcome
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


def stored(calibrations: Sequence[Calibration]) -> Table:
    """One row per stored calibration."""
    table = Table(title="Stored calibrations")
    for name in ("device", "role", "MHz", "Msamples/s", "age", "carrier", "delay", "path gain", "corrects"):
        table.add_column(name)
    for one in calibrations:
        device, age_h = one.device, (time.time() - one.measured_unix_s) / 3600
        corrects = [
            name for name, part in (("receive IQ, DC", one.receive), ("transmit IQ, leakage", one.transmit)) if part
        ]
        table.add_row(
            device.serial,
            device.role,
            f"{device.center_frequency_hz / 1e6:g}",
            f"{device.sample_rate_hz / 1e6:g}",
            f"{age_h:.1f} h",
            *(_value(part) for part in (one.carrier_offset, one.delay, one.path_gain)),
            ", ".join(corrects) or "nothing",
        )
    return table


def _value(value: Value | None) -> str:
    return "" if value is None else f"{value.value:.2f} {value.unit}"
