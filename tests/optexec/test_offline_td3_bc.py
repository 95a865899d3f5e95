"""TD3+BC, piece by piece: on networks that are linear and set by hand, so that every number can be worked out."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optexec.offline.learner import Batch
from optexec.offline.networks import Stack
from optexec.offline.td3_bc import TD3BC, TD3BCConfig

D = 3
LINEAR = dataclasses.replace(TD3BCConfig.tuned(), widths=(), delay=1, critic="free")
SMALL = dataclasses.replace(TD3BCConfig.tuned(), widths=(8,), critic="free")
PAPER = dataclasses.replace(TD3BCConfig.paper(), widths=(), delay=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def learner(config: TD3BCConfig, seeds: int = 1, spread: float = 1.0) -> TD3BC:
    return TD3BC(config, D, [np.random.default_rng(seed) for seed in range(seeds)], spread)


def batch(seeds: int = 1, size: int = 16, **fields: float) -> Batch:
    """Random transitions; ``fields`` are constant."""
    stream = torch.Generator().manual_seed(7)
    widths = {"state": D, "after": D}
    drawn = {name: torch.rand((seeds, size, widths.get(name, 1)), generator=stream) for name in Batch._fields}
    drawn |= {name: torch.ones(seeds, size, 1) for name in ("weight", "free", "free_after", "ceiling", "ceiling_after")}
    return Batch(**{**drawn, **{name: torch.full_like(drawn[name], value) for name, value in fields.items()}})


def normals(seeds: int = 1, size: int = 16) -> Tensor:
    return torch.randn((seeds, size, 1), generator=torch.Generator().manual_seed(8))


def fix(network: Stack, weights: list[list[float]], biases: list[float]) -> None:
    """Set a linear network of one output: a list of weights and a bias a copy."""
    with torch.no_grad():
        network.layers[0].copy_(torch.tensor(weights)[..., None])
        network.layers[1].copy_(torch.tensor(biases).reshape(-1, 1, 1))


def losses(td3: TD3BC, step: int, transitions: Batch, noise: Tensor) -> dict[str, Tensor]:
    """The losses that one update descends."""
    found: dict[str, Tensor] = {}
    usual = td3.descend

    def descend(name: str, losses: Tensor) -> None:
        found[name] = losses.detach().clone()
        usual(name, losses)

    td3.descend = descend  # type: ignore[method-assign]
    td3.update(step, transitions, noise)
    return found


def unchanged(network: torch.nn.Module, before: torch.nn.Module) -> bool:
    return all(torch.equal(*pair) for pair in zip(network.parameters(), before.parameters(), strict=True))


@pytest.mark.parametrize(
    ("bias", "normal", "action"),
    [
        (0.3, 0.0, np.tanh(0.3)),
        (0.3, 0.5, np.tanh(0.3) + 0.1),  # 0.2 times it
        (0.3, 100.0, np.tanh(0.3) + 0.25),  # clipped
        (0.3, -100.0, np.tanh(0.3) - 0.25),
        (2.0, 100.0, 1.0),  # no action is beyond 1
        (-2.0, -100.0, -1.0),
    ],
)
def test_the_targets_action_is_disturbed_within_bounds(bias: float, normal: float, action: float) -> None:
    td3 = learner(dataclasses.replace(LINEAR, target_noise=0.2, noise_clip=0.25))
    fix(td3.actor, [[0.0] * D], [-0.7])  # must not matter: its target acts
    fix(td3.actor_target, [[0.0] * D], [bias])
    fix(td3.critic, [[0.0] * (D + 1)] * 2, [10.0, 10.0])
    fix(td3.critic_target, [[0.0] * D + [1.0]] * 2, [0.0, 0.0])  # Q' = a
    trace = td3.update(1, batch(size=1, reward=0.5, discount=0.9, weight=2.0), torch.full((1, 1, 1), normal))
    assert float(trace["loss"]) == pytest.approx(2 * (10 - 0.5 - 0.9 * action) ** 2, rel=1e-6)


@pytest.mark.parametrize("bias", [-0.5, 0.8])
def test_the_target_takes_the_smaller_twin(bias: float) -> None:
    td3 = learner(dataclasses.replace(LINEAR, target_noise=1e-9))
    fix(td3.actor_target, [[0.0] * D], [bias])
    fix(td3.critic, [[0.0] * (D + 1)] * 2, [10.0, 10.0])
    fix(td3.critic_target, [[0.0] * D + [1.0], [0.0] * D + [-3.0]], [0.0, 1.0])  # Q1 = a, Q2 = 1 - 3a
    a = np.tanh(bias)
    smaller = min(a, 1 - 3 * a)
    for free_after, value in ((1.0, smaller), (0.0, 0.0)):  # a forced action is 0: Q1 = 0, Q2 = 1
        again = copy.deepcopy(td3)
        trace = again.update(1, batch(size=1, reward=0.5, discount=0.9, free_after=free_after), normals(size=1))
        assert float(trace["loss"]) == pytest.approx((10 - 0.5 - 0.9 * value) ** 2, rel=1e-6)
    trace = td3.update(1, batch(size=1, reward=0.5, discount=0.0), normals(size=1))
    assert float(trace["loss"]) == pytest.approx(9.5**2, rel=1e-6)


@pytest.mark.parametrize("delay", [2, 3])
def test_actor_and_targets_wait_for_the_delay(delay: int) -> None:
    td3 = learner(dataclasses.replace(SMALL, delay=delay), seeds=2)
    waiting = ("actor", "actor_target", "critic_target", "average")
    for step in range(1, 2 * delay + 1):
        before = copy.deepcopy(td3)
        td3.update(step, batch(2), normals(2))
        for name in waiting:
            assert unchanged(getattr(td3, name), getattr(before, name)) == bool(step % delay), (step, name)
        assert not unchanged(td3.critic, before.critic)


def test_the_papers_weight_is_alpha_over_the_mean_size_of_q() -> None:
    td3 = learner(PAPER, spread=0.1)  # the paper's distance has no unit
    fix(td3.actor, [[0.5, -0.2, 0.1]], [0.1])
    fix(td3.critic, [[0.3, -1.0, 0.2, 0.7], [1.0, 1.0, 1.0, 1.0]], [0.1, 5.0])  # the second must not matter
    td3.optimisers["critic"].param_groups[0]["lr"] = 0.0
    transitions = batch()
    action = torch.tanh(transitions.state @ torch.tensor([[0.5], [-0.2], [0.1]]) + 0.1)
    value = transitions.state @ torch.tensor([[0.3], [-1.0], [0.2]]) + 0.7 * action + 0.1
    assert value.min() < 0 < value.max()  # the mean of |Q| is not |mean Q|
    expected = ((action - transitions.action) ** 2).mean() - 2.5 * value.mean() / value.abs().mean()
    found = losses(copy.deepcopy(td3), 1, transitions, normals())["actor"]
    torch.testing.assert_close(found, expected[None])

    fix(td3.critic, [[300.0, -1000.0, 200.0, 700.0], [1.0] * 4], [100.0, 5.0])  # dollars or cents: all the same
    torch.testing.assert_close(losses(td3, 1, transitions, normals())["actor"], expected[None])


def test_the_weights_size_of_q_is_held_fixed() -> None:
    """With Q = a > 0 and the size not held fixed, mean Q / mean |Q| would be 1 and pull nowhere."""
    td3 = learner(dataclasses.replace(PAPER, alpha=1e6, rate=1e-2))
    fix(td3.actor, [[0.0] * D], [0.5])
    fix(td3.critic, [[0.0] * D + [1.0]] * 2, [0.0, 0.0])
    td3.optimisers["critic"].param_groups[0]["lr"] = 0.0
    td3.update(1, batch(action=0.0), normals())
    assert float(td3.actor.layers[1].detach()) == pytest.approx(0.51, abs=1e-4)  # Adam's first step, uphill


def test_tuned_distances_are_in_units_of_the_datas_spread_and_both_critics_judge() -> None:
    td3 = learner(dataclasses.replace(LINEAR, alpha=7.0), spread=0.1)
    fix(td3.actor, [[0.0] * D], [0.5])
    fix(td3.critic, [[0.0] * D + [1.0], [0.0] * D + [3.0]], [-1.0, -2.0])
    td3.optimisers["critic"].param_groups[0]["lr"] = 0.0
    a = np.tanh(0.5)
    mean = (a - 1 + 3 * a - 2) / 2
    found = losses(td3, 1, batch(action=0.2), normals())["actor"]
    assert float(found) == pytest.approx(((a - 0.2) / 0.1) ** 2 - 7 * mean / abs(mean), rel=1e-5)


def test_every_network_has_gradients_from_its_own_loss_alone() -> None:
    td3 = learner(dataclasses.replace(SMALL, delay=1), seeds=2)
    own = {"actor": set(td3.actor.parameters()), "critic": set(td3.critic.parameters())}
    reached: dict[str, set[Any]] = {}
    usual = td3.descend

    def descend(name: str, losses: Tensor) -> None:
        for weight in td3.parameters():
            weight.grad = None
        usual(name, losses)
        reached[name] = {weight for weight in td3.parameters() if weight.grad is not None}

    td3.descend = descend  # type: ignore[method-assign]
    td3.update(1, batch(2), normals(2))
    assert reached == own


def test_forced_actions_teach_the_critic_alone() -> None:
    td3 = learner(dataclasses.replace(SMALL, delay=1))
    before = copy.deepcopy(td3)
    td3.update(1, batch(free=0.0), normals())
    assert unchanged(td3.actor, before.actor)
    assert not unchanged(td3.critic, before.critic)

    half = batch()
    half.free[:, ::2] = 0.0  # what the forced rows hold must not matter to the actor
    other = copy.deepcopy(half)
    other.state[:, ::2] += 1.0
    other.action[:, ::2] -= 0.5
    fixed = dataclasses.replace(SMALL, delay=1, rate=1e-30)
    one, two = (losses(learner(fixed), 1, transitions, normals())["actor"] for transitions in (half, other))
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("average", [0.25, 1.0])
def test_targets_and_average_follow_at_their_rates(average: float) -> None:
    td3 = learner(dataclasses.replace(SMALL, delay=1, tau=0.1, average=average))
    before = copy.deepcopy(td3)
    td3.update(1, batch(), normals())
    followers: list[tuple[Any, Any, Any, float]] = [
        (td3.average, before.average, td3.actor, average),
        (td3.actor_target, before.actor_target, td3.actor, 0.1),
        (td3.critic_target, before.critic_target, td3.critic, 0.1),
    ]
    for follower, old, leader, rate in followers:
        for now, then, goal in zip(follower.parameters(), old.parameters(), leader.parameters(), strict=True):
            torch.testing.assert_close(now.detach(), ((1 - rate) * then + rate * goal).detach())
            assert not torch.equal(now, then)
    assert [torch.equal(*pair) for pair in zip(td3.acting()["actor"], td3.average.parameters(), strict=True)] == [
        True
    ] * 4
    assert unchanged(td3.average, td3.actor) == (average == 1.0)
