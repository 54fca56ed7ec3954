"""A plan's points: every combination of its grid, each with its whole, validated configuration."""

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.experiments.plan import GAINS, SCHEME, Plan, Scalar

LONGEST_ID = 12


class EvaluationConfig(BaseModel):
    """One point of kind evaluate: schemes on the same pictures over one bare channel (models/evaluation)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: tuple[str, ...] = Field(min_length=1)
    images: str = "demo"
    channel: Literal["awgn", "rayleigh", "random-phase", "selective"] = "awgn"
    users: int = Field(2, ge=1, le=8)
    snr_db: float = Field(10.0, ge=-30, le=60)
    seed: int = Field(30_000, ge=0, lt=1 << 63)
    limit: int | None = Field(None, ge=1, description="Only the first so many pictures.")
    ratio: float | None = Field(None, gt=0, le=1, description="Channel uses per image real; null is the codecs'.")
    compute_device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")


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
        return " ".join(f"{name}={value}" for name, value in self.axes.items()) or self.scheme


def unfold(plan: Plan) -> list[Point]:
    """Every point of a plan, the last axis varying fastest. Raises UsageError for the first that cannot be run."""
    grid = dict(plan.grid)
    together = plan.kind == "evaluate"
    schemes = grid.pop(SCHEME, None) if together else None
    points: list[Point] = []
    for values in itertools.product(*grid.values()):
        axes = dict(zip(grid, values, strict=True))
        config = _evaluation(plan, axes, schemes) if together else _run(plan, axes)
        scheme = "" if together else str(axes.get(SCHEME) or _scheme_of(config))
        points.append(Point(len(points), plan.kind, axes, scheme, config, plan.attempts))
    seen: dict[str, Point] = {}
    for point in points:
        twin = seen.setdefault(point.id, point)
        if twin is not point:
            raise UsageError(f"plan {plan.name}: points {twin.label} and {point.label} are the same run.")
    return points


def _run(plan: Plan, axes: Mapping[str, Scalar]) -> RunConfig:
    overrides = copy.deepcopy(plan.fixed)  # sections are filled in place
    for name, value in axes.items():
        if name != SCHEME:
            overrides[GAINS.get(name, name)] = value
            continue
        overrides |= copy.deepcopy(plan.schemes.get(str(value), {"codec": value}))
    try:
        return load_config(Path(plan.base) if plan.base else None, overrides)
    except UsageError as error:
        where = " ".join(f"{name}={value}" for name, value in axes.items())
        raise UsageError(f"plan {plan.name}{f', point {where}' if where else ''}: {error}") from None


def _scheme_of(config: RunConfig | EvaluationConfig) -> str:
    assert isinstance(config, RunConfig)
    return Path(config.codec).name + (" refined" if config.refine else "")


def _evaluation(plan: Plan, axes: Mapping[str, Scalar], schemes: tuple[Scalar, ...] | None) -> EvaluationConfig:
    """schemes are compared at the same channel uses, so that one point has them all."""
    try:
        return EvaluationConfig.model_validate({"schemes": schemes or (), **plan.fixed, **axes})
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            text = f"{name} is not an option of kind evaluate; allowed are {', '.join(EvaluationConfig.model_fields)}"
        elif name == "schemes":
            text = f"grid.{SCHEME} must name at least one scheme"
        else:
            text = f"{name} is {fault['input']!r}: {fault['msg'][0].lower()}{fault['msg'][1:]}"
        raise UsageError(f"plan {plan.name}: {text}.") from None


def to_text(point: Point) -> str:
    """A point as JSON, for a machine that runs it."""
    values = {name: getattr(point, name) for name in ("index", "kind", "scheme", "attempts")}
    return json.dumps({**values, "axes": dict(point.axes), "config": point.config.model_dump(mode="json")})


def from_text(text: str) -> Point:
    """The point that to_text had."""
    values = json.loads(text)
    form = EvaluationConfig if values["kind"] == "evaluate" else RunConfig
    return Point(**{**values, "config": form.model_validate(values["config"])})
