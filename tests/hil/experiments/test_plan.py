"""What a plan may say, what its grid becomes, and that mistakes are told before anything starts."""

import itertools

import pytest
from click.testing import CliRunner

from hil.cli.runs.run import command
from hil.errors import UsageError
from hil.experiments.grid import from_text, to_text, unfold
from hil.experiments.plan import Plan, load_plan
from hil.experiments.run import check_points
from hil.packaged import packaged_config_folder


def plan_file(tmp_path, text):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return path


def test_every_combination_is_a_point_once():
    plan = Plan(name="p", set={"frames": 2}, grid={"snr_db": "0:10:5", "channel": ["awgn", "tdl-a"], "seed": [1, 2]})
    points = unfold(plan)
    wanted = list(itertools.product([0, 5, 10], ["awgn", "tdl-a"], [1, 2]))
    assert [(p.config.snr_db, p.config.channel, p.config.seed) for p in points] == wanted
    assert len({point.id for point in points}) == len(wanted)
    assert all(point.images == 4 for point in points)


def test_a_growing_plan_keeps_its_points():
    few = unfold(Plan(name="p", grid={"snr_db": [0, 10]}))
    more = unfold(Plan(name="p", grid={"seed": [1, 2], "snr_db": [0, 5, 10]}))
    assert {point.id for point in few} < {point.id for point in more}


def test_schemes_gains_and_dotted_names_reach_the_configuration():
    plan = Plan(
        name="p",
        schemes={"cancelling": {"cancel": True, "air.clock_ppm": 20}},
        grid={"scheme": ["compact-2u", "cancelling"], "tx_gain_db": [-30], "air.adc_bits": [9]},
    )
    plain, cancelling = unfold(plan)
    assert (plain.scheme, plain.config.codec, plain.config.cancel) == ("compact-2u", "compact-2u", False)
    assert cancelling.config.cancel and cancelling.config.air.clock_ppm == 20
    assert cancelling.config.radio.tx_gain_db == -30 and plain.config.air.adc_bits == 9


@pytest.mark.parametrize("kind", ["loopback", "evaluate"])
def test_a_point_survives_its_journey_as_text(kind):
    grid = {"scheme": ["compact-2u"], "snr_db": [3]}
    point = unfold(Plan(name="p", kind=kind, grid=grid))[0]
    assert from_text(to_text(point)) == point
    assert from_text(to_text(point)).id == point.id


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: p\ngrid: {snr_dB: [1]}", "snr_dB is not an option"),
        ("name: p\ngrid: {snr_db: [1, 1]}", "names a value twice"),
        ("name: p\ngrid: {snr_db: []}", "has no values"),
        ("name: p\ngrid: {snr_db: '0:1:0'}", "has no values"),
        ("name: p\ngrid: {snr_db: [99]}", "snr_db is 99"),
        ("name: p\nset: {seed: 1}\ngrid: {seed: [1]}", "stands in set and in grid"),
        ("name: p\nschemes: {a: {}}\ngrid: {scheme: [b]}", "schemes.a is not among"),
        ("name: p\ngrids: {}", "grids is not an option (did you mean grid?)"),
        ("name: ../p", "name is '../p'"),
        ("name: p\ngrid: {seed: '0:999:1', snr_db: '0:999:1'}", "at most 100000"),
        ("name: p\ngrid: {channel: [awgn], scheme: [awgn]}", "'awgn' is no installed codec"),
        ("name: p\nset: {images: /nowhere}", "/nowhere"),
        ("name: p\nkind: evaluate\ngrid: {snr_db: [1]}", "at least one scheme"),
        ("name: p\nkind: evaluate\ngrid: {scheme: [digital-bmp]}", "image format 'bmp'"),
        ("name: p\nkind: evaluate\nset: {frames: 3}\ngrid: {scheme: [compact-2u]}", "frames is not an option"),
        ("[1, 2]", "holds no plan"),
        ("name: [", "not valid YAML"),
    ],
)
def test_mistakes_are_one_sentence_and_start_nothing(tmp_path, text, sentence):
    out = tmp_path / "out"
    done = CliRunner().invoke(command, [str(plan_file(tmp_path, text)), "--out", str(out)])
    assert sentence in str(done.exception) and not out.exists()


def test_faults_of_points_are_told_in_their_order_and_with_the_plans_name():
    with pytest.raises(UsageError) as caught:
        unfold(Plan(name="p", grid={"users": (0, 99), "frames": (0, 1)}))
    _, *lines = str(caught.value).splitlines()
    assert [line.split(" (at ")[1] for line in lines if "users" in line.split(":")[0]] == [
        "users=0 frames=0).",
        "users=99 frames=0).",
    ]
    with pytest.raises(UsageError, match=r"^plan p: nowhere\.yaml is neither"):
        unfold(Plan(name="p", base="nowhere.yaml", grid={"users": (1, 2)}))


def test_two_points_that_are_the_same_run_are_told():
    plan = Plan(name="p", schemes={"again": {"codec": "compact-2u"}}, grid={"scheme": ["compact-2u", "again"]})
    with pytest.raises(UsageError, match="the same run"):
        unfold(plan)


def test_real_radios_take_one_job_and_no_cluster():
    points = unfold(Plan(name="p", set={"radio.device": "file:x"}))
    with pytest.raises(UsageError, match="--jobs 1"):
        check_points(points, jobs=2)
    with pytest.raises(UsageError, match="only simulated"):
        check_points(points, ray_address="auto")


@pytest.mark.parametrize("path", sorted((packaged_config_folder() / "plans").glob("*.yaml")), ids=lambda p: p.stem)
def test_packaged_plans_are_valid(path):
    assert unfold(load_plan(path)) == unfold(load_plan(type(path)(path.stem)))
