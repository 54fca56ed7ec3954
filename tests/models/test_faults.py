"""Every fault of a form in one go, also those that others hide."""

import contextlib
import gc
import weakref
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.faults import MOST_FAULTS, Faults, read


class Leaf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    low: int = 1
    high: int = 2
    kind: int | bool | None = None

    @model_validator(mode="after")
    def _in_order(self):
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = Field(3, alias="height", ge=0)
    leaf: Leaf = Leaf()
    leaves: tuple[Leaf, ...] = ()
    named: dict[str, Leaf] = {}

    @model_validator(mode="after")
    def _grown(self):
        if self.size < len(self.leaves):
            raise ValueError(f"height is {self.size}, but there are {len(self.leaves)} leaves")
        return self


def lines(values):
    with pytest.raises(Faults) as caught:
        read(Tree, values)
    return caught.value.lines


def test_what_is_right_is_read():
    assert read(Tree, {"name": "oak", "height": 5}).size == 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["name is missing"]),
        ([1], ["the whole is [1]: input should be a valid dictionary or instance of Tree"]),
        ({"name": "a", "hight": 1}, ["hight is not an option (did you mean height?), but is 1"]),
        ({"name": "a", "high": 1}, ["high is not an option (did you mean leaf.high?), but is 1"]),
        ({"name": "a", "named": {"x": {"hihg": 1}}}, ["named.x.hihg is not an option (did you mean high?), but is 1"]),
        ({"name": "a", "leaves": [{}, {"lwo": 1}]}, ["leaves.1.lwo is not an option (did you mean low?), but is 1"]),
        ({"name": "a", "pass": "hunter2"}, ["pass is not an option (allowed are height, leaf, leaves, name, named)"]),
        ({"name": "a", "leaf": {"low": 5}}, ["leaf: low must be below high"]),
        ({"name": "a", "height": -1, "leaves": [{}]}, ["height is -1: input should be greater than or equal to 0"]),
        ({"name": "a", "height": 0, "leaves": [{}]}, ["height is 0, but there are 1 leaves"]),
    ],
)
def test_a_fault_is_a_line_with_its_place_its_value_and_what_is_allowed(values, expected):
    assert lines(values) == expected


def test_a_value_that_may_be_of_several_kinds_has_one_line():
    (line,) = lines({"name": "a", "leaf": {"kind": "x"}})
    assert line.startswith("leaf.kind is 'x': ") and ", or " in line


def test_hidden_faults_come_to_light_and_what_follows_from_others_does_not():
    found = lines({"name": 1, "height": 0, "leaves": [{}, {"low": 5}], "leaf": {"low": 7, "kind": "x"}})
    assert [line.split()[0] for line in found] == ["name", "leaf.kind", "leaves.1:", "leaf:"]


def test_many_faults_are_counted_and_long_values_cut():
    with pytest.raises(Faults) as caught:
        read(Tree, {"name": "a", **{f"x{number}": "y" * 500 for number in range(MOST_FAULTS + 7)}})
    head, *rest = caught.value.of("tree.yaml").splitlines()
    assert head == f"tree.yaml: {MOST_FAULTS + 7} faults:" and rest[-1] == "  and 7 more."
    assert len(rest) == MOST_FAULTS + 1 and max(map(len, rest)) < 250


def test_a_value_of_a_billion_parts_is_said_as_quickly_as_any():
    """As YAML's anchors make it: 20 lists, of which each holds the one before it ten times."""
    value = ["x"] * 10
    for _ in range(20):
        value = [value] * 10
    (line,) = lines({"name": "a", "height": value})
    assert line.startswith("height is [[[") and len(line) < 200


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[31mred", "\u202eturned", "x" * 10_000])
def test_a_name_is_one_harmless_line(name):
    (line,) = lines({"name": "a", name: 1})
    assert line.isprintable() and len(line) < 200 and "is not an option" in line


class Judged(BaseModel):
    anything: Any
    number: int = 0

    @model_validator(mode="after")
    def _never(self):
        raise ValueError("nothing will do")


class Given:
    """A value that can be watched."""


def test_what_was_wrong_is_not_kept():
    """pydantic's error, a validator's frame and the values it was called with once held each other for ever."""
    given = Given()
    watched = weakref.ref(given)
    with contextlib.suppress(Faults):
        read(Judged, {"anything": [given], "number": "none"})
    del given
    gc.collect()
    assert watched() is None
