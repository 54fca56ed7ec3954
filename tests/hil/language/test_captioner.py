"""Where captions come from: files of every form, sidecars, words, other packages; and what is no source of any."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UsageError
from hil.language.captioner import CAPTIONERS, open_captioner
from hil.language.note import Note
from hil.language.table import described, read_table
from models.images import Picture
from radio.errors import ConfigurationError
from tests.hil.language.pictures import picture


def said(captioner, name="cat.png", index=0):
    return captioner.describe(picture(name), index)


FORMS = {
    "flat.json": '{"cat.png": "a cat", "dog": "a dog"}',
    "objects.json": '{"cat.png": {"caption": "a cat"}, "dog": {"text": "a dog"}}',
    "list.json": '[{"image": "cat.png", "caption": "a cat"}, {"file_name": "dog", "text": "a dog"}]',
    "metadata.jsonl": '{"file_name": "cat.png", "text": "a cat"}\n\n{"file_name": "dog", "text": "a dog"}\n',
    "captions.csv": "Image, Caption\ncat.png,a cat\ndog,a dog\n".replace(", ", ","),
    "captions.tsv": "file\ttext\ncat.png\ta cat\ndog\ta dog\n",
    "named.txt": "cat.png\ta cat\ndog\ta dog\n",
    "order.txt": "a cat\na dog\n",
    "mark.csv": "\ufeffimage,caption\r\ncat.png,a cat\r\ndog,a dog\r\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_file(tmp_path, name):
    (tmp_path / name).write_text(FORMS[name], encoding="utf-8", newline="")
    captioner = open_captioner(str(tmp_path / name), "demo")
    assert (said(captioner, "cat.png", 0), said(captioner, "dog.jpeg", 1)) == (Note("a cat"), Note("a dog"))
    assert said(captioner, "horse.png", 2) == Note()


def test_labels_make_captions_and_other_columns_are_metadata(tmp_path):
    (tmp_path / "labels.csv").write_text("image,label,place\na.png,airplane,sky\nb.png,traffic_light,\nc.png,,sea\n")
    table = read_table(tmp_path / "labels.csv")
    assert said(table, "a.png") == Note("a picture of an airplane", metadata={"place": "sky", "label": "airplane"})
    assert said(table, "b.png").caption == "a picture of a traffic light"
    assert said(table, "c.png") == Note(metadata={"place": "sea"})
    assert described("") == ""


def test_of_several_captions_the_first_counts(tmp_path):
    (tmp_path / "many.csv").write_text("image,caption\ncat.png,first\ncat.png,second\n")
    assert said(read_table(tmp_path / "many.csv")).caption == "first"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", b"{", "is no file of captions"),
        ("a.json", b"3", "an object or a list is needed"),
        ("a.json", b'["a"]', "is neither a caption nor an object"),
        ("a.json", b"{}", "holds no caption"),
        ("a.json", b"[" * 100_000, "is no file of captions"),
        ("a.jsonl", b'{"image": "a"}\n[', "is no file of captions"),
        ("a.csv", b"image,words\na.png,b\n", "no column is named caption, text, label, class"),
        ("a.csv", b"", "no column is named"),
        ("a.txt", b"", "holds no caption"),
        ("a.txt", b"\xff\xfe", "is not UTF-8: byte 0"),
        ("a.doc", b"a", "allowed are .json, .jsonl, .csv, .tsv, .txt"),
        ("a.csv", b'image,caption\na.png,"' + b"x" * 200_000, "is no file of captions"),
    ],
)
def test_what_is_no_file_of_captions_is_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        open_captioner(str(tmp_path / name), "demo")


@given(st.binary(max_size=200), st.sampled_from([".json", ".jsonl", ".csv", ".tsv", ".txt"]))
def test_any_bytes_are_captions_or_a_sentence(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    try:
        note = said(read_table(path))
    except UsageError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(note, Note)


def test_a_folder_is_no_file_of_captions(tmp_path):
    with pytest.raises(UsageError, match="is no file of captions: allowed are"):
        open_captioner(str(tmp_path), "demo")


def test_sidecars(tmp_path):
    (tmp_path / "cat.txt").write_text("a cat")
    (tmp_path / "dog.png.txt").write_text("a dog")
    (tmp_path / "dog.txt").write_text("of dog.jpg")
    (tmp_path / "cat.png").touch()
    for images in (tmp_path, tmp_path / "cat.png"):
        captioner = open_captioner("sidecar", str(images))
        assert [said(captioner, name) for name in ("cat.png", "dog.png", "horse.png")] == ["a cat", "a dog", ""]
    with pytest.raises(UsageError, match=r"the pictures \(demo\) are no files with texts beside them"):
        open_captioner("sidecar", "demo")


def test_a_picture_cannot_name_a_file_elsewhere(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "pictures").mkdir()
    captioner = open_captioner("sidecar", str(tmp_path / "pictures"))
    assert said(captioner, "../secret.png") == said(captioner, "../secret") == ""


def test_words_and_nothing():
    assert said(open_captioner("text:a cat: it sits", "demo")) == "a cat: it sits"
    assert open_captioner(None, "demo") is None


def test_an_unknown_captioner_is_a_sentence():
    with pytest.raises(UsageError, match=r"captions are 'sidecars', .*did you mean sidecar"):
        open_captioner("sidecars", "demo")
    with pytest.raises(UsageError, match=r"captions are 'nowhere\.csv', which is neither a file nor a captioner"):
        open_captioner("nowhere.csv", "demo")


@pytest.fixture
def added(tmp_path, monkeypatch):
    """A package that adds a captioner, and one whose module cannot be imported."""
    (tmp_path / "captions_for_test.py").write_text(
        "class Bright:\n"
        "    def __init__(self, words): self.words = words\n"
        "    def describe(self, picture, index): return f'{self.words} {picture.pixels.mean():.0f}'\n"
    )
    info = tmp_path / "captions_for_test-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: captions-for-test\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        f"[{CAPTIONERS}]\nbright = captions_for_test:Bright\nbroken = captions_not_there:Any\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("captions_for_test", None)


@pytest.mark.usefixtures("added")
def test_a_captioner_of_another_package():
    assert said(open_captioner("bright:level", "demo")) == "level 0"
    assert said(open_captioner("bright", "demo")) == " 0"
    with pytest.raises(ConfigurationError, match=r"'broken' of semnoma_hil\.captioners .* cannot be imported"):
        open_captioner("broken", "demo")
    with pytest.raises(
        UsageError, match="allowed are a file, sidecar, text:WORDS, labels, wrong-labels, bright, broken"
    ):
        open_captioner("nobody", "demo")


def test_a_picture_is_found_by_its_name_with_and_without_a_folder(tmp_path):
    (tmp_path / "a.json").write_text('{"cat": "a cat"}')
    assert said(read_table(tmp_path / "a.json"), "folder/cat.webp") == Note("a cat")
    assert isinstance(picture("a"), Picture)
