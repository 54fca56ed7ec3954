"""What a sentence means, as a vector."""

from models.text.embedder import EMBEDDING_SIZE, SentenceEmbedder

__all__ = ["EMBEDDING_SIZE", "SentenceEmbedder"]
