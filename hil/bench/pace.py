"""How fast a run records, and what its nodes spend on it, between its beginning and its end."""

from dataclasses import dataclass, field
from typing import Any

from hil.bench.node_cpu import node_cpu_s

WARM_UP_SHARE, END_SHARE = 0.2, 0.95


@dataclass
class Pace:
    """When how many images were recorded, and what the nodes had spent by then; at most once every `step` images."""

    step: int
    stamps: list[tuple[float, int, dict[str, float]]] = field(default_factory=list)

    def __call__(self, at_s: float, images: int) -> None:
        if images >= (self.stamps[-1][1] if self.stamps else 0) + self.step:
            self.stamps.append((at_s, images, node_cpu_s()))

    def steady(self) -> dict[str, Any]:
        """Images a second and milliseconds of processor time a frame between start and end."""
        last = self.stamps[-1][1]
        between = [stamp for stamp in self.stamps if WARM_UP_SHARE * last <= stamp[1] <= END_SHARE * last]
        if len(between) < 2:
            return {"images_per_s_steady": None, "cpu_ms_a_frame": None, "cpu_ms_a_frame_by_node": {}}
        (first_s, first, before), (last_s, last, after) = between[0], between[-1]
        images = last - first
        spent = {name: 2e3 * (after[name] - before.get(name, 0.0)) / images for name in sorted(after)}
        return {
            "images_per_s_steady": images / (last_s - first_s),
            "cpu_ms_a_frame": sum(spent.values()) or None,
            "cpu_ms_a_frame_by_node": spent,
        }
