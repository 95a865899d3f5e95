"""What the algorithms share: the form of their critics, who judges an action, and the learning rate."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

import optexec as ox
from optexec.offline import ALGORITHMS, LEARNERS, TD3BCConfig
from optexec.offline.learner import Critics, value
from optexec.offline.td3_bc import TD3BC
from optexec.offline.view import View, ViewConfig, multiple

CONFIG = dataclasses.replace(TD3BCConfig.tuned(), widths=(8,))


def streams(n: int = 2) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(n)]


@pytest.fixture(scope="module")
def data() -> ox.Transitions:
    return ox.collect(ox.presets.stochastic(), "mixture", 30, seed=5)


@pytest.mark.parametrize("action", ["log-odds", "rate", "fraction"])
def test_a_multiple_is_the_fraction_over_twap_s(action: str, data: ox.Transitions) -> None:
    view = View.fit(ViewConfig(action=action), data)
    free = data.period < 19
    y = view.encode(data.fractions, data.period)
    inside = free & (np.abs(y) < 1)
    state = torch.from_numpy(view.state(data.observations[inside]))[None]
    found = multiple(view.config, state, torch.tensor(y[inside], dtype=torch.float32)[None, :, None])
    np.testing.assert_allclose(found[0, :, 0], (data.fractions * (20 - data.period))[inside], rtol=1e-4)


def test_a_quadratic_critic_is_a_parabola_in_the_fraction(data: ox.Transitions) -> None:
    view = View.fit(CONFIG.view, data)
    critics = Critics(CONFIG, view.dimension, streams())
    state = torch.from_numpy(view.state(data.observations[:1])).expand(2, 40, -1)
    fraction = np.linspace(0.02, 0.38, 40)
    y = view.encode(fraction, np.zeros(40, dtype=np.int64))
    first, second = critics.twins(state, torch.tensor(y, dtype=torch.float32)[None, :, None].expand(2, -1, -1))
    for q in (*first, *second):
        curve = q[:, 0].detach().numpy().astype(np.float64)
        fit = np.polyfit(fraction, curve, 2)
        np.testing.assert_allclose(np.polyval(fit, fraction), curve, atol=1e-5 * np.abs(curve).max())
        assert abs(fit[0]) > 1e-3  # and not a line


def test_a_free_critic_is_none(data: ox.Transitions) -> None:
    config = dataclasses.replace(CONFIG, critic="free", widths=(32,))
    layers = list(Critics(config, 3, streams(1)).layers)
    y = torch.linspace(-4, 4, 60)[None, :, None]
    q = value(config, [layer[:1] for layer in layers], torch.ones(1, 60, 3), y)[0, :, 0].detach().numpy()
    residual = q - np.polyval(np.polyfit(y[0, :, 0].numpy(), q, 2), y[0, :, 0].numpy())
    assert np.abs(residual).max() > 1e-4


@pytest.mark.parametrize("judge", ["first", "mean"])
def test_the_judge_holds_the_critics_fixed(judge: str) -> None:
    critics = Critics(dataclasses.replace(CONFIG, judge=judge), 4, streams())
    state = torch.rand(2, 5, 4) * 0.5 + 0.2
    action = torch.zeros(2, 5, 1, requires_grad=True)
    first, second = critics.twins(state, action)
    found = critics.judge(state, action)
    torch.testing.assert_close(found, first if judge == "first" else (first + second) / 2)
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert action.grad is not None
    assert action.grad.abs().min() > 0
    assert all(layer.grad is None for layer in critics.layers)


def test_the_learning_rate_falls_along_a_cosine() -> None:
    learner = TD3BC(dataclasses.replace(CONFIG, rate=0.5, final_rate=0.1), 4, streams())

    def rates(done: float) -> list[Any]:
        learner.anneal(done)
        return [group["lr"] for optimiser in learner.optimisers.values() for group in optimiser.param_groups]

    assert rates(0.0) == [0.5, 0.5]
    assert rates(0.5) == pytest.approx([0.275, 0.275])
    assert rates(1.0) == pytest.approx([0.05, 0.05])


def test_a_quadratic_critic_needs_to_know_the_time() -> None:
    with pytest.raises(ValueError, match='critic must be "free"'):
        dataclasses.replace(TD3BCConfig.paper(), critic="quadratic")


def test_clipped_actions_do_not_teach(data: ox.Transitions) -> None:
    view = View.fit(CONFIG.view, data)
    packed = view.pack(data)
    clipped = np.abs(packed.action) >= 1
    assert 0 < clipped.sum() < 0.1 * len(data)
    assert (packed.weight[clipped] == 0).all()
    assert (packed.weight[~clipped & (data.observations[:, 0] > 1e-3)] > 0).all()


def test_with_transient_impact_a_critic_is_quadratic_in_both() -> None:
    problem = ox.presets.stochastic().replace(transient=0.002)
    view = View.fit(CONFIG.view, ox.collect(problem, "mixture", 30, seed=5))
    critics = Critics(CONFIG, view.dimension, streams(), transient=True)
    rng = np.random.default_rng(1)
    seen = np.tile(np.array([0.5, 0.7, 1, 0.02, 1.1, 0.0], dtype=np.float32), (60, 1))
    seen[:, 5] = rng.uniform(0, 0.3, 60)
    fraction, pressed = rng.uniform(0.02, 0.3, 60), seen[:, 5].astype(np.float64)
    y = torch.tensor(view.encode(fraction, np.full(60, 6)), dtype=torch.float32)[None, :, None].expand(2, -1, -1)
    q = critics.twins(torch.from_numpy(view.state(seen)).expand(2, -1, -1), y)[0][0, :, 0].detach().numpy()
    terms = np.stack([np.ones(60), fraction, fraction**2, pressed, pressed * fraction, pressed**2], axis=1)
    fit, residual, rank, _ = np.linalg.lstsq(terms, q.astype(np.float64), rcond=None)
    assert rank == 6
    assert residual[0] < 1e-6 * np.square(q).sum()
    assert np.abs(fit[3:]).min() > 1e-3  # none of the terms in I is idle


def test_there_is_a_learner_of_every_name() -> None:
    """Names are listed without torch; the classes that need it have them in the same order."""
    assert {name: learner.label for name, learner in ALGORITHMS.items()} == LEARNERS
    assert list(ALGORITHMS) == list(LEARNERS)
