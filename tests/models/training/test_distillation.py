"""The two-stage training: losses against closed forms and scipy, the orthogonal channel, switches, a tiny run."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy.special import rel_entr, softmax
from torch.nn import functional as F

from hil.cli.codecs.train import command as train_command
from models.codecs.registry import build_codec
from models.errors import ModelError
from models.package.manifest import load_manifest
from models.training.codec.distillation import cross_head, cross_image_relations, feature_affinity, run_decoder
from models.training.codec.loop import CodecStep
from models.training.codec.transmission import pass_frame, perfect_frame
from models.training.codec.two_stage import StudentStep, load_teacher, student_network, train_student, train_teacher
from models.training.stage_config import StudentTraining, TeacherTraining

TINY = {"encoder_widths": [8, 8], "encoder_blocks": [1, 1], "decoder_widths": [8, 8], "decoder_blocks": [1, 2]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (6, 40, 48, 3), dtype=np.uint8))
    return str(path)


def settings(form, pictures, out, steps=2, **changes):
    common = {"images": [pictures], "out": out, "steps": steps, "arguments": TINY, "batch_pixels": 2048}
    return form(**common, crops_px=[32], learning_rate=1e-3, **changes)


@pytest.fixture(scope="module")
def teacher_run(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("teacher") / "teacher"
    train_teacher(settings(TeacherTraining, pictures, out))
    return out


def test_affinity_of_equal_and_of_orthogonal_positions():
    # Equal vectors everywhere: all similarities 1. Orthogonal ones: the identity. They differ off the diagonal.
    equal = torch.ones(2, 4, 2, 2) * torch.tensor([1.0, 3.0])[:, None, None, None]
    orthogonal = 7 * torch.eye(4).reshape(1, 4, 2, 2).expand(2, -1, -1, -1)
    torch.testing.assert_close(feature_affinity(equal, orthogonal), torch.full((2,), 100 / 16 * 12 / 16))
    torch.testing.assert_close(feature_affinity(equal, 5 * equal), torch.zeros(2))
    # Opposite vectors at one of four positions: 6 of 16 similarities go from 1 to -1.
    opposite = torch.ones(1, 3, 2, 2)
    opposite[:, :, 0, 0] = -1
    assert feature_affinity(torch.ones(1, 3, 2, 2), opposite).item() == pytest.approx(100 / 16 * 2 * 6 / 16)


class Toy:
    """Four layers: twice, plus the side, three times, minus one."""

    def layers(self):
        return [lambda x, s: 2 * x, lambda x, s: x + s[:, :, None, None], lambda x, s: 3 * x, lambda x, s: x - 1]


def test_cross_head_is_the_teachers_end_on_the_students_beginning():
    features, side = torch.full((2, 3, 2, 2), 0.5), torch.tensor([[1.0], [2.0]])
    hidden, output = run_decoder(Toy(), features, side, 2)
    torch.testing.assert_close(hidden[:, 0, 0, 0], torch.tensor([2.0, 3.0]))
    torch.testing.assert_close(output[:, 0, 0, 0], torch.tensor([5.0, 8.0]))
    # From layer 3 on the teacher gives 3 h - 1; for h = 4 that is 11, and 3 away from 8.
    loss = cross_head(torch.full((2, 3, 2, 2), 4.0), Toy(), 2, side, torch.full((2, 3, 2, 2), 8.0))
    torch.testing.assert_close(loss, torch.full((2,), 3.0))
    torch.testing.assert_close(cross_head(hidden, Toy(), 2, side, output), torch.zeros(2))
    for layer in (0, 4):
        with pytest.raises(ModelError, match="from 1 to 3"):
            run_decoder(Toy(), features, side, layer)


def test_relations_are_scipys_divergence():
    teacher, student = torch.randn(3, 5, 2, 3), torch.randn(3, 5, 2, 3)
    rows = [F.normalize(f.flatten(2), dim=1).double().numpy() for f in (teacher, student)]
    total = []
    for a in range(3):
        for b in range(3):
            p, q = (softmax(r[a].T @ r[b] / 0.1, axis=1) for r in rows)
            total.append(rel_entr(p, q).sum(axis=1))
    assert cross_image_relations(teacher, student).item() == pytest.approx(np.mean(total), rel=1e-4)
    rotation = torch.linalg.qr(torch.randn(5, 5))[0]
    turned = torch.einsum("ij,bjhw->bihw", rotation, teacher)
    assert cross_image_relations(teacher, turned).item() == pytest.approx(0, abs=1e-4)


def test_orthogonal_users_do_not_meet_and_have_full_power():
    codec = build_codec("compact", TINY | {"users": 2})
    images = torch.rand(2, 64, 3, 32, 32)
    channel = torch.polar(torch.ones(64, 2, 1), torch.rand(64, 2, 1))
    frame = perfect_frame(channel, 3.0)
    with torch.no_grad():
        one = pass_frame(codec, images, frame, torch.Generator().manual_seed(1), orthogonal=True)
        clean = pass_frame(codec, images, perfect_frame(channel, 90.0), torch.Generator().manual_seed(1), True)
        swapped = images.clone()
        swapped[1] = torch.rand(64, 3, 32, 32)
        other = pass_frame(codec, swapped, frame, torch.Generator().manual_seed(1), orthogonal=True)
    assert torch.equal(one.views[0], other.views[0])
    assert not torch.equal(one.views[1], other.views[1])
    assert (one.sides[:, :, 2] == 0).all()
    # The LMMSE error of a unit-power symbol in noise s is s / (1 + s); half of it in each real part. The encoder's
    # side information differs between the two SNRs, so a constant encoder is needed.
    noise = 10**-0.3
    torch.testing.assert_close(clean.views.square().mean().item(), 0.5, rtol=1e-3, atol=0)
    torch.testing.assert_close(one.views.square().mean().item(), 0.5 / (1 + noise), rtol=0.02, atol=0)


def test_without_its_losses_the_student_is_plain_training(pictures, teacher_run, tmp_path):
    teacher = load_teacher(teacher_run)[0]
    plain = {"reconstruction": 1.0, "feature_affinity": 0.0, "cross_head": 0.0}
    chosen = settings(StudentTraining, pictures, tmp_path, teacher=teacher_run, **plain)
    student = student_network(chosen, teacher)
    images = torch.rand(2, 3, 3, 32, 32)
    generators = [torch.Generator().manual_seed(5) for _ in range(6)]
    expected = CodecStep(student)(images, chosen, generators[0])
    given = StudentStep(student, teacher)(images, chosen, generators[1])
    torch.testing.assert_close(given.loss, expected.loss)
    torch.testing.assert_close(given.errors, expected.errors, equal_nan=True)
    step = StudentStep(student, teacher)
    for name in ("feature_affinity", "cross_head", "relational"):
        more = step(images, chosen.model_copy(update={name: 1.0}), generators.pop())
        assert more.loss > given.loss, name
    more.loss.backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None for p in student.encoder.parameters())


@pytest.mark.parametrize("kind", ["mse", "log-mse"])
def test_the_students_other_losses_are_those_of_plain_training_summed_over_its_users(
    pictures, teacher_run, tmp_path, kind
):
    teacher = load_teacher(teacher_run)[0]
    plain = {"reconstruction": 1.0, "feature_affinity": 0.0, "cross_head": 0.0, "loss": kind}
    chosen = settings(StudentTraining, pictures, tmp_path, teacher=teacher_run, **plain)
    student = student_network(chosen, teacher)
    images = torch.rand(2, 3, 3, 32, 32)
    expected = CodecStep(student)(images, chosen, torch.Generator().manual_seed(5))
    given = StudentStep(student, teacher)(images, chosen, torch.Generator().manual_seed(5))
    torch.testing.assert_close(given.loss, 2 * expected.loss)


def test_a_student_goes_on_from_a_codec_that_exists(pictures, teacher_run, tmp_path):
    teacher, _, _ = load_teacher(teacher_run)
    first = settings(StudentTraining, pictures, tmp_path / "first", teacher=teacher_run, parted=True)
    trained, _ = train_student(first)
    chosen = settings(StudentTraining, pictures, tmp_path / "second", teacher=teacher_run, initial_codec=first.out)
    student = student_network(chosen, teacher)
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(student.state_dict()[name], value)


def test_the_student_starts_from_the_teacher(pictures, teacher_run, tmp_path):
    teacher, _, _ = load_teacher(teacher_run)
    chosen = settings(StudentTraining, pictures, tmp_path, teacher=teacher_run)
    student = student_network(chosen, teacher)
    assert len(student.decoders) == 2
    for name, value in teacher.decoders[0].state_dict().items():
        assert all(torch.equal(decoder.state_dict()[name], value) for decoder in student.decoders)
    fresh = student_network(chosen.model_copy(update={"from_teacher": False}), teacher)
    assert not torch.equal(fresh.encoder.stem.weight, student.encoder.stem.weight)


def test_a_parted_student_is_loud_on_its_own_symbols(pictures, teacher_run, tmp_path):
    """The teacher's encoder with nothing but the last projection scaled: other users' symbols by shared_start."""
    teacher, _, _ = load_teacher(teacher_run)
    chosen = settings(StudentTraining, pictures, tmp_path, teacher=teacher_run, parted=True)
    student = student_network(chosen, teacher)
    assert torch.equal(student.encoder.stem.weight, teacher.encoder.stem.weight)
    ratio = student.encoder.projection / teacher.encoder.projection
    half = ratio.shape[2] // 4  # of the complex symbols, whose real parts come first
    for user, own in enumerate((slice(0, half), slice(half, 2 * half))):
        other = slice(half, 2 * half) if user == 0 else slice(0, half)
        torch.testing.assert_close(ratio[user][:, own], torch.ones_like(ratio[user][:, own]))
        torch.testing.assert_close(ratio[user][:, other], torch.full_like(ratio[user][:, other], 0.2))


def test_a_network_without_a_projection_per_user_cannot_be_parted(pictures, tmp_path):
    arguments = {"widths": [8, 12], "blocks": [1, 1]}
    common = {"images": [pictures], "batch_pixels": 2048, "crops_px": [32], "steps": 1}
    run = tmp_path / "t"
    train_teacher(TeacherTraining(**common, out=run, arguments=arguments, architecture="convnext"))
    with pytest.raises(ModelError, match="only a compact codec"):
        train_student(StudentTraining(**common, out=tmp_path / "s", teacher=run, parted=True))


@pytest.mark.parametrize("architecture", ["compact", "convnext"])
def test_a_killed_student_resumes_exactly(pictures, tmp_path, architecture, whole_and_in_parts):
    arguments = TINY if architecture == "compact" else {"widths": [8, 12], "blocks": [1, 1], "layer_scale": 0.1}
    common = {"images": [pictures], "batch_pixels": 2048, "crops_px": [32], "steps": 4}
    teacher = TeacherTraining(**common, out=tmp_path / "t", arguments=arguments, architecture=architecture)
    train_teacher(teacher)

    def student(out):
        return StudentTraining(**common, out=out, teacher=tmp_path / "t", relational=0.1, checkpoint_s=1e-9)

    whole, parts = whole_and_in_parts(lambda out, resume: train_student(student(out), resume))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert not any("teacher" in name for name in whole)


def test_the_commands_train_both_stages(pictures, tmp_path):
    config = tmp_path / "tiny.yaml"
    config.write_text(json.dumps({"arguments": TINY, "batch_pixels": 2048, "crops_px": [32], "steps": 2}))
    common = ["--config", str(config), "--images", pictures, "--validation", pictures]
    teacher = str(tmp_path / "teacher")
    CliRunner().invoke(train_command, ["teacher", *common, "--out", teacher], catch_exceptions=False)
    metrics = json.loads((tmp_path / "teacher" / "metrics.json").read_text())
    assert metrics["psnr_db"]["set.npz"]["images"] == 6
    arguments = ["student", *common, "--teacher", teacher, "--out", str(tmp_path / "student")]
    CliRunner().invoke(train_command, arguments, catch_exceptions=False)
    manifest = load_manifest(tmp_path / "student" / "student")
    assert "cross_head 1.0" in manifest.provenance.note
    assert "--teacher teacher" in manifest.provenance.command
    assert str(tmp_path) not in manifest.model_dump_json()


def test_a_folder_without_a_teacher_is_refused(pictures, tmp_path):
    with pytest.raises(ModelError, match="not a teacher"):
        train_student(settings(StudentTraining, pictures, tmp_path / "s", teacher=tmp_path))
