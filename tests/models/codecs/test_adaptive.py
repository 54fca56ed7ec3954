"""The adaptive codec: any number of users and symbols with one network, from training to the air."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.codecs.adaptive import AdaptiveArguments, AdaptiveCodec
from models.codecs.registry import build_codec
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.export.onnx_codec import Precision, export_onnx_codec
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing, summarised
from models.side_information import SideInformation
from models.training.adaptive.channel import (
    AdaptiveFrame,
    draw_adaptive_frame,
    effective_sinr_db,
    normalised,
    pass_channel,
    sinr_spread_db,
)
from models.training.adaptive.finish import finish_adaptive
from models.training.adaptive.loop import fresh_adaptive, train_adaptive
from models.training.adaptive.thin import thin_run
from models.training.config import AdaptiveChannel, AdaptiveTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.matrix_optimizer import MatrixOptimizer
from tests.float32 import FEW_STEPS_ATOL, NETWORK_ATOL

TINY = {
    "latent_channels": 16,
    "encoder_widths": [8, 8],
    "encoder_blocks": [1, 1],
    "decoder_widths": [8, 8],
    "decoder_blocks": [1, 1],
}


def settings(out: Path, steps: int) -> AdaptiveTraining:
    return AdaptiveTraining(
        name="tiny",
        arguments=TINY,
        images=["demo"],
        validation=[],
        out=out,
        steps=steps,
        batch_pixels=2048,
        crops_px=[32],
        channel=AdaptiveChannel(counts=[4, 8], any_count=0.5),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("adaptive")
    train_adaptive(settings(run, 6))
    finish_adaptive(run, run / "tiny")
    return run / "tiny"


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, _ = train_adaptive(settings(tmp_path / "whole", 6))
    # The rate follows the share of the run that is done, so the first part runs under the whole run's settings.
    half = settings(tmp_path / "halves", 6)
    stopped = half.model_copy(update={"steps": 3, "warmup_share": 0.0, "constant_share": 1.0})
    through = half.model_copy(update={"warmup_share": 0.0, "constant_share": 1.0})
    train_adaptive(stopped)
    resumed, progress = train_adaptive(through, resume=True)
    straight, _ = train_adaptive(through.model_copy(update={"out": tmp_path / "straight"}))
    assert progress.step == 6
    for name, value in straight.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=FEW_STEPS_ATOL, msg=name)
    first = next(iter(whole.state_dict()))
    assert not torch.equal(whole.state_dict()[first], straight.state_dict()[first])  # the schedule matters


def test_what_is_exported_is_the_average_of_the_weights(folder: Path) -> None:
    averaged, _ = train_adaptive(settings(folder.parent, 6), resume=True)  # done already: nothing is trained
    decoder = SemanticDecoder.load(folder, device="cpu")
    for name, value in averaged.decoder.state_dict().items():
        stored = decoder.network(0).state_dict()[name]
        torch.testing.assert_close(stored, value.half().float(), rtol=0, atol=0)


@pytest.mark.parametrize("form", ["parted", "superposed"])
@pytest.mark.parametrize("users", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [(1, 1), (32, 40), (17, 9)])
def test_every_user_comes_back_from_a_clean_payload(folder: Path, form: str, users: int, size: tuple[int, int]) -> None:
    """Encoder, sharing and decoder fit together: what the decoder's network is fed are the encoder's own symbols."""
    sharing = Sharing.named(form)
    encoder = SemanticEncoder.load(folder, sharing=sharing)
    decoder = SemanticDecoder.load(folder, "cpu", sharing)
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    side = SideInformation.default(users)
    for user in (0, users - 1):
        symbols = encoder.encode(picture, user, side)
        assert symbols.size == encoder.channel_uses(*size) == decoder.channel_uses(*size)
        assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, rel=1e-5)
        image = decoder.decode_float(symbols, user, side, *size)
        louder = decoder.decode_float(np.complex64(0.1) * symbols, user, side, *size)
        assert image.shape == (3, *size)
        np.testing.assert_allclose(louder, image, atol=NETWORK_ATOL)  # a receiver's scale makes no difference


def test_parted_users_never_meet_and_together_fill_the_payload(folder: Path) -> None:
    encoder = SemanticEncoder.load(folder)
    picture = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    for users in (2, 3, 8):
        sent = np.stack([encoder.encode(picture, user, SideInformation.default(users)) for user in range(users)])
        assert ((np.abs(sent) > 0).sum(axis=0) == 1).all()


def test_fewer_channels_are_fewer_symbols_and_a_prefix_of_the_latent(folder: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (32, 32, 3), np.uint8)
    whole = SemanticEncoder.load(folder)
    for channels in (1, 3, 8):
        encoder = SemanticEncoder.load(folder, sharing=Sharing(1, channels))
        assert encoder.channel_uses(32, 32) == whole.channel_uses(32, 32) * channels // 8
        assert encoder.encode(picture, 0, SideInformation.default(1)).size == encoder.channel_uses(32, 32)


def test_what_cannot_be_shared_is_one_sentence(folder: Path) -> None:
    with pytest.raises(ModelError, match="8 complex channels, but 9"):
        SemanticEncoder.load(folder, sharing=Sharing(channels=9))
    with pytest.raises(ModelError, match="parted, superposed"):
        Sharing.named("halved")
    with pytest.raises(ModelError, match="cannot be parted among 3"):
        Sharing(channels=2).own_channels(2, 3, 8)
    from models.package.zoo import codec_folder

    with pytest.raises(ModelError, match="one fixed way"):
        SemanticDecoder.load(codec_folder("compact-2u"), "cpu", Sharing(1))


@given(st.integers(1, 8), st.integers(8, 32), st.floats(-10, 30))
def test_parting_costs_nothing_where_users_are_alike(users: int, channels: int, snr_db: float) -> None:
    """With equal gains a parted user's SINR is the total SNR, where its part is an N-th."""
    sharing = Sharing(0, channels)
    informed = sharing.informed(
        SideInformation(snr_db, np.ones(users, np.float32), np.zeros(users, np.float32)), channels
    )
    assert informed.sinr_db is not None and informed.shares is not None
    for user in range(users):
        own = sharing.own_channels(user, users, channels).size
        expected = snr_db + 10 * np.log10(channels / own / users)
        assert informed.sinr_db[user] == pytest.approx(expected, abs=0.02)
        assert informed.shares[user] == pytest.approx(own / channels)


def test_superposed_users_disturb_each_other_by_their_powers() -> None:
    gains = np.array([1.2, 0.5], np.float32)
    informed = Sharing(1).informed(SideInformation(10.0, gains, np.zeros(2, np.float32)), 32)
    assert informed.sinr_db is not None
    power = gains.astype(float) ** 2 / 2
    for user in (0, 1):
        assert informed.sinr_db[user] == pytest.approx(10 * np.log10(power[user] / (power[1 - user] + 0.1)), abs=1e-3)


def test_a_measured_sinr_is_left_as_it_is() -> None:
    measured = SideInformation(
        10.0, np.ones(2, np.float32), np.zeros(2, np.float32), np.array([3.0, 4.0]), np.array([1.0, 2.0])
    )
    informed = Sharing(1).informed(measured, 8)
    assert informed.vector(1, ["sinr_db_over_20", "sinr_spread_db_over_10", "share"]) == pytest.approx([0.2, 0.2, 1.0])
    with pytest.raises(ModelError, match="has no sinr_db"):
        SideInformation.default(2).vector(0, ["sinr_db_over_20"])


@given(st.integers(1, 8), st.integers(1, 20), st.integers(0, 7), st.sampled_from(["parted", "0.5", "superposed"]))
def test_pick_undoes_place(users: int, sites: int, user: int, form: str) -> None:
    user %= users
    rng = np.random.default_rng(users * 100 + sites)
    sharing = Sharing.named(form)
    count = sharing.own_channels(user, users, 8).size
    symbols = (rng.standard_normal((count, sites, 2)) @ [1, 1j]).astype(np.complex64)
    back = sharing.pick(sharing.place(symbols, user, users, 8), user, users, 8)
    np.testing.assert_allclose(back, symbols / np.sqrt(np.mean(np.abs(symbols) ** 2)), rtol=1e-4, atol=1e-5)


def test_the_training_channel_is_the_estimate_with_the_least_error() -> None:
    """E|s - z|^2 = 1 / (1 + sinr) for the LMMSE estimate z of unit-power s, which is sent over that SINR."""
    generator = torch.Generator().manual_seed(1)
    latent = torch.randn(1, 4, 200, 200, generator=generator)
    sinr = torch.full((1, 2, 200, 200), 4.0)
    frame = AdaptiveFrame(torch.full((1, 200, 200), 2), sinr, torch.zeros(1, 3), torch.zeros(1, 3))
    sent = normalised(torch.complex(*latent.chunk(2, dim=1)), torch.ones(1, 2, 200, 200, dtype=torch.bool))
    seen = torch.complex(*pass_channel(latent, frame, 2, generator)[:, :-1].chunk(2, dim=1))
    assert float(seen.abs().square().mean()) == pytest.approx(1, rel=1e-4)
    estimate = seen * (4 / 5) ** 0.5  # an LMMSE estimate has the power sinr / (1 + sinr)
    assert float((estimate - sent).abs().square().mean()) == pytest.approx(1 / 5, rel=0.02)


def test_lost_symbols_and_unsent_channels_are_zero_and_told() -> None:
    channel = AdaptiveChannel(counts=[4], any_count=0, selective=0, erased=1, erased_share=0.5, decoder_error_db=0)
    generator = torch.Generator().manual_seed(3)
    frame = draw_adaptive_frame(channel, AdaptiveArguments(latent_channels=16), (64, 8, 8), generator)
    seen = pass_channel(torch.randn(64, 16, 8, 8, generator=generator), frame, 8, generator)
    first, second = seen[:, :-1].chunk(2, dim=1)
    assert (frame.counts == 4).all() and not first[:, 4:].any() and not second[:, 4:].any()
    frame = replace(frame, sinr=frame.sinr[:, :4])  # of those that are sent
    assert not first[:, :4][frame.sinr == 0].any() and first[:, :4][frame.sinr > 0].all()
    assert frame.decoder_side[:, 2] == pytest.approx(0.5) and seen[:, -1].numpy() == pytest.approx(0.5)
    row = frame.sinr[0].double().numpy()
    sinr_db, spread_db = summarised(row.ravel())
    assert frame.decoder_side[0, 0] * 20 == pytest.approx(sinr_db, abs=1e-3)
    assert float(sinr_spread_db(frame.sinr)[0]) == pytest.approx(spread_db, abs=1e-3)
    assert float(effective_sinr_db(frame.sinr)[0]) == pytest.approx(sinr_db, abs=1e-3)


def test_muon_moves_a_matrix_by_an_orthogonal_step() -> None:
    """Jordan et al. 2024: the step's singular values are alike, whatever the gradient's are; here within 0.6 to 1.3."""
    torch.manual_seed(1)
    codec = build_codec("adaptive", TINY)
    optimizer = MatrixOptimizer(codec, 1.0)
    matrix = codec.encoder.get_submodule("head").weight
    before = matrix.detach().clone()
    matrix.grad = torch.randn_like(matrix) * torch.logspace(0, -2, matrix.shape[1])
    optimizer.step()
    step = torch.linalg.svdvals((before - matrix.detach()) / (0.2 * max(matrix.shape) ** 0.5))
    assert 0.5 < float(step.min()) <= float(step.max()) < 1.4


def test_the_manifest_says_that_any_share_will_do(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["users"] == 8 and manifest["side_information"][-1] == "share"
    assert SemanticEncoder.load(folder).manifest.takes_any_share


def test_a_training_goes_on_from_its_thin_copy(tmp_path: Path) -> None:
    """Averaged weights to float16's half of a last place, AdamW's moments to bfloat16's, counters and paths; Muon's
    momentum begins anew.
    """
    given = settings(tmp_path / "data" / "run", 3)
    averaged, _ = train_adaptive(given)
    thin_run(given.out, tmp_path / "thin")
    kept = json.loads((tmp_path / "thin" / "settings.json").read_text())
    assert str(tmp_path) not in json.dumps(kept) and kept["images"] == ["demo"]
    sizes = [(folder / "checkpoint.safetensors").stat().st_size for folder in (tmp_path / "thin", given.out)]
    assert sizes[0] < 0.4 * sizes[1]
    resumed = fresh_adaptive(given)
    optimizer = MatrixOptimizer(resumed.codec, given.learning_rate)
    progress = load_checkpoint(tmp_path / "thin", resumed, optimizer)
    assert progress.step == 3
    for name, value in averaged.state_dict().items():
        for network in (resumed.codec, resumed.averaged):
            torch.testing.assert_close(network.state_dict()[name], value, rtol=2**-11, atol=2**-24, msg=name)
    whole = MatrixOptimizer(resumed.codec, given.learning_rate)
    load_checkpoint(given.out, fresh_adaptive(given), whole)
    for index, state in whole.state_dict()["state"].items():
        for key, value in state.items():
            if key == "momentum_buffer":
                assert index not in optimizer.state_dict()["state"]
                continue
            close = optimizer.state_dict()["state"][index][key]
            torch.testing.assert_close(close.float(), value.float(), rtol=2**-8, atol=1e-12, msg=f"{index} {key}")
    longer, progress = train_adaptive(given.model_copy(update={"out": tmp_path / "thin", "steps": 5}), resume=True)
    assert progress.step == 5
    assert all(value.isfinite().all() for value in longer.state_dict().values())


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_one_onnx_decoder_serves_every_user(folder: Path, tmp_path: Path, precision: Precision) -> None:
    pictures = tmp_path / "set.npz"
    np.savez(pictures, images=np.random.default_rng(1).integers(0, 256, (6, 24, 32, 3), dtype=np.uint8))
    exported = export_onnx_codec(folder, tmp_path / "onnx", precision, calibration=str(pictures))
    assert isinstance(exported.files.decoders, list) and len(exported.files.decoders) == 1
    sharing, side = Sharing(), SideInformation.default(3)
    picture = np.random.default_rng(2).integers(0, 256, (17, 30, 3), dtype=np.uint8)
    for user in range(3):
        pair = []
        for codec in (folder, tmp_path / "onnx"):
            symbols = SemanticEncoder.load(codec, sharing=sharing).encode(picture, user, side)
            decoder = SemanticDecoder.load(codec, "cpu", sharing)
            pair.append((symbols, decoder.decode_float(symbols, user, side, 17, 30)))
        (symbols, image), (other_symbols, other_image) = pair
        tolerance = {"float": 1e-4, "int8": 0.1}[precision]
        assert np.sqrt(np.mean(np.abs(symbols - other_symbols) ** 2)) < tolerance
        assert np.sqrt(np.mean((image - other_image) ** 2)) < tolerance


def test_positions_with_unequal_numbers_are_sent_with_the_same_power_in_all() -> None:
    generator = torch.Generator().manual_seed(4)
    counts = torch.randint(1, 9, (3, 6, 6), generator=generator)
    frame = AdaptiveFrame(counts, torch.full((3, 8, 6, 6), 1e6), torch.zeros(3, 3), torch.zeros(3, 3))
    latent = torch.randn(3, 16, 6, 6, generator=generator)
    seen = pass_channel(latent, frame, 4, generator)
    symbols = torch.complex(*seen[:, :-1].chunk(2, dim=1))
    sent = torch.arange(8)[None, :, None, None] < counts[:, None]
    assert not symbols[~sent].any()
    for row in range(3):
        assert float(symbols[row].abs().square().sum()) == pytest.approx(int(counts[row].sum()), rel=1e-4)
    assert torch.equal(seen[:, -1], counts / 4)


NARROW = {"encoder_widths": (16, 24), "decoder_widths": (16, 24)}


def test_a_position_is_conditioned_by_its_own_share() -> None:
    """Networks that are told a share for every position give what they give when told it for all, where all have it."""
    torch.manual_seed(5)
    codec = AdaptiveCodec(AdaptiveArguments(latent_channels=16, reserve_channels=4, **NARROW)).eval()
    image, side = torch.rand(1, 3, 64, 64), torch.tensor([[0.5, 0.1, 0.75]])
    for parameter in codec.parameters():  # FiLM begins at zero
        parameter.data += 0.05 * torch.randn_like(parameter)
    shares = torch.full((1, 1, 8, 8), 0.75)
    with torch.inference_mode():
        latent = codec.encoder(image, None, side)
        torch.testing.assert_close(codec.encoder(image, None, side, shares), latent, rtol=1e-3, atol=1e-4)
        told = torch.cat((latent, shares), dim=1)
        torch.testing.assert_close(codec.decoder(told, side), codec.decoder(latent, side), rtol=1e-3, atol=1e-4)
        shares[..., :4] = 0.1
        assert (codec.encoder(image, None, side, shares) - latent)[..., 4:].abs().max() < (
            codec.encoder(image, None, side, shares) - latent
        )[..., :4].abs().max()
