import pytest
import torch

from models.codecs.compact import Codec, CompactArguments, Decoder, Encoder
from models.codecs.registry import build_codec, latent_to_symbols, symbols_to_latent
from models.errors import ModelError


def test_latent_and_symbols_are_one_reading():
    latent = torch.randn(2, 4, 3, 5, dtype=torch.float32)
    symbols = latent_to_symbols(latent)
    torch.testing.assert_close(symbols.abs().square().mean(dim=1), torch.ones(2))
    flat = latent.flatten(1)
    scale = symbols[0, 0].real / flat[0, 0]
    torch.testing.assert_close(symbols[0].real, flat[0, :30] * scale)
    torch.testing.assert_close(symbols[0].imag, flat[0, 30:] * scale)
    torch.testing.assert_close(symbols_to_latent(symbols, 3, 5)[0], latent[0] * scale)


def test_every_parameter_learns():
    codec = build_codec("compact", {"encoder_widths": [8, 8], "decoder_widths": [8, 8], "users": 3})
    image, user = torch.rand(3, 3, 16, 16), torch.arange(3)
    side = torch.rand(3, 3)
    symbols = latent_to_symbols(codec.encoder(image, user, side))
    view = symbols_to_latent(symbols, 4, 4)
    outputs = [decoder(view[i : i + 1], side[i : i + 1]) for i, decoder in enumerate(codec.decoders)]
    (torch.cat(outputs) - image).square().mean().backward()
    silent = [name for name, p in codec.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_the_shipped_size_is_in_its_budget():
    arguments = CompactArguments()
    assert sum(p.numel() for p in Encoder(arguments).parameters()) < 0.85e6
    assert sum(p.numel() for p in Decoder(arguments).parameters()) < 1.4e6
    assert arguments.channel_use_ratio == pytest.approx(1 / 6)


@pytest.mark.parametrize("users", [1, 4, 8])
def test_any_number_of_users(users):
    codec = Codec(CompactArguments(users=users, encoder_widths=(8, 8), decoder_widths=(8, 8)))
    latent = codec.encoder(torch.rand(users, 3, 8, 12), torch.arange(users), torch.rand(users, 3))
    assert latent.shape == (users, 16, 2, 3)
    assert len(codec.decoders) == users


def test_unknown_networks_and_arguments_are_refused():
    with pytest.raises(ModelError, match="compact"):
        build_codec("enormous", {})
    with pytest.raises(ModelError, match="colour"):
        build_codec("compact", {"colour": 1})
