import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.errors import ModelError
from models.package.manifest import FileEntry, load_manifest, load_refiner_manifest


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "codec")


def edit(folder, change):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_good_folder_loads(folder):
    manifest = load_manifest(folder)
    assert manifest.users == 2
    assert manifest.channel_use_ratio == pytest.approx(1 / 6)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoders.safetensors"])
def test_one_changed_byte_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ModelError, match=f"{name} has sha256"):
        load_manifest(folder)


def test_a_truncated_file_is_refused(folder):
    path = folder / "decoders.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="bytes, but its manifest says"):
        load_manifest(folder)


def test_a_missing_file_and_a_link_are_refused(folder):
    path = folder / "encoder.onnx"
    path.rename(folder / "elsewhere")
    with pytest.raises(ModelError, match="not a regular file"):
        load_manifest(folder)
    path.symlink_to(folder / "elsewhere")
    with pytest.raises(ModelError, match="not a regular file"):
        load_manifest(folder)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "c:x", "a\0b"])
def test_a_path_is_no_file_name(name):
    with pytest.raises(ValidationError):
        FileEntry(name=name, bytes=1, sha256="0" * 64)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda m: m.update(extra=1), "extra"),
        (lambda m: m.update(users=0), "users"),
        (lambda m: m.update(format_version=2), "format_version"),
        (lambda m: m.update(side_information=["colour"]), "side_information"),
        (lambda m: m.update(name="../evil"), "name"),
        (lambda m: m.pop("licence"), "licence"),
        (lambda m: m["files"]["encoder"].update(name="../encoder.onnx"), "files.encoder.name"),
    ],
)
def test_a_lying_manifest_is_refused_by_the_key_that_lies(folder, change, named):
    edit(folder, change)
    with pytest.raises(ModelError, match=named):
        load_manifest(folder)


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"has no manifest\.json"):
        load_manifest(tmp_path)


def test_a_codec_is_no_refiner_and_a_refiner_no_codec(exported, exported_refiner):
    with pytest.raises(ModelError):
        load_refiner_manifest(exported)
    with pytest.raises(ModelError):
        load_manifest(exported_refiner)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=80).map(str.encode)))
def test_arbitrary_bytes_end_in_one_sentence(tmp_path, content):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ModelError):
        load_manifest(tmp_path)


def test_all_that_is_wrong_with_a_manifest_is_said_at_once(folder):
    edit(folder, lambda content: content.update(licens="MIT", users=0, name="a b"))
    with pytest.raises(ModelError) as caught:
        load_manifest(folder)
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("manifest.json is not a valid manifest: 3 faults:") and len(lines) == 3
    for words in ("licens is not an option (did you mean licence?)", "users is 0: ", "name is 'a b': "):
        assert sum(words in line for line in lines) == 1, words
