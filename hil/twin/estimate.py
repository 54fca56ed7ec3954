"""One value of a twin and how well it is known."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """name: of the configuration, dotted. uncertainty: one standard deviation, None where it is unknown.

    fitted: whether the twin has this value; otherwise the default stays and `note` says why.
    """

    name: str
    value: Any
    uncertainty: float | None
    unit: str
    fitted: bool = True
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        """One line, without the name."""
        if not self.fitted:
            return f"default kept: {self.note}"
        if isinstance(self.value, dict) or (isinstance(self.value, list) and isinstance(self.value[0], dict)):
            return self.note
        text = f"{self.value:.5g}" if isinstance(self.value, float) else str(self.value)
        if self.uncertainty is not None:
            text += f" ± {self.uncertainty:.2g}"
        return " ".join(part for part in (text, self.unit, f"({self.note})" if self.note else "") if part)


def kept(name: str, note: str) -> Estimate:
    """A value that stays at its default, and why."""
    return Estimate(name, None, None, "", False, note)
