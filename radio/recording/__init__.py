"""SigMF recordings: `SigmfWriter` writes them, `SigmfReader` reads anybody's."""

from radio.recording.reader import Capture, SigmfReader
from radio.recording.writer import SigmfWriter

__all__ = ["Capture", "SigmfReader", "SigmfWriter"]
