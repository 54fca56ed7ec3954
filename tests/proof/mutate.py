"""Seeded damage: to bytes, and to values such as a configuration's."""

import contextlib
import random
from typing import Any

import msgspec

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0x90, 0xC0, 0xC4, 0xCA, 0xCB, 0xCF, 0xD3, 0xD9, 0xDC, 0xDF, 0xFF)  # MessagePack's
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64, 10**40, 0.5, -0.0, 1e-320, 1e308,
    float("inf"), float("-inf"), float("nan"), "", "x", "nan", "1e3", "\ud800", "\0", "tcp://[::1]:1", "a" * 5000,
    [], [[]], [1], {}, {"x": 1}, {"": None}, {1: 2}, (1, 2),
)  # fmt: skip


def damaged(data: bytes, rng: random.Random, other: bytes = b"") -> bytes:
    """A few changes: bits, bytes, lengths, pieces doubled, lost or taken from another message."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(out) + 1)
        end = min(len(out), at + rng.choice((1, 2, 4, 8, 32)))
        match rng.randrange(8):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(out):
                out[at] = rng.choice(_BYTES)
            case 2 if at < len(out):
                out[at] = rng.randrange(256)
            case 3:
                out[at:at] = rng.randbytes(end - at)
            case 4:
                del out[at:end]
            case 5:
                out[at:at] = out[at:end]
            case 6:
                del out[at:]
            case 7:
                begin = rng.randrange(len(other) + 1)
                out[at:end] = other[begin : begin + rng.randrange(1, 40)]
    return bytes(out)


def damaged_message(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Half of them damaged as bytes, half as what they mean, so that they still can be unpacked."""
    if rng.random() < 0.5:
        return damaged(data, rng, other)
    with contextlib.suppress(UnicodeEncodeError, OverflowError):
        return msgspec.msgpack.encode(changed(msgspec.msgpack.decode(data), rng))
    return data


def changed(values: Any, rng: random.Random) -> Any:
    """A copy of nested dicts, lists and scalars in which one thing is another."""
    if isinstance(values, dict) and values and rng.random() < 0.95:
        key = rng.choice(list(values))
        match rng.randrange(24):
            case 0:
                return {name: value for name, value in values.items() if name != key}
            case 1:
                return {**values, rng.choice(("x", str(key)[1:], str(key).upper(), "")): rng.choice(_VALUES)}
            case _:
                return {**values, key: changed(values[key], rng)}
    if isinstance(values, list) and values and rng.random() < 0.8:
        at = rng.randrange(len(values))
        if rng.random() < 0.2:
            return values[:at] + values[at + 1 :]
        return [*values[:at], changed(values[at], rng), *values[at + 1 :]]
    if isinstance(values, int | float) and not isinstance(values, bool) and abs(values) < 1e18 and rng.random() < 0.6:
        return rng.choice(
            (-values, values * 1.5, values / 2, values * 1e6, values + 1, round(values + 0.5), str(values))
        )
    if isinstance(values, str) and values and rng.random() < 0.5:
        at = rng.randrange(len(values))
        return values[:at] + rng.choice(("", "\0", "é", ":", "/", " ", "9")) + values[at + 1 :]
    return rng.choice(_VALUES)
