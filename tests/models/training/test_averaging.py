"""The moving average of weights against the sum that it stands for."""

import pytest
import torch
from torch import nn

from models.training.running.averaging import averaged_model


def average_of(values: list[float], decay: float) -> float:
    network = nn.Linear(1, 1, bias=False)
    average = averaged_model(network, decay)
    for value in values:
        nn.init.constant_(network.weight, value)
        average.update_parameters(network)
    return float(average.module.weight.detach())


def test_weights_of_before_the_training_leave_a_young_average() -> None:
    """Of 300 updates the first's share is the product of (1 + n) / (10 + n), some 1e-15; of a bare average 0.74."""
    assert average_of([1.0] + [0.0] * 300, 0.999) < 1e-9


def test_an_old_average_decays_as_it_is_told() -> None:
    """(1 + n) / (10 + n) exceeds 0.9 from n = 80 on."""
    assert average_of([0.0] * 200 + [1.0] * 10, 0.9) == pytest.approx(1 - 0.9**10, rel=1e-5)
    assert torch.isfinite(torch.tensor(average_of([5.0], 0.999)))
