"""Losses of the second stage (method.md, two-stage knowledge distillation), each image by itself.

Teacher and student features are float [B, C, h, w]; every loss is float [B] except the relational one, which
compares images with each other and is a scalar.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.codecs.base import LayeredDecoder
from models.errors import ModelError

AFFINITY_SCALE = 100.0
RELATION_TEMPERATURE = 0.1
RELATION_SIDE = 8


def feature_affinity(teacher: Tensor, student: Tensor) -> Tensor:
    """L_FA: mean absolute difference of cosine-similarity matrices, times 100 / (h w)^2 as the authors scale it.

    The similarity is between the C-vectors of every two positions, [hw, hw].
    """
    positions = teacher.shape[2] * teacher.shape[3]
    difference = affinity_matrix(teacher) - affinity_matrix(student)
    return AFFINITY_SCALE / positions**2 * difference.abs().mean(dim=(1, 2))


def affinity_matrix(features: Tensor) -> Tensor:
    """Cosine similarity of every two positions: float [B, C, h, w] -> [B, hw, hw]."""
    vectors = F.normalize(features.float().flatten(2), dim=1)
    return vectors.transpose(1, 2) @ vectors


def cross_head(student: Tensor, teacher_decoder: LayeredDecoder, layer: int, side: Tensor, target: Tensor) -> Tensor:
    """L_CrossKD: the frozen teacher finishes what the student began; mean absolute difference to its own output.

    student: the student decoder's features after its layer ``layer`` (from 1); side: float [B, d], the teacher's;
    target: float [B, 3, H, W], the teacher's output for what it received itself.
    """
    hidden = student
    for following in teacher_decoder.layers()[layer:]:
        hidden = following(hidden, side)
    return (hidden - target).float().abs().mean(dim=(1, 2, 3))


def run_decoder(decoder: LayeredDecoder, features: Tensor, side: Tensor, layer: int) -> tuple[Tensor, Tensor]:
    """(features after layer ``layer``, output) of one pass. ModelError unless 1 <= layer < number of layers."""
    layers = decoder.layers()
    if not 1 <= layer < len(layers):
        raise ModelError(f"cross_head_layer must be from 1 to {len(layers) - 1} for this decoder, but is {layer}.")
    hidden, kept = features, features
    for index, one in enumerate(layers, start=1):
        hidden = one(hidden, side)
        kept = hidden if index == layer else kept
    return kept, hidden


def cross_image_relations(teacher: Tensor, student: Tensor, temperature: float = RELATION_TEMPERATURE) -> Tensor:
    """Mini-batch pixel-to-pixel relations (Yang et al. 2022, CIRKD, equations 3 to 5): a scalar.

    For every two images a, b of the batch the cosine similarities of a's positions with b's become, over b's
    positions, a softmax of the given temperature; the loss is the mean over a, b and a's positions of the
    Kullback-Leibler divergence of the student's from the teacher's. Maps above 8 x 8 are averaged down first.
    """
    relations = [_relations(features, temperature) for features in (teacher, student)]
    divergence = relations[0].exp() * (relations[0] - relations[1])
    return divergence.sum(dim=-1).mean()


def _relations(features: Tensor, temperature: float) -> Tensor:
    """log softmax of the relations: [B, B, hw, hw]."""
    sides = (min(RELATION_SIDE, features.shape[2]), min(RELATION_SIDE, features.shape[3]))
    vectors = F.normalize(F.adaptive_avg_pool2d(features.float(), sides).flatten(2), dim=1)
    return torch.einsum("acp,bcq->abpq", vectors, vectors).div(temperature).log_softmax(dim=-1)
