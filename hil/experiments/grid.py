"""A plan's points: every combination of its grid, each with its whole, validated configuration."""

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from hil.config import RunConfig, load_config
from hil.errors import FaultyInput, UsageError
from hil.experiments.plan import GAINS, SCHEME, Plan, Scalar
from models.faults import Faults, read

LONGEST_ID = 12
MOST_FAULTY = 200  # points that are looked at for more faults


class EvaluationConfig(BaseModel):
    """One point of kind evaluate: schemes on the same pictures over one bare channel (models/evaluation)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: tuple[str, ...]
    images: str = "demo"
    channel: Literal["awgn", "rayleigh", "random-phase", "selective"] = "awgn"
    users: int = Field(2, ge=1, le=8)
    snr_db: float = Field(10.0, ge=-30, le=60)
    seed: int = Field(30_000, ge=0, lt=1 << 63)
    limit: int | None = Field(None, ge=1, description="Only the first so many pictures.")
    ratio: float | None = Field(None, gt=0, le=1, description="Channel uses per image real; null is the codecs'.")
    compute_device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")

    @field_validator("schemes")
    @classmethod
    def _at_least_one(cls, schemes: tuple[str, ...]) -> tuple[str, ...]:
        if not schemes:
            raise ValueError(f"grid.{SCHEME} must name at least one scheme")
        return schemes


@dataclass(frozen=True)
class Point:
    """index: place in the plan; axes: the grid's values here; scheme: what the point is called in curves."""

    index: int
    kind: str
    axes: Mapping[str, Scalar]
    scheme: str
    config: RunConfig | EvaluationConfig
    attempts: int = 3

    @property
    def id(self) -> str:
        """Of kind and configuration alone: a plan that grows keeps the points that it had."""
        values = json.dumps({"kind": self.kind, **self.config.model_dump(mode="json")}, sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()[:LONGEST_ID]

    @property
    def images(self) -> int | None:
        """Rows that the point will have; None where the pictures decide."""
        return self.config.users * self.config.frames if isinstance(self.config, RunConfig) else None

    @property
    def label(self) -> str:
        """The axes in words, e.g. "snr_db=5 channel=awgn"."""
        return _named(self.axes) or self.scheme


def unfold(plan: Plan) -> list[Point]:
    """Every point of a plan, the last axis varying fastest. Raises UsageError with all faults of all points."""
    grid = dict(plan.grid)
    together = plan.kind == "evaluate"
    schemes = grid.pop(SCHEME, None) if together else None
    points: list[Point] = []
    wrong: dict[str, str] = {}  # fault -> the first point that has it
    faulty = 0
    for values in itertools.product(*grid.values()):
        axes = dict(zip(grid, values, strict=True))
        try:
            config = _evaluation(plan, axes, schemes) if together else _run(plan, axes)
        except FaultyInput as error:
            for line in error.lines:
                wrong.setdefault(line, _named(axes))
            faulty += 1
            if faulty == MOST_FAULTY:
                break
            continue
        except UsageError as error:  # of no value: a base that is not there
            raise UsageError(f"plan {plan.name}: {error}") from None
        scheme = "" if together else str(axes.get(SCHEME) or _scheme_of(config))
        points.append(Point(len(points), plan.kind, axes, scheme, config, plan.attempts))
    if wrong:
        lines = [f"{line} (at {where})" if where and faulty > 1 else line for line, where in wrong.items()]
        raise FaultyInput(f"plan {plan.name}", Faults(lines))
    seen: dict[str, Point] = {}
    for point in points:
        twin = seen.setdefault(point.id, point)
        if twin is not point:
            raise UsageError(f"plan {plan.name}: points {twin.label} and {point.label} are the same run.")
    return points


def _named(axes: Mapping[str, Scalar]) -> str:
    return " ".join(f"{name}={value}" for name, value in axes.items())


def _run(plan: Plan, axes: Mapping[str, Scalar]) -> RunConfig:
    overrides = copy.deepcopy(plan.fixed)  # sections are filled in place
    for name, value in axes.items():
        if name != SCHEME:
            overrides[GAINS.get(name, name)] = value
            continue
        overrides |= copy.deepcopy(plan.schemes.get(str(value), {"codec": value}))
    return load_config(Path(plan.base) if plan.base else None, overrides, source="set and grid")


def _scheme_of(config: RunConfig | EvaluationConfig) -> str:
    assert isinstance(config, RunConfig)
    return Path(config.codec).name + (" refined" if config.refine else "")


def _evaluation(plan: Plan, axes: Mapping[str, Scalar], schemes: tuple[Scalar, ...] | None) -> EvaluationConfig:
    """schemes are compared at the same channel uses, so that one point has them all."""
    try:
        return read(EvaluationConfig, {"schemes": schemes or (), **plan.fixed, **axes})
    except Faults as faults:
        raise FaultyInput(f"plan {plan.name}", faults) from None


def to_text(point: Point) -> str:
    """A point as JSON, for a machine that runs it."""
    values = {name: getattr(point, name) for name in ("index", "kind", "scheme", "attempts")}
    return json.dumps({**values, "axes": dict(point.axes), "config": point.config.model_dump(mode="json")})


def from_text(text: str) -> Point:
    """The point that to_text had."""
    values = json.loads(text)
    form = EvaluationConfig if values["kind"] == "evaluate" else RunConfig
    return Point(**{**values, "config": form.model_validate(values["config"])})
