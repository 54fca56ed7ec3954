"""An experiment's bookkeeping, held against runs whose results are known: nothing twice, nothing lost, all told."""

import json
import platform
import threading
from collections import Counter

import numpy as np
import pyarrow.parquet
import pytest
from rich.console import Console

import hil.supervise.loopback
from hil.errors import HilError, UsageError
from hil.experiments.grid import unfold
from hil.experiments.plan import Plan
from hil.experiments.progress import Estimate, duration_text
from hil.experiments.run import run_experiment
from hil.experiments.table import is_circumstance, read_table
from hil.results.rows import ResultRow
from hil.results.writer import ResultWriter
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder

PLAN = Plan(name="known", set={"frames": 3}, grid={"snr_db": [0, 10], "seed": [1, 2]})


class Stage:
    """Stands for run_loopback: records known figures, dies where told, notes what it was asked for."""

    def __init__(self, monkeypatch):
        self.recorded, self.lock = [], threading.Lock()
        self.deaths, self.died, self.deaths_of_a_point = [], Counter(), 3
        monkeypatch.setattr(hil.supervise.loopback, "run_loopback", self)

    def __call__(self, config, out, *, resume, console, on_progress, report):
        writer = ResultWriter(out, resume=resume)
        pixels = np.full((8, 8, 3), 100, np.uint8)
        try:
            for frame in range(config.frames):
                for user in range(config.users):
                    if (frame, user) in writer.done:
                        continue
                    with self.lock:
                        self.recorded.append((config.snr_db, config.seed, frame, user))
                        point = config.snr_db, config.seed
                        spared = self.died[point] == self.deaths_of_a_point
                        if self.deaths and len(self.recorded) >= self.deaths[0] and not spared:
                            self.recorded.pop()
                            self.deaths.pop(0)
                            self.died[point] += 1
                            raise HilError("tx0 was killed by SIGKILL")
                    psnr = config.snr_db + 0.1 * frame + user
                    row = ResultRow(
                        frame=frame, user=user, decoded=True, reason=None, psnr_db=psnr, events={"late": frame},
                        seeds={"run": config.seed}, latency_ms={"decode": 1.0}, note={"lens": "50 mm"} if user else {},
                    )  # fmt: skip
                    writer.append(row, original=pixels, received=pixels)
                    on_progress(0.0, len(writer.done))
        finally:
            writer.close()
        return {"missing": [], "images_sent": len(writer.done)}


@pytest.fixture
def stage(monkeypatch):
    return Stage(monkeypatch)


def run(out, plan=PLAN, **options):
    return run_experiment(plan, out, console=Console(quiet=True), **options)


EVERY = [(snr, seed, frame, user) for snr in (0, 10) for seed in (1, 2) for frame in range(3) for user in range(2)]


def keys(out):
    return [(row["snr_db"], row["seed"], row["frame"], row["user"]) for row in read_table(out / "table.parquet")]


def test_one_row_per_user_and_picture_with_all_provenance(stage, tmp_path):
    facts = run(tmp_path / "e")
    assert (facts["points"], facts["done"], facts["rows"]) == (4, 4, 24)
    rows = read_table(tmp_path / "e/table.parquet")
    assert keys(tmp_path / "e") == EVERY == stage.recorded
    manifest = load_manifest(codec_folder())
    for row in rows:
        assert row["psnr_db"] == pytest.approx(row["snr_db"] + 0.1 * row["frame"] + row["user"])
        assert (row["event_late"], row["seed_run"], row["latency_ms_decode"]) == (row["frame"], row["seed"], 1.0)
        assert manifest.files.encoder.sha256 in json.loads(row["weights_sha256"])[manifest.name]
        config = json.loads(row["config"])
        assert (config["snr_db"], config["seed"]) == (row["snr_db"], row["seed"])
        assert row["note"] == ('{"lens": "50 mm"}' if row["user"] else None)
        assert json.loads(row["packages"])["numpy"] == np.__version__ and row["machine_cores"] >= 1
        assert (tmp_path / "e" / row["received_image"]).is_file()
    assert len({row["config_digest"] for row in rows}) == 4


def test_a_table_names_no_host_and_no_folder(stage, tmp_path):
    (tmp_path / "secret-folder").mkdir()
    np.savez(tmp_path / "secret-folder" / "mine.npz", images=np.zeros((2, 8, 8, 3), np.uint8))
    plan = Plan(name="p", set={"images": str(tmp_path / "secret-folder" / "mine.npz"), "frames": 1})
    run(tmp_path / "e", plan)
    rows = read_table(tmp_path / "e/table.parquet")
    assert "mine.npz" in str(rows) and "secret-folder" not in str(rows)
    words = " ".join(str(value) for name, value in rows[0].items() if name.startswith("machine_")).split()
    assert platform.machine() in words and platform.node() not in words


def test_what_is_done_is_not_done_again(stage, tmp_path):
    run(tmp_path / "e")
    before = pyarrow.parquet.read_table(tmp_path / "e/table.parquet")
    stage.recorded.clear()
    assert run(tmp_path / "e")["done_before"] == 4
    assert stage.recorded == [] and pyarrow.parquet.read_table(tmp_path / "e/table.parquet").equals(before)
    grown = Plan(name="known", set={"frames": 3}, grid={"snr_db": [0, 5, 10], "seed": [1, 2]})
    run(tmp_path / "e", grown)
    assert {snr for snr, *_ in stage.recorded} == {5} and len(keys(tmp_path / "e")) == 36


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_node_that_dies_costs_nothing(stage, tmp_path, jobs):
    stage.deaths, stage.deaths_of_a_point = [3, 9, 17], 2  # three deaths of one point would fail it
    run(tmp_path / "e", jobs=jobs)
    assert sorted(stage.recorded) == EVERY and keys(tmp_path / "e") == EVERY
    assert {row["point_starts"] for row in read_table(tmp_path / "e/table.parquet")} >= {1, 2}


def test_a_point_that_keeps_dying_leaves_the_others_running(stage, tmp_path):
    stage.deaths = [8, 8, 8]
    with pytest.raises(HilError, match="1 of 4 points failed"):
        run(tmp_path / "e")
    assert len(keys(tmp_path / "e")) == 18
    assert run(tmp_path / "e")["done_before"] == 3
    assert sorted(stage.recorded) == EVERY and keys(tmp_path / "e") == EVERY


def test_an_interruption_ends_all_and_is_taken_up(stage, tmp_path, monkeypatch):
    import hil.experiments.local as local

    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "_collect", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "e", jobs=2)
    monkeypatch.undo()
    Stage.__init__(stage, monkeypatch)
    run(tmp_path / "e")
    assert keys(tmp_path / "e") == EVERY


def test_another_plan_or_a_second_run_is_refused(stage, tmp_path):
    from hil.experiments.journal import Journal

    run(tmp_path / "e")
    with pytest.raises(UsageError, match="holds the experiment 'known'"):
        run(tmp_path / "e", Plan(name="other"))
    with Journal(tmp_path / "e", PLAN).held(), pytest.raises(UsageError, match="another run works"):
        run(tmp_path / "e")


def test_columns_that_differ_between_runs_are_named(stage, tmp_path):
    tables = []
    for name in "ab":
        run(tmp_path / name)
        tables.append(pyarrow.parquet.read_table(tmp_path / name / "table.parquet"))
    kept = [column for column in tables[0].column_names if not is_circumstance(column)]
    assert tables[0].select(kept).equals(tables[1].select(kept)) and "psnr_db" in kept


def test_the_estimate_counts_only_what_this_session_did():
    now = [0.0]
    points = unfold(PLAN)  # four of six images each
    estimate = Estimate(points, clock=lambda: now[0])
    assert estimate.remaining_s() is None
    estimate.note(points[0], 3)  # recorded by an earlier session
    now[0] = 6.0
    estimate.finish(points[0])
    assert estimate.remaining_s() == pytest.approx(18 * 6.0 / 3)
    estimate.note(points[1], 0)
    now[0] = 12.0
    estimate.note(points[1], 3)
    assert estimate.remaining_s() == pytest.approx(15 * 12.0 / 6)
    assert [duration_text(s) for s in (7.6, 200, 7500)] == ["8 s", "3 min 20 s", "2 h 05 min"]


def test_evaluation_rows_average_to_what_evaluate_measures(tmp_path):
    from models.evaluation.compare import compare
    from models.evaluation.schemes import open_scheme
    from models.images import open_images

    pixels = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "set.npz", images=pixels)
    names = ("compact-2u", "digital-jpeg")
    plan = Plan(
        name="p", kind="evaluate", set={"images": str(tmp_path / "set.npz"), "seed": 4},
        grid={"channel": "rayleigh", "snr_db": [8], "scheme": names},
    )  # fmt: skip
    run(tmp_path / "e", plan)
    rows = read_table(tmp_path / "e/table.parquet")
    schemes = [open_scheme(name, 2) for name in names]
    for row in compare(open_images(str(tmp_path / "set.npz")), schemes, "rayleigh", 2, [8.0], seed=4):
        mine = [own for own in rows if own["scheme"] == row.scheme]
        assert [(own["frame"], own["user"]) for own in mine] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
        assert np.mean([own["psnr_db"] for own in mine]) == pytest.approx(row.psnr_db, abs=1e-4)
        assert np.mean([own["ssim"] for own in mine]) == pytest.approx(row.ssim, abs=1e-4)
