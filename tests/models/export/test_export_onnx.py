"""ONNX decoders, float and 8-bit, against the torch codec that they come from."""

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from hil.cli.codecs.export import command
from hil.errors import UsageError
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.export.adding import check_codec
from models.export.onnx_codec import export_onnx_codec
from models.package.manifest import load_manifest
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation
from tests.float32 import NETWORK_ATOL


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set.npz"
    np.savez(path, images=np.random.default_rng(1).integers(0, 256, (6, 24, 32, 3), dtype=np.uint8))
    return str(path)


@pytest.fixture(scope="module")
def folders(exported, pictures, tmp_path_factory):
    place = tmp_path_factory.mktemp("onnx")
    export_onnx_codec(exported, place / "float", "float", validation=pictures)
    arguments = ["--codec", str(exported), "--precision", "int8", "--calibration", pictures]
    arguments += ["--validation", pictures, "--limit", "4", "--out", str(place / "int8")]
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    return place


def test_float_onnx_decoders_are_the_torch_decoders(exported, folders):
    manifest = check_codec(folders / "float")
    assert manifest.name == "tiny-float"
    assert manifest.metrics["decoder_parity_max_abs"] < NETWORK_ATOL
    table = manifest.metrics["psnr_db_against_source"]["set.npz"]
    assert table["images"] == 6
    assert table["this"] == pytest.approx(table["source"], abs=1e-3)
    torch_decoder, onnx_decoder = (SemanticDecoder.load(place, "cpu") for place in (exported, folders / "float"))
    side = SideInformation.default(2)
    features = np.random.default_rng(3).standard_normal((2, 8 * 3 * 5)).view(np.complex128)[0].astype(np.complex64)
    features = np.resize(features, 8 * 3 * 5)
    for user in range(2):
        pair = [decoder.decode_float(features, user, side, 11, 17) for decoder in (torch_decoder, onnx_decoder)]
        assert pair[0] == pytest.approx(pair[1], abs=NETWORK_ATOL)


def test_eight_bits_are_eight_bits_and_close(exported, folders):
    manifest = load_manifest(folders / "int8")
    kinds = {node.op_type for node in onnx.load(folders / "int8" / "decoder-0.onnx").graph.node}
    assert "DequantizeLinear" in kinds
    table = manifest.metrics["psnr_db_against_source"]["set.npz"]
    assert table["images"] == 4
    for snr_db, value in table["this"].items():
        assert abs(value - table["source"][snr_db]) < 0.5
    picture = np.random.default_rng(4).integers(0, 256, (20, 28, 3), dtype=np.uint8)
    pair = [
        SemanticEncoder.load(p).encode(picture, 1, SideInformation.default(2)) for p in (exported, folders / "int8")
    ]
    assert np.mean(np.abs(pair[0] - pair[1]) ** 2) < 0.02


def test_what_cannot_be_exported_is_said(exported, folders, tmp_path):
    with pytest.raises(ModelError, match="calibrate"):
        export_onnx_codec(exported, tmp_path, "int8")
    with pytest.raises(ModelError, match="ONNX files already"):
        export_onnx_codec(folders / "float", tmp_path)
    for arguments in ([], ["--run", "a", "--codec", "b"], ["--run", "a", "--precision", "int8"]):
        result = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path / "o")])
        assert isinstance(result.exception, UsageError)
