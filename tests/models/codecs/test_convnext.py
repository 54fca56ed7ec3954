"""The paper's networks: sizes as published, layers that make up the whole, and modules against closed forms."""

import pytest
import torch
from safetensors.torch import load_file

from models.codecs.attention import AttentionBlock, EnhancedAdaptiveFeatures
from models.codecs.blocks import ConvNeXtBlock
from models.codecs.convnext import ConvNeXtArguments, ConvNeXtDecoder, ConvNeXtEncoder
from models.codecs.registry import build_codec, latent_to_symbols
from models.errors import ModelError
from models.export.adding import check_codec
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import Provenance

TINY = {"widths": [8, 12], "blocks": [1, 2], "embedding_px": 16}


def millions(network):
    return sum(p.numel() for name, p in network.named_parameters() if "embedding" not in name) / 1e6


@pytest.mark.parametrize(
    ("arguments", "encoder_m", "decoder_m", "ratio"),
    [(ConvNeXtArguments(), 3.5, 4.4, 1 / 6), (ConvNeXtArguments.for_256(), 57, 70, 1 / 48)],
)
def test_sizes_are_the_published_ones(arguments, encoder_m, decoder_m, ratio):
    with torch.device("meta"):
        assert millions(ConvNeXtEncoder(arguments)) == pytest.approx(encoder_m, rel=0.015)
        assert millions(ConvNeXtDecoder(arguments, 0)) == pytest.approx(decoder_m, rel=0.015)
    assert arguments.channel_use_ratio == pytest.approx(ratio)


def test_channel_uses_are_the_papers():
    for arguments, side, uses in ((ConvNeXtArguments(), 32, 512), (ConvNeXtArguments.for_256(), 256, 4096)):
        assert arguments.channel_use_ratio * 3 * side**2 == pytest.approx(uses)


def test_layers_are_counted_as_the_method_counts_them():
    arguments = ConvNeXtArguments(widths=(8, 12), blocks=(1, 1))
    decoder = ConvNeXtDecoder(arguments, 0).eval()
    assert len(decoder.layers()) == 1 + 2 * 4 + 1
    features, side = torch.randn(2, 16, 3, 5), torch.rand(2, 3)
    hidden = features
    for layer in decoder.layers():
        hidden = layer(hidden, side)
    assert hidden.shape == (2, 3, 12, 20)
    assert torch.equal(hidden, decoder(features, side))


@pytest.mark.parametrize("form", ["per-user", "shared", "joint"])
def test_every_parameter_learns(form):
    """From one draw or another: in a network this narrow a draw may leave all rectifiers of a layer off."""
    still = None
    for seed in range(5):
        torch.manual_seed(seed)
        codec = build_codec("convnext", TINY | {"users": 3, "decoders": form, "layer_scale": 0.1, "depth_drop": 0.0})
        image, side = torch.rand(3, 3, 16, 24), torch.rand(3, 3)
        latent = codec.encoder(image, torch.arange(3), side)
        assert latent.shape == (3, 16, 4, 6)
        pictures = [
            decode(latent[user : user + 1], side[user : user + 1]) for user, decode in enumerate(codec.decoders)
        ]
        assert all(picture.shape == (1, 3, 16, 24) for picture in pictures)
        (torch.cat(pictures) - image).square().mean().backward()
        unmoved = {name for name, p in codec.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
        still = unmoved if still is None else still & unmoved
    assert still == set()


def test_attention_is_half_of_its_trunk_when_the_mask_is_zero():
    block = AttentionBlock(6)
    torch.nn.init.zeros_(block.mask[-1].weight)
    torch.nn.init.zeros_(block.mask[-1].bias)
    features = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(block(features), features + 0.5 * block.trunk(features))


def test_the_mask_of_adaptive_features_is_one_factor_per_channel_and_follows_the_side():
    module = EnhancedAdaptiveFeatures(5, 3, 0.1).eval()
    features = torch.rand(2, 5, 4, 4) + 0.5
    one, other = module(features, torch.zeros(2, 3)) / features, module(features, torch.ones(2, 3)) / features
    torch.testing.assert_close(one, one[:, :, :1, :1].expand_as(one))
    assert ((one > 0) & (one < 1)).all()
    assert (one - other).abs().max() > 1e-4


def test_stochastic_depth_keeps_the_mean_and_rests_in_evaluation():
    torch.manual_seed(1)
    block = ConvNeXtBlock(4, 3, layer_scale=1.0, depth_drop=0.25)
    features = torch.randn(1, 4, 3, 3).expand(4000, -1, -1, -1)
    block.eval()
    branch = block(features[:1]) - features[:1]
    block.train()
    drawn = block(features) - features
    dropped = (drawn.abs().amax(dim=(1, 2, 3)) == 0).float().mean()
    assert dropped == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(drawn.mean(dim=0), branch[0], atol=0.05, rtol=0.05)


def test_time_shared_users_never_meet():
    for name, arguments in (("convnext", TINY), ("compact", {"encoder_widths": [8, 8], "decoder_widths": [8, 8]})):
        codec = build_codec(name, arguments | {"users": 3, "sharing": "time"})
        image = torch.rand(1, 3, 16, 16).expand(3, -1, -1, -1)
        symbols = latent_to_symbols(codec.encoder(image, torch.arange(3), torch.rand(3, 3)))
        powers = symbols.abs().square()
        assert ((powers > 0).sum(dim=0) <= 1).all()
        torch.testing.assert_close(powers.mean(dim=1), torch.ones(3))
        # A decoder hears nothing of the others' symbols.
        features = torch.randn(1, 16, 4, 4)
        others = torch.where(codec.encoder.shares[1] > 0, features, torch.randn(1, 16, 4, 4))
        side = torch.rand(1, 3)
        decoder = codec.decoders[1].eval()
        torch.testing.assert_close(decoder(features, side), decoder(others, side))


@pytest.mark.parametrize("form", ["per-user", "joint"])
def test_it_exports_and_runs_as_a_codec_of_any_image_size(tmp_path, form):
    codec = build_codec("convnext", TINY | {"decoders": form})
    fields = ["snr_db_over_20", "own_gain", "other_gain_rss"]
    provenance = Provenance(data="none", command="none", seed=0, minutes=0, images_seen=0)
    manifest = export_codec(codec, tmp_path, CodecCard("wide", "0", fields, provenance, {}, "MIT"))
    assert manifest.architecture == "convnext"
    assert manifest.metrics["encoder_parity_max_abs"] < 1e-4
    assert check_codec(tmp_path).stride == 4
    assert all("shares" not in name for name in load_file(tmp_path / "decoders.safetensors"))


@pytest.mark.parametrize(
    "arguments", [{"widths": [8]}, {"decoders": "none"}, {"sharing": "time", "users": 9}, {"latent_channels": 3}]
)
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ModelError):
        build_codec("convnext", arguments)
