"""Bounds of the numbers in messages: sums of ticks stay inside int64, a burst's header holds what it carries."""

from typing import Annotated

import msgspec

Tick = Annotated[int, msgspec.Meta(ge=-(1 << 60), le=1 << 60)]
SlotNumber = Annotated[int, msgspec.Meta(ge=0, le=1 << 48)]
Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
UserIndex = Annotated[int, msgspec.Meta(ge=0, le=255)]
Advance = Annotated[int, msgspec.Meta(ge=-(1 << 20), le=1 << 20)]
BitsSymbols = Annotated[int, msgspec.Meta(ge=0, le=168, multiple_of=2)]
Pictures = Annotated[int, msgspec.Meta(ge=1, le=256)]  # of one burst
Protected = Annotated[bytes, msgspec.Meta(max_length=256)]
Side = Annotated[int, msgspec.Meta(ge=0, le=65535)]  # pixels
Form = Annotated[list[Number], msgspec.Meta(max_length=4)]  # dimensions of an array
