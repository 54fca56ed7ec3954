"""What devices that stream without end share: a receive memory, a transmit timeline."""

from radio.streaming.ring import SampleRing
from radio.streaming.timeline import BurstTimeline

__all__ = ["BurstTimeline", "SampleRing"]
