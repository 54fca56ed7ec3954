"""Errors of the radio room. Every message is one sentence that a user can act on."""


class RadioError(Exception):
    """Base of all errors that radio/ raises deliberately."""


class ConfigurationError(RadioError):
    """A value that the waveform, the air or a device cannot take; says which and what is allowed."""


class DeviceError(RadioError):
    """A radio that cannot be opened, was lost, or gave an unexpected answer."""


class DeviceGone(DeviceError):
    """A radio whose other end has ended: opening it again is of no use."""


class TransmitRefused(RadioError):
    """The transmit guard stopped samples outside the allowed bands, gains or levels."""


class NobodyLeads(TransmitRefused):
    """The transmit guard stopped samples because the coordinator has not been heard."""
