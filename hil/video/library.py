"""PyAV, where it is installed; its errors in a sentence's words."""

from types import ModuleType

from hil.errors import UsageError

INSTALL = 'pip install "semnoma-hil[video]"'


def pyav() -> ModuleType:
    """The library. Raises UsageError where it is not installed."""
    try:
        import av
    except ImportError:
        raise UsageError(f"video needs PyAV here: {INSTALL}.") from None
    av.logging.set_level(None)  # its decoders' complaints would go to standard error, ours are one sentence
    return av


def words(error: Exception) -> str:
    """What FFmpeg found wrong, without the number and the file's name."""
    return str(getattr(error, "strerror", None) or error).rstrip(".").lower()
