"""Bus messages: everything that is packed comes back, and nothing else gets in."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bus.messages import (
    PROTOCOL_VERSION,
    Bye,
    CsiReport,
    Envelope,
    Grant,
    Heartbeat,
    Hello,
    Start,
    UserCsi,
    decode,
    encode,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=30)
user_csi = st.builds(UserCsi, st.integers(0, 7), finite, finite, finite, finite, finite, finite)
csi = st.builds(
    CsiReport,
    st.integers(0, 2**40),
    st.none() | st.integers(0, 2**32 - 1),
    st.integers(-(2**60), 2**60),
    st.integers(0, 2**60),
    st.none() | finite,
    st.lists(user_csi, max_size=8),
)
bodies = st.one_of(
    csi,
    st.builds(Grant, st.integers(0, 2**40), st.none(), st.integers(0, 2**60), st.none() | csi),
    st.builds(Hello, text, st.none() | st.integers(0, 7), st.integers(0, 2**30), text),
    st.builds(Start, st.integers(1, 2**32 - 1), st.integers(1, 2**20)),
    st.builds(Bye, text),
    st.builds(Heartbeat, st.integers(0, 2**60)),
)


@given(bodies, text, st.integers(0, 2**60), finite)
def test_a_message_survives_the_wire(body, sender, sequence, at):
    envelope = Envelope(PROTOCOL_VERSION, sender, sequence, at, body)
    assert decode(encode(envelope)) == envelope


@given(st.binary(max_size=400))
def test_garbage_is_refused_with_a_sentence(data):
    with pytest.raises(ValueError):
        decode(data)


@given(bodies, st.data())
def test_a_damaged_message_is_refused_or_still_well_formed(body, data):
    packed = bytearray(encode(Envelope(PROTOCOL_VERSION, "tx0", 1, 0.0, body)))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    try:
        envelope = decode(bytes(packed))
    except ValueError:
        return
    assert isinstance(envelope, Envelope)


def test_another_protocol_version_is_named():
    with pytest.raises(ValueError, match=f"version {PROTOCOL_VERSION + 1}"):
        decode(encode(Envelope(PROTOCOL_VERSION + 1, "tx0", 1, 0.0, Heartbeat())))


def test_unknown_fields_and_wrong_types_are_refused():
    good = msgspec.msgpack.decode(encode(Envelope(PROTOCOL_VERSION, "tx0", 1, 0.0, Heartbeat())))
    for change in ({"extra": 1}, {"sequence": "one"}, {"body": {"type": "Format"}}, {"body": None}):
        with pytest.raises(ValueError):
            decode(msgspec.msgpack.encode(good | change))


def test_an_oversized_body_is_refused_before_it_is_parsed():
    with pytest.raises(ValueError, match="at most"):
        decode(b"\x00" * ((1 << 20) + 1))
