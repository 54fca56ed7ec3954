"""The teacher has the channel to itself for every user, wherever it is trained, asked or measured."""

import numpy as np
import pytest
import torch

from models.codecs.registry import build_codec
from models.training.codec import finish, two_stage
from models.training.codec.frames import draw_frame
from models.training.codec.loop import CodecStep
from models.training.codec.transmission import pass_frame, perfect_frame
from models.training.codec.two_stage import StudentStep, train_teacher
from models.training.config import ChannelMix
from models.training.running.checkpoint import Progress
from models.training.stage_config import StudentTraining, TeacherTraining

TINY = {"encoder_widths": [8, 8], "encoder_blocks": [1, 1], "decoder_widths": [8, 8], "decoder_blocks": [1, 2]}
USERS = 3


def codec(seed, **arguments):
    torch.manual_seed(seed)
    return build_codec("compact", TINY | {"users": USERS} | arguments).eval()


def pictures(seed):
    return torch.rand(USERS, 4, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def others_changed(images, user):
    """The same pictures of `user`, and others of everybody else."""
    changed = 1 - images
    changed[user] = images[user]
    return changed


def asked(decoders, act):
    """(views, side) of every call of a decoder network within act()."""
    calls, handles = [], []
    for network in decoders:
        handles.append(
            network.register_forward_pre_hook(lambda _, given: calls.append([x.detach().clone() for x in given]))
        )
    act()
    for handle in handles:
        handle.remove()
    return calls


def teacher():
    return codec(1, decoders="shared")


def in_student_step(images):
    """What the teacher's decoder is asked while the student learns from it, user by user."""
    chosen = StudentTraining(images=["x"], out="x", teacher="x", cross_head=1.0)
    taught = teacher()
    step = StudentStep(codec(2), taught)
    return asked([taught.decoders.decoder], lambda: step(images, chosen, torch.Generator().manual_seed(5)))


def in_training(images, monkeypatch):
    """The same while the teacher itself is trained by train_teacher."""
    calls = []

    def one_step(settings, build, step, *_, **options):
        assert options == {"orthogonal": True}  # early stopping judges it so too
        taught = build(settings)
        made = step(taught)
        calls.extend(asked([taught.decoders.decoder], lambda: made(images, settings, torch.Generator().manual_seed(5))))

    with monkeypatch.context() as patch:
        patch.setattr(two_stage, "train_step", one_step)
        torch.manual_seed(3)
        train_teacher(TeacherTraining(images=["x"], out="x", arguments=TINY, users=USERS))
    return calls


@pytest.mark.parametrize("where", ["student", "training"])
def test_what_the_others_send_does_not_reach_the_teacher(where, monkeypatch):
    images = pictures(1)
    ask = in_student_step if where == "student" else lambda given: in_training(given, monkeypatch)
    before = ask(images)
    assert len(before) == USERS
    for user in range(USERS):
        after = ask(others_changed(images, user))
        torch.testing.assert_close(after[user][0], before[user][0], atol=0, rtol=0)
        assert not torch.equal(after[user - 1][0], before[user - 1][0])
        assert (before[user][1][:, 2] == 0).all()  # nor does it believe that anybody interferes


def test_the_student_is_disturbed_by_the_others():
    """The same look at the student, so that the tests above see what they claim to see."""
    images, chosen = pictures(1), StudentTraining(images=["x"], out="x", teacher="x")
    frame = draw_frame(chosen.channel, 4, USERS, 128, torch.Generator().manual_seed(1))
    with torch.no_grad():
        views = [
            pass_frame(codec(2), given, frame, torch.Generator().manual_seed(1)).views[0]
            for given in (images, others_changed(images, 0))
        ]
    assert not torch.allclose(*views, atol=1e-3)


def test_alone_the_view_is_the_closed_form_of_one_user():
    """z = |h|^2 x + conj(h) n over |h|^2 + noise, with the whole power: no 1 / users, no interference."""
    taught, images = teacher(), pictures(2)
    rng = torch.Generator().manual_seed(4)
    channel = torch.randn(4, USERS, 1, dtype=torch.complex64, generator=rng)
    frame = perfect_frame(channel, 80.0)
    with torch.no_grad():
        given = pass_frame(taught, images, frame, torch.Generator().manual_seed(1), orthogonal=True)
        power = given.views.square().mean(dim=(2, 3, 4)) * 2  # of a complex symbol
    # Without noise the LMMSE view is the symbols themselves, of unit power, however weak a user is.
    torch.testing.assert_close(power, torch.ones_like(power), atol=1e-3, rtol=0)
    torch.testing.assert_close(given.sides[:, :, 1], channel[:, :, 0].abs().T)


def test_the_teacher_is_measured_without_the_others(monkeypatch, tmp_path):
    told = {}

    def measured(codec, sets, **options):
        told.update(options)
        return {}

    settings = TeacherTraining(images=["x"], out=tmp_path, arguments=TINY)
    monkeypatch.setattr(finish, "load_teacher", lambda run: (teacher(), settings, Progress()))
    monkeypatch.setattr(finish, "measure_codec", measured)
    monkeypatch.setattr(finish, "provenance_of", lambda *_: ChannelMix())
    finish.finish_teacher(tmp_path)
    assert told["orthogonal"] is True


def test_plain_training_superposes():
    """CodecStep without a word is the superposed codec: the orthogonal one is asked for by name."""
    network, images = codec(6), pictures(3)
    settings = StudentTraining(
        images=["x"], out="x", teacher="x", channel=ChannelMix(alone=0.0, estimation_error=0.0, unknown_csi=0.0)
    )

    def views(given):
        step = CodecStep(network)
        calls = asked(network.decoders, lambda: step(given, settings, torch.Generator().manual_seed(5)))
        return calls[0]

    assert not torch.equal(views(images)[0], views(others_changed(images, 0))[0])
    assert np.all(views(images)[1][:, 2].numpy() > 0)


def test_the_teachers_encoder_is_told_of_nobody_and_the_students_of_everybody():
    taught, student = teacher(), codec(2)
    told = asked([taught.encoder, student.encoder], lambda: in_step(student, taught))
    (_, sender, of_student), (_, _, of_teacher) = told
    assert (of_teacher[:, 2] == 0).all() and (of_student[:, 2] > 0).all()
    torch.testing.assert_close(of_teacher[:, :2], of_student[:, :2])
    assert sender.tolist() == [user for user in range(USERS) for _ in range(4)]


def test_every_user_of_the_student_is_judged_by_its_own_network_on_its_own_view():
    """Decoders that differ, as a student's do not before its first update: the errors are those of plain training."""
    student = codec(2)
    outcome, settings = in_step(student, teacher())
    plain = CodecStep(student)(pictures(1), settings, torch.Generator().manual_seed(5))
    torch.testing.assert_close(outcome.errors, plain.errors, equal_nan=True)
    assert len({round(float(error), 6) for error in plain.errors.nanmean(dim=1)}) == USERS


def in_step(student, taught):
    mix = ChannelMix(alone=0.0, unknown_csi=0.0)
    settings = StudentTraining(images=["x"], out="x", teacher="x", channel=mix)
    return StudentStep(student, taught)(pictures(1), settings, torch.Generator().manual_seed(5)), settings
