"""The steps of the refiner against diffusers' own DDIM, and against what is known of Gaussian pictures.

A network that knows the picture comes out right whatever the schedule says; these networks know less.
"""

import math

import pytest
import torch

from models.refiner.network import SCHEDULER_ARGUMENTS, build_scheduler
from models.refiner.refiner import DDIM_STEPS, NOISE_SEED, contract_and_denoise, refine_at_once
from tests.float32 import NETWORK_ATOL

SCHEDULER = build_scheduler(SCHEDULER_ARGUMENTS)
ABAR = SCHEDULER.alphas_cumprod


class Fallible(torch.nn.Module):
    """Predicts some noise or other, which depends on what it sees and on the step, and keeps both."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def forward(self, noisy, step):
        self.asked.append((noisy, int(step)))
        return type("Out", (), {"sample": 0.6 * noisy + 0.3 * torch.sin(3 * noisy) + step / 500})


class OfGaussians(torch.nn.Module):
    """The best estimate of the noise for pictures whose values are independent, N(0, deviation^2)."""

    def __init__(self, deviation):
        super().__init__()
        self.variance = deviation**2

    def forward(self, noisy, step):
        abar = ABAR[step]
        return type("Out", (), {"sample": (1 - abar).sqrt() * noisy / (abar * self.variance + 1 - abar)})


def picture(seed, scale=0.5):
    return scale * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def by_diffusers(network, decoded, start, passes):
    """As diffusers steps, from `start` down to 0 in `passes` equal steps, eta = 0."""
    scheduler = build_scheduler(SCHEDULER_ARGUMENTS)
    stride = start // passes
    scheduler.num_inference_steps = len(ABAR) // stride  # the scheduler's step is the quotient of the two
    assert len(ABAR) // scheduler.num_inference_steps == stride and start % passes == 0
    noise = torch.randn(decoded.shape, generator=torch.Generator().manual_seed(NOISE_SEED))
    current = ABAR[start].sqrt() * decoded + (1 - ABAR[start]).sqrt() * noise
    for step in range(start, 0, -stride):
        stepped = scheduler.step(network(current, step).sample, step, current, eta=0.0)
        current = stepped.prev_sample
    return stepped.pred_original_sample


@pytest.mark.parametrize(("start", "passes"), [(100, DDIM_STEPS), (200, 4), (250, 5), (40, 2), (125, 1)])
def test_the_steps_are_those_of_diffusers(start, passes):
    decoded, network = picture(1), Fallible()
    refined = contract_and_denoise(network, SCHEDULER, decoded, start, most=passes)
    assert [step for _, step in network.asked] == [start * part // passes for part in range(passes, 0, -1)]
    torch.testing.assert_close(refined, by_diffusers(Fallible(), decoded, start, passes), atol=NETWORK_ATOL, rtol=0)


def test_the_network_sees_the_noise_level_that_it_is_told():
    """Pictures of one deviation, and their own best estimate: at every step what the network is shown has the variance
    abar deviation^2 + 1 - abar of a picture at that step, within what steps of finite length leave.
    """
    deviation = 0.3
    decoded = deviation * torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(2))
    network, seen = OfGaussians(deviation), []
    network.register_forward_pre_hook(lambda _, given: seen.append((float(given[0].var()), given[1])))
    refined = contract_and_denoise(network, SCHEDULER, decoded, 400, most=80)
    for variance, step in seen:
        abar = float(ABAR[step])
        assert variance == pytest.approx(abar * deviation**2 + 1 - abar, rel=0.06)
    # The last pass gives the mean of what is left, which lacks little of the deviation: step 5 has sigma 0.02.
    assert float(refined.std()) == pytest.approx(deviation, rel=0.06)


def test_at_once_is_the_first_estimate_of_a_picture_without_noise():
    decoded, network = picture(3, scale=0.2), Fallible()
    refined = refine_at_once(network, SCHEDULER, decoded, 150)
    ((shown, step),) = network.asked
    abar = float(ABAR[150])
    assert step == 150
    torch.testing.assert_close(shown, math.sqrt(abar) * decoded)
    noise = Fallible()(shown, 150).sample
    # x_t = sqrt(abar) x_0 + sqrt(1 - abar) eps, solved for x_0.
    torch.testing.assert_close(refined, ((shown - math.sqrt(1 - abar) * noise) / math.sqrt(abar)).clamp(-1, 1))


def test_nobody_leaves_the_range_of_pictures():
    for refined in (
        contract_and_denoise(Fallible(), SCHEDULER, 4 * picture(4), 200),
        refine_at_once(Fallible(), SCHEDULER, 4 * picture(4), 200),
    ):
        assert refined.abs().max() == 1
