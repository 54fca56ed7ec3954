"""Timing of benchmarks against a clock whose load is known."""

from hil.bench.timing import interleaved_minimum_seconds


def test_load_on_some_calls_does_not_count_and_calls_go_by_turns() -> None:
    now, order = [0.0], []
    load = iter([9.0, 9.0, 5.0, 0.0, 0.0, 5.0, 7.0, 7.0])  # seconds on top, the first two uncounted

    def work(name: str, seconds: float) -> None:
        order.append(name)
        now[0] += seconds + next(load)

    functions = [lambda: work("a", 1.0), lambda: work("b", 2.0)]
    assert interleaved_minimum_seconds(functions, runs=3, clock=lambda: now[0]) == [1.0, 2.0]
    assert order == ["a", "b"] * 4
