"""A few thousand of the fuzzer's items; `make fuzz` feeds a million."""

import random

import pytest

from tests.proof.fuzz import Defect, run
from tests.proof.fuzz_targets import HeaderTarget


def test_damaged_messages_headers_and_configurations_are_refused_in_order():
    figures = run(6000, seed=20)
    assert figures["bus"] > 2000 and figures["configuration"] > 400
    assert figures["longest_ms"] < 2000


def test_the_fuzzer_notices_an_error_that_is_not_documented(monkeypatch):
    def broken(_bits):
        raise IndexError("list index out of range")

    monkeypatch.setattr("radio.waveform.burst.header.from_bits", broken)
    target = HeaderTarget(random.Random(1))
    with pytest.raises(IndexError):
        for _ in range(100):
            target()
    with pytest.raises(Defect, match="IndexError"):
        run(1000)
