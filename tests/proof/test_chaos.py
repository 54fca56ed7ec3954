"""Three kills over one experiment; `make chaos` kills a hundred times."""

import pytest

from tests.proof.chaos import Broken, Chaos, run_chaos


def test_an_experiment_whose_processes_are_killed_finishes(tmp_path):
    figures = run_chaos(tmp_path, kills=3, seed=5, frames=40)
    assert figures["kills"] == 3 and figures["lines"] == 80


def test_a_lost_line_and_a_changed_line_are_noticed(tmp_path):
    class Ended:
        def __init__(self, lines):
            self._lines = lines

        def whole_lines(self):
            return self._lines

    chaos = Chaos(tmp_path, frames=2, seed=1)
    chaos._look(Ended(b"one\ntwo\n"))
    for lines in (b"one\n", b"one\ntwO\nthree\n"):
        with pytest.raises(Broken, match="gone or changed"):
            chaos._look(Ended(lines))
