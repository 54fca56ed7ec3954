"""A request against a device's limits, before anything is set."""

from radio.device import RadioSettings
from radio.errors import ConfigurationError, DeviceError

Limits = tuple[float, float]


def check_within(uri: str, what: str, value: float, limits: Limits, scale: float, unit: str) -> None:
    """ConfigurationError that names value and limits, in `unit`s of `scale`, when the value lies outside."""
    if not limits[0] <= value <= limits[1]:
        low, high = (f"{limit / scale:.10g}" for limit in limits)
        raise ConfigurationError(f"{uri}: a {what} of {value / scale:.10g} {unit} is not in {low} to {high}.")


def check_settings(
    uri: str, settings: RadioSettings, gain_db: float | None, *, rate_hz: Limits, carrier_hz: Limits, gains_db: Limits
) -> None:
    """Rate, carrier and, where one is asked for, gain. ConfigurationError names the first that does not fit."""
    check_within(uri, "sample rate", settings.sample_rate_hz, rate_hz, 1e6, "Msamples/s")
    check_within(uri, "carrier", settings.center_frequency_hz, carrier_hz, 1e6, "MHz")
    if gain_db is not None:
        check_within(uri, "gain", gain_db, gains_db, 1, "dB")


def require_driver(uri: str, missing: str, arguments: str, example: str) -> None:
    """DeviceError when the driver's library is `missing` (a sentence), ConfigurationError when no radio is named."""
    if missing:
        raise DeviceError(f"{uri} cannot be opened: {missing}.")
    if not arguments.strip():
        raise ConfigurationError(f"{uri.partition(':')[0]}: needs to be told which {example}.")
