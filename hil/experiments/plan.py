"""A plan: which settings an experiment varies, and what it keeps fixed. A YAML file, validated before anything starts.

name: snr-sweep
kind: loopback                  # whole runs of the testbed; evaluate: schemes over the bare channel
base: loopback                  # a file of configs/ or a path; optional
set: {frames: 8}                # options that all points have
schemes:                        # names for bundles of options, for the axis `scheme`; optional
  refined: {codec: compact-2u, refine: true}
grid:                           # every combination is a point
  snr_db: 0:20:5
  channel: [awgn, tdl-a]
  scheme: [compact-2u, refined]
  seed: [1, 2, 3]
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hil.errors import FaultyInput, UsageError
from hil.experiments.ranges import parse_numbers
from hil.packaged import named_file
from hil.yaml_text import yaml_values
from models.faults import Faults, read
from radio.quantity import unit_of

MAX_POINTS = 100_000
GAINS = {"tx_gain_db": "radio.tx_gain_db", "rx_gain_db": "radio.rx_gain_db"}  # short names of axes
SCHEME = "scheme"
Scalar = str | int | float | bool | None


class Plan(BaseModel):
    """grid: option -> its values; keys of `set` and `grid` are options of the run's configuration, dotted below it.

    attempts: how often a point is tried when one of its nodes dies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    kind: Literal["loopback", "evaluate"] = "loopback"
    base: str | None = Field(None, min_length=1)
    fixed: dict[str, Any] = Field({}, alias="set")
    schemes: dict[str, dict[str, Any]] = {}
    grid: dict[str, tuple[Scalar, ...]] = {}
    attempts: int = Field(3, ge=1, le=100)

    @field_validator("grid", mode="before")
    @classmethod
    def _lists(cls, grid: Any) -> Any:
        """Single values and ranges like 0:20:5 become lists."""
        return {name: _values(name, given) for name, given in grid.items()} if isinstance(grid, dict) else grid

    @field_validator("grid")
    @classmethod
    def _each_value_once(cls, grid: dict[str, tuple[Scalar, ...]]) -> dict[str, tuple[Scalar, ...]]:
        faults = [f"grid.{name} has no values" for name, values in grid.items() if not values]
        faults += [f"grid.{name} names a value twice" for name, v in grid.items() if len(set(map(repr, v))) < len(v)]
        if faults:
            raise ValueError("\n".join(faults))
        return grid

    @model_validator(mode="after")
    def _axes_fit(self) -> "Plan":
        for name in self.grid:
            if name in self.fixed:
                raise ValueError(f"{name} stands in set and in grid; keep one of them")
        if self.kind == "evaluate" and (self.base or self.schemes):
            raise ValueError("base and schemes belong to plans of kind loopback")
        unused = set(self.schemes) - set(map(str, self.grid.get(SCHEME, ())))
        if unused:
            raise ValueError(f"schemes.{min(unused)} is not among the values of grid.{SCHEME}")
        if self.point_count > MAX_POINTS:
            raise ValueError(f"grid makes {self.point_count} points; at most {MAX_POINTS} are possible")
        return self

    @property
    def point_count(self) -> int:
        """Combinations of the grid, before `evaluate` takes all schemes of a channel together."""
        count = 1
        for values in self.grid.values():
            count *= len(values)
        return count


def _values(name: str, given: Any) -> Any:
    if isinstance(given, str) and ":" in given:
        try:
            numbers = parse_numbers(given, unit_of(name))
        except ValueError as error:
            raise ValueError(f"grid.{name}: {error}") from None
        return [int(number) if number.is_integer() else round(number, 9) for number in numbers]
    return given if isinstance(given, list | tuple) else [given]


def load_plan(path: Path) -> Plan:
    """A plan's file, or the name of one in configs/plans. Raises UsageError with all faults, each on a line."""
    path = named_file(path, "plans")
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())[:300]}.") from None
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds no plan; a mapping with name and grid is needed.")
    try:
        return read(Plan, values)
    except Faults as faults:
        raise FaultyInput(str(path), faults) from None
