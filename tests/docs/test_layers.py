"""The picture of the house: superfluous lines are left out, and what is drawn can be read."""

import importlib.util
import itertools

from tests.docs.blocks import DOCS


def load_layers():
    spec = importlib.util.spec_from_file_location("layers", DOCS / "hooks" / "layers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LAYERS = load_layers()
GRAPH = {"top": {"left", "right", "low"}, "left": {"low"}, "right": {"low"}, "low": set(), "alone": set()}


def test_a_line_that_a_longer_way_implies_is_left_out():
    assert LAYERS.reduced(GRAPH) == GRAPH | {"top": {"left", "right"}}


def test_lines_lead_downwards_from_box_to_box():
    drawing = LAYERS.arrange(GRAPH)
    assert len(drawing.lines) == 4
    for line in drawing.lines:
        assert all(a[1] < b[1] for a, b in itertools.pairwise(line))
    assert drawing.centres["top"][1] < drawing.centres["left"][1] < drawing.centres["low"][1]


def test_boxes_stand_apart_and_inside():
    drawing = LAYERS.arrange(GRAPH)
    for (x, y), (u, v) in itertools.combinations(drawing.centres.values(), 2):
        assert abs(x - u) >= LAYERS.WIDTH or abs(y - v) > LAYERS.HEIGHT
    for x, y in drawing.centres.values():
        assert (
            LAYERS.WIDTH / 2 <= x <= drawing.width - LAYERS.WIDTH / 2 + 1e-9 and y + LAYERS.HEIGHT / 2 <= drawing.height
        )


def test_lines_that_need_not_cross_do_not():
    twisted = {"a": {"z"}, "b": {"y"}, "c": {"x"}, "x": set(), "y": set(), "z": set()}
    lines = sorted(LAYERS.arrange(twisted).lines)
    assert [line[-1][0] for line in lines] == sorted(line[-1][0] for line in lines)
