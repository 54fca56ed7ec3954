"""A graph without circles, drawn in layers from top to bottom with few crossings (after Sugiyama, 1981)."""

from collections.abc import Mapping
from dataclasses import dataclass

Graph = Mapping[str, set[str]]
Stop = tuple[str, ...]  # a room (name,), or where a long line passes a layer (from, to, layer)

WIDTH, HEIGHT, GAP, RISE, PASSAGE = 128.0, 34.0, 16.0, 46.0, 8.0
SWEEPS = 30


@dataclass(frozen=True)
class Drawing:
    """centres: room -> (x, y) of the middle of its box, from (0, 0). lines: points from box to box, downwards."""

    centres: dict[str, tuple[float, float]]
    lines: list[list[tuple[float, float]]]
    width: float
    height: float


def reduced(graph: Graph) -> dict[str, set[str]]:
    """The same graph without the lines that longer ways make superfluous (transitive reduction)."""

    def behind(name: str) -> set[str]:
        return set().union(*({other} | behind(other) for other in graph[name]))

    return {name: others - set().union(*(behind(other) for other in others)) for name, others in graph.items()}


def arrange(graph: Graph) -> Drawing:
    """Places for the boxes of `graph` and the lines of its transitive reduction."""
    thin = reduced(graph)
    layers, links = _layers(thin)
    layers = _untangled(layers, links)
    across = _spread(layers, links)
    down = {stop: HEIGHT / 2 + i * (HEIGHT + RISE) for i, layer in enumerate(layers) for stop in layer}
    left = min(across[stop] - _half(stop) for stop in across)
    place = {stop: (across[stop] - left, down[stop]) for stop in across}
    lines = [_line((name,), (other,), place, links) for name in sorted(thin) for other in sorted(thin[name])]
    width = max(place[stop][0] + _half(stop) for stop in place)
    return Drawing({stop[0]: at for stop, at in place.items() if len(stop) == 1}, lines, width, max(down.values()) + 17)


def _layers(graph: Graph) -> tuple[list[list[Stop]], dict[Stop, list[Stop]]]:
    """Rooms by their distance from those that import nobody, lowest last, and passages where a line passes layers."""
    rank: dict[str, int] = {}

    def height(name: str) -> int:
        rank.setdefault(name, 1 + max((height(other) for other in graph[name]), default=-1))
        return rank[name]

    top = max(height(name) for name in graph)
    layers: list[list[Stop]] = [[] for _ in range(top + 1)]
    links: dict[Stop, list[Stop]] = {}
    for name in sorted(graph):
        layers[top - rank[name]].append((name,))
        for other in sorted(graph[name]):
            way: list[Stop] = [(name, other, str(r)) for r in range(rank[name] - 1, rank[other], -1)]
            for stop in way:
                layers[top - int(stop[2])].append(stop)
            for a, b in zip([(name,), *way], [*way, (other,)], strict=True):
                links.setdefault(a, []).append(b)
    return layers, links


def _upwards(links: Mapping[Stop, list[Stop]]) -> dict[Stop, list[Stop]]:
    above: dict[Stop, list[Stop]] = {}
    for stop, below in links.items():
        for other in below:
            above.setdefault(other, []).append(stop)
    return above


def _untangled(layers: list[list[Stop]], links: dict[Stop, list[Stop]]) -> list[list[Stop]]:
    """Each layer by the mean place of its neighbours, down and up again; the best order that was met."""
    above, best = _upwards(links), [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        neighbours = links if sweep % 2 else above
        order = range(len(layers)) if neighbours is above else reversed(range(len(layers)))
        for i in order:
            place = {stop: n for layer in layers for n, stop in enumerate(layer)}
            mean = {s: _mean([place[o] for o in neighbours.get(s, [])], place[s]) for s in layers[i]}
            layers[i] = sorted(layers[i], key=lambda s: (mean[s], place[s]))
        if _crossings(layers, links) < _crossings(best, links):
            best = [list(layer) for layer in layers]
    return best


def _crossings(layers: list[list[Stop]], links: dict[Stop, list[Stop]]) -> int:
    place = {stop: n for layer in layers for n, stop in enumerate(layer)}
    count = 0
    for layer in layers:
        ends = [(place[a], place[b]) for a in layer for b in links.get(a, [])]
        count += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :])
    return count


def _spread(layers: list[list[Stop]], links: dict[Stop, list[Stop]]) -> dict[Stop, float]:
    """Places from left to right: near the neighbours', in order, and never on top of each other."""
    above = _upwards(links)
    across: dict[Stop, float] = {}
    for layer in layers:
        wide = sum(2 * _half(s) + GAP for s in layer)
        at = -wide / 2
        for stop in layer:
            across[stop] = at + _half(stop)
            at += 2 * _half(stop) + GAP
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 else layers[::-1]:
            wish = [_mean([across[o] for o in [*links.get(s, []), *above.get(s, [])]], across[s]) for s in layer]
            right, left = list(wish), list(wish)
            for i in range(1, len(layer)):
                right[i] = max(right[i], right[i - 1] + _apart(layer[i - 1], layer[i]))
            for i in reversed(range(len(layer) - 1)):
                left[i] = min(left[i], left[i + 1] - _apart(layer[i], layer[i + 1]))
            across |= {s: (a + b) / 2 for s, a, b in zip(layer, right, left, strict=True)}
    return across


def _line(
    start: Stop, end: Stop, place: Mapping[Stop, tuple[float, float]], links: Mapping[Stop, list[Stop]]
) -> list[tuple[float, float]]:
    way, stop = [start], start
    while stop != end:
        stop = next(s for s in links[stop] if s == end or s[:2] == (start[0], end[0]))
        way.append(stop)
    points = [place[s] for s in way]
    (x, y), (u, v) = points[0], points[-1]
    return [(x, y + HEIGHT / 2), *points[1:-1], (u, v - HEIGHT / 2)]


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _half(stop: Stop) -> float:
    return WIDTH / 2 if len(stop) == 1 else PASSAGE / 2


def _apart(a: Stop, b: Stop) -> float:
    return _half(a) + _half(b) + GAP
