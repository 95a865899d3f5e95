"""BCQ, piece by piece: on networks that are linear and set by hand, so that every number can be worked out."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from optexec.offline.bcq import BCQ, BCQConfig
from optexec.offline.learner import Batch
from optexec.offline.networks import ACTIVATIONS, Stack, perceptron

D = 3
LINEAR = dataclasses.replace(BCQConfig.tuned(), widths=(), behaviour=(), critic="free")
SMALL = dataclasses.replace(BCQConfig.tuned(), widths=(8,), behaviour=(8,), critic="free")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def learner(config: BCQConfig, seeds: int = 1, spread: float = 1.0) -> BCQ:
    return BCQ(config, D, [np.random.default_rng(seed) for seed in range(seeds)], spread)


def batch(seeds: int = 1, size: int = 16, **fields: float) -> Batch:
    """Random transitions; ``fields`` are constant."""
    stream = torch.Generator().manual_seed(7)
    widths = {"state": D, "after": D}
    drawn = {name: torch.rand((seeds, size, widths.get(name, 1)), generator=stream) for name in Batch._fields}
    drawn |= {name: torch.ones(seeds, size, 1) for name in ("weight", "free", "free_after", "ceiling", "ceiling_after")}
    return Batch(**{**drawn, **{name: torch.full_like(drawn[name], value) for name, value in fields.items()}})


def normals(bcq: BCQ, size: int = 16) -> Tensor:
    return torch.randn((bcq.seeds, size, bcq.noise), generator=torch.Generator().manual_seed(8))


def fix(network: Stack, weights: list[list[float]], biases: list[float]) -> None:
    """Set a linear network of one output: a list of weights and a bias a copy."""
    with torch.no_grad():
        network.layers[0].copy_(torch.tensor(weights)[..., None])
        network.layers[1].copy_(torch.tensor(biases).reshape(-1, 1, 1))


def spy(bcq: BCQ, seen: Callable[[str, Tensor], None]) -> None:
    """Call ``seen`` with every loss before it is descended."""
    usual = bcq.descend

    def descend(name: str, losses: Tensor) -> None:
        seen(name, losses)
        usual(name, losses)

    bcq.descend = descend  # type: ignore[method-assign]


def test_latents_are_clipped_and_drawn_once_a_seed() -> None:
    bcq = learner(dataclasses.replace(SMALL, clip=0.3, choices=200), seeds=2)
    assert bcq.latents.shape == (2, 200, 2)
    assert bcq.latents.abs().max() == np.float32(0.3)
    assert (bcq.latents.abs() < 0.3).any()
    assert not torch.equal(*bcq.latents)
    before = bcq.latents.clone()
    bcq.update(1, batch(2), normals(bcq))
    assert torch.equal(bcq.acting()["latents"][0], before)  # the policy is a function of the state


def test_candidates_stay_in_reach_of_the_samples() -> None:
    config = dataclasses.replace(SMALL, reach=2.0)
    bcq, states = learner(config, seeds=2, spread=0.05), torch.randn(2, 30, D)
    networks = bcq.acting()
    sampled, moved = BCQ.candidates(config, networks, states)
    assert sampled.shape == moved.shape == (2, 30, config.choices)
    assert 0 < (moved - sampled).abs().max() < 0.1
    networks["shift"][-1].data.fill_(1e3)  # tanh is 1: the bound itself
    _, moved = BCQ.candidates(config, networks, states)
    torch.testing.assert_close(moved, sampled + 0.1)
    networks["decoder"][-1].data.fill_(1e3)  # samples at 1
    sampled, moved = BCQ.candidates(config, networks, states)
    assert torch.equal(sampled, torch.ones_like(sampled))
    assert torch.equal(moved, sampled)  # clipped
    assert learner(dataclasses.replace(config, relative=False), spread=0.05).reach == 2.0


def test_the_policy_takes_the_best_candidate_by_the_first_critic() -> None:
    config = dataclasses.replace(SMALL, activation="relu", widths=(2,))
    bcq, states = learner(config, seeds=2), torch.randn(2, 30, D)
    tent = [torch.zeros(2, D + 1, 2), torch.tensor([[[-0.1, 0.1]]] * 2), -torch.ones(2, 2, 1), torch.zeros(2, 1, 1)]
    tent[0][:, D, 0], tent[0][:, D, 1] = 1.0, -1.0  # Q = -|a - 0.1|
    with torch.no_grad():
        for layer, first in zip(bcq.averages["critic"].parameters(), tent, strict=True):
            layer[:2], layer[2:] = first, torch.randn_like(first)  # the second critic must not matter
    networks = bcq.acting()
    _, moved = BCQ.candidates(config, networks, states)
    chosen = BCQ.decide(config, networks, states)
    torch.testing.assert_close((chosen - 0.1).abs(), (moved - 0.1).abs().amin(dim=-1))
    assert not torch.allclose(chosen, moved[..., 0])


def test_a_stack_of_states_decides_as_each_state_alone() -> None:
    bcq, states = learner(SMALL, seeds=2), torch.randn(2, 5, D)
    networks, act = bcq.acting(), ACTIVATIONS[SMALL.activation]
    chosen = BCQ.decide(SMALL, networks, states)
    for seed in range(2):
        alone = {name: [layer[seed : seed + 1] for layer in layers] for name, layers in networks.items()}
        for i in range(5):
            state = states[seed : seed + 1, i : i + 1]
            _, moved = BCQ.candidates(SMALL, alone, state)
            pairs = torch.cat([state.expand(1, SMALL.choices, D), moved.reshape(1, -1, 1)], dim=-1)
            best = int(perceptron(alone["critic"], pairs, act).argmax())
            torch.testing.assert_close(chosen[seed, i], moved[0, 0, best])


@pytest.mark.parametrize("pessimism", [0.75, 1.0])
def test_the_target_is_the_best_soft_clipped_value(pessimism: float) -> None:
    config = dataclasses.replace(LINEAR, samples=3, pessimism=pessimism)
    bcq = learner(config)
    fix(bcq.decoder, [[0.0] * D + [1.0, 0.0]], [0.0])  # a = tanh z_1
    fix(bcq.shift, [[0.0] * (D + 1)], [50.0])  # the moving network would add 1.75, ...
    fix(bcq.shift_target, [[0.0] * (D + 1)], [0.0])  # ... its target adds nothing
    fix(bcq.critic, [[0.0] * (D + 1)] * 2, [10.0, 10.0])
    fix(bcq.critic_target, [[0.0] * D + [1.0], [0.0] * D + [-0.2]], [0.0, 1.0])  # Q1 = a, Q2 = 1 - a/5
    bcq.optimisers["behaviour"].param_groups[0]["lr"] = 0.0  # its step comes first
    noise = torch.zeros(1, 1, bcq.noise)
    noise[0, 0, 4::2] = torch.tensor([-0.4, 0.2, 3.0])  # z_1 of the three actions; the last is clipped at 0.5
    a = np.tanh([-0.4, 0.2, 0.5])
    twins = np.stack([a, 1 - 0.2 * a])
    best = max(pessimism * twins.min(axis=0) + (1 - pessimism) * twins.max(axis=0))
    found = copy.deepcopy(bcq).update(1, batch(size=1, reward=0.5, discount=0.9, weight=2.0), noise)
    assert float(found["loss"]) == pytest.approx(2 * (10 - 0.5 - 0.9 * best) ** 2, rel=1e-6)

    forced = copy.deepcopy(bcq).update(1, batch(size=1, reward=0.5, discount=0.9, free_after=0.0), noise)
    here = pessimism * 0.0 + (1 - pessimism) * 1.0  # Q1 = 0, Q2 = 1 where a = 0
    assert float(forced["loss"]) == pytest.approx((10 - 0.5 - 0.9 * here) ** 2, rel=1e-6)
    last = copy.deepcopy(bcq).update(1, batch(size=1, reward=0.5, discount=0.0), noise)
    assert float(last["loss"]) == pytest.approx(9.5**2, rel=1e-6)


def test_the_behaviour_models_loss_is_reconstruction_and_divergence() -> None:
    bcq = learner(dataclasses.replace(LINEAR, divergence=0.3))
    mean, log_std = torch.tensor([0.5, -1.0]), torch.tensor([0.2, -9.0])  # the second is clipped at -4
    with torch.no_grad():
        bcq.encoder.layers[0].zero_()
        bcq.encoder.layers[1].copy_(torch.cat([mean, log_std]).reshape(1, 1, 4))
    fix(bcq.decoder, [[0.0] * D + [0.4, 0.7]], [0.1])
    losses: dict[str, Tensor] = {}
    spy(bcq, lambda name, loss: losses.update({name: loss.detach()}))
    noise = torch.zeros(1, 1, bcq.noise)
    noise[0, 0, :2] = torch.tensor([1.5, -0.5])
    found = bcq.update(1, batch(size=1, action=0.2), noise)

    std = log_std.clamp(min=-4).exp()
    code = mean + std * noise[0, 0, :2]
    decoded = torch.tanh(0.4 * code[0] + 0.7 * code[1] + 0.1)
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(mean, std), normal(0.0, 1.0)).mean()
    torch.testing.assert_close(found["distance"], ((decoded - 0.2) ** 2)[None])
    torch.testing.assert_close(losses["behaviour"], found["distance"] + 0.3 * divergence)


def test_every_network_has_gradients_from_its_own_loss_alone() -> None:
    bcq = learner(SMALL, seeds=2)
    own = {
        "behaviour": {*bcq.encoder.parameters(), *bcq.decoder.parameters()},
        "critic": set(bcq.critic.parameters()),
        "shift": set(bcq.shift.parameters()),
    }
    reached: dict[str, set[Any]] = {}
    usual = bcq.descend

    def descend(name: str, losses: Tensor) -> None:
        for weight in bcq.parameters():
            weight.grad = None
        usual(name, losses)
        reached[name] = {weight for weight in bcq.parameters() if weight.grad is not None}

    bcq.descend = descend  # type: ignore[method-assign]
    bcq.update(1, batch(2), normals(bcq))
    assert reached == own


def test_rewards_do_not_teach_the_behaviour_model() -> None:
    first, second = learner(SMALL, seeds=2), learner(SMALL, seeds=2)
    first.update(1, batch(2, reward=0.0), normals(first))
    second.update(1, batch(2, reward=-100.0), normals(second))
    for name in ("encoder", "decoder"):
        for one, other in zip(getattr(first, name).parameters(), getattr(second, name).parameters(), strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(first.critic.layers[0], second.critic.layers[0])


def test_forced_actions_teach_the_critic_alone() -> None:
    bcq = learner(SMALL)
    before = copy.deepcopy(bcq)
    bcq.update(1, batch(free=0.0), normals(bcq))
    for name in ("encoder", "decoder", "shift"):
        for now, then in zip(getattr(bcq, name).parameters(), getattr(before, name).parameters(), strict=True):
            assert torch.equal(now, then)
    assert not torch.equal(bcq.critic.layers[0], before.critic.layers[0])


@pytest.mark.parametrize(("judge", "moves"), [("first", True), ("mean", False)])
def test_the_perturbation_climbs_its_judge(judge: str, moves: bool) -> None:
    bcq = learner(dataclasses.replace(LINEAR, judge=judge, rate=1e-2, tau=1.0))
    fix(bcq.critic, [[0.0] * D + [1.0], [0.0] * D + [-1.0]], [0.0, 0.0])  # their mean is flat
    fix(bcq.shift, [[0.0] * (D + 1)], [0.0])
    fix(bcq.decoder, [[0.0] * (D + 2)], [0.0])
    bcq.optimisers["critic"].param_groups[0]["lr"] = 0.0
    bcq.update(1, batch(), normals(bcq))
    bias = float(bcq.shift.layers[1].detach())
    assert bias == pytest.approx(1e-2 if moves else 0.0, rel=1e-3, abs=1e-9)  # Adam's first step is the rate
    assert float(bcq.shift_target.layers[1].detach()) == bias


def test_targets_and_averages_follow_at_their_rates() -> None:
    bcq = learner(dataclasses.replace(SMALL, tau=0.1, average=0.25))
    before = copy.deepcopy(bcq)
    bcq.update(1, batch(), normals(bcq))
    pairs: list[tuple[Any, Any, Any, float]] = [
        (bcq.critic_target, before.critic_target, bcq.critic, 0.1),
        (bcq.shift_target, before.shift_target, bcq.shift, 0.1),
        *((bcq.averages[name], before.averages[name], getattr(bcq, name), 0.25) for name in bcq.averages),
    ]
    for follower, old, leader, rate in pairs:
        for now, then, goal in zip(follower.parameters(), old.parameters(), leader.parameters(), strict=True):
            torch.testing.assert_close(now.detach(), ((1 - rate) * then + rate * goal).detach())
            assert not torch.equal(now, then)
