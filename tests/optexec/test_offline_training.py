"""The training loop: reproducible, resumable to the bit, and plain about what it refuses."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import optexec as ox
from optexec.offline import ALGORITHMS, Agents, BCConfig, BCQConfig, TD3BCConfig, train
from optexec.offline.bcq import BCQ
from optexec.offline.learner import Config

NAMES = tuple(ALGORITHMS)
QUICK: dict[str, Any] = {"steps": 40, "batch_size": 32, "progress": False}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data() -> ox.Transitions:
    return ox.collect(ox.presets.stochastic(), "mixture", 100, seed=5)


def weights(agents: Agents) -> dict[str, np.ndarray[Any, Any]]:
    return {f"{name}.{i}": layer.numpy() for name, part in agents.networks.items() for i, layer in enumerate(part)}


def same(first: Agents, second: Agents, tolerance: float = 0.0) -> None:
    one, other = weights(first), weights(second)
    assert one.keys() == other.keys()
    for name, layer in one.items():
        np.testing.assert_allclose(layer, other[name], rtol=0, atol=tolerance, err_msg=name)


def small(algorithm: str) -> Config:
    """Tuned, with narrow networks."""
    return dataclasses.replace(ALGORITHMS[algorithm].settings.tuned(), widths=(8, 8))


@pytest.mark.parametrize("algorithm", NAMES)
def test_the_same_seed_gives_the_same_agent(algorithm: str, data: ox.Transitions) -> None:
    together = train(algorithm, data, [3, 4], config=small(algorithm), **QUICK)
    again = train(algorithm, data, [3, 4], config=small(algorithm), **QUICK)
    same(together, again)
    same(together[1], train(algorithm, data, [4], config=small(algorithm), **QUICK), 1e-5)  # whatever it trains beside
    assert not np.allclose(*together.fractions(data.observations))
    assert together.seeds == (3, 4)
    assert [agent.seeds for agent in together] == [(3,), (4,)]


@pytest.mark.parametrize("algorithm", NAMES)
def test_an_interrupted_run_goes_on_to_the_bit(
    algorithm: str, data: ox.Transitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.npz"
    settings: dict[str, Any] = {**QUICK, "steps": 130, "config": small(algorithm)}
    whole = train(algorithm, data, [0, 1], **settings)
    learner = ALGORITHMS[algorithm]
    usual = learner.update

    def interrupted(self: Any, step: int, batch: Any, noise: Any) -> Any:
        if step == 117:
            raise KeyboardInterrupt
        return usual(self, step, batch, noise)

    with monkeypatch.context() as patch:
        patch.setattr(learner, "update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(algorithm, data, [0, 1], checkpoint=path, checkpoint_every=110, **settings)
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]
    resumed = train(algorithm, data, [0, 1], checkpoint=path, **settings)
    same(whole, resumed)
    np.testing.assert_array_equal(whole.trace.to_numpy(), resumed.trace.to_numpy())
    done = train(algorithm, data, [0, 1], checkpoint=path, **settings)  # finished: nothing is left to do
    same(whole, done)


def test_a_checkpoint_of_another_run_is_refused_and_kept(data: ox.Transitions, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train("td3bc", data, [0], config=small("td3bc"), checkpoint=path, **QUICK)
    before = path.read_bytes()
    other = ox.collect(ox.presets.stochastic(), "mixture", 100, seed=6)
    changes: list[tuple[str, str, ox.Transitions, list[int], dict[str, Any]]] = [
        ("algorithm", "bc", data, [0], {"config": small("bc")}),
        ("seeds", "td3bc", data, [1], {}),
        ("data_seed", "td3bc", other, [0], {}),
        ("steps", "td3bc", data, [0], {"steps": 41}),
        ("batch_size", "td3bc", data, [0], {"batch_size": 33}),
        (
            "config.alpha",
            "td3bc",
            data,
            [0],
            {"config": dataclasses.replace(TD3BCConfig.tuned(), widths=(8, 8), alpha=1.0)},
        ),
    ]
    for field, algorithm, logged, seeds, change in changes:
        settings = {**QUICK, "config": small(algorithm), **change}
        with pytest.raises(ValueError, match=rf"run\.npz is of another run: (.*, )?{re.escape(field)} is"):
            train(algorithm, logged, seeds, checkpoint=path, **settings)
    assert path.read_bytes() == before


def test_damaged_files_are_refused_and_kept(data: ox.Transitions, tmp_path: Path) -> None:
    checkpoint, saved = tmp_path / "run.npz", tmp_path / "agents.npz"
    train("bc", data, [0], config=small("bc"), checkpoint=checkpoint, **QUICK).save(saved)
    for path in (checkpoint, saved):
        good = path.read_bytes()

        def use(path: Path = path) -> None:
            if path == saved:
                Agents.load(path)
            else:
                train("bc", data, [0], config=small("bc"), checkpoint=path, **QUICK)

        use()
        for bad in (good[: len(good) // 2], good[:100], b"", b"not a zip"):
            path.write_bytes(bad)
            with pytest.raises(ValueError, match=path.name):
                use()
            assert path.read_bytes() == bad
        path.write_bytes(good)
    with pytest.raises(ValueError, match=r"run\.npz must hold optexec agents"):
        Agents.load(checkpoint)
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        Agents.load(tmp_path / "none.npz")


def test_a_tampered_weight_is_noticed(data: ox.Transitions, tmp_path: Path) -> None:
    path = tmp_path / "agents.npz"
    train("bc", data, [0], config=small("bc"), **QUICK).save(path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["actor.0"] = arrays["actor.0"] + 1e-3
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="changed after it was written"):
        Agents.load(path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "agents.npz"
    np.savez(path, meta=np.array([{"kind": "optexec agents"}], dtype=object))
    with pytest.raises(ValueError, match=r"agents\.npz cannot be read"):
        Agents.load(path)


@pytest.mark.parametrize("algorithm", NAMES)
def test_agents_survive_a_file(algorithm: str, data: ox.Transitions, tmp_path: Path) -> None:
    agents = train(algorithm, data, [0, 7], config=small(algorithm), **QUICK)
    agents.save(tmp_path / "agents.npz")
    again = Agents.load(tmp_path / "agents.npz", problem=data.problem)
    same(agents, again)
    np.testing.assert_array_equal(agents.fractions(data.observations), again.fractions(data.observations))
    assert (again.config, again.seeds, again.problem) == (agents.config, agents.seeds, agents.problem)
    assert again.origin == agents.origin
    assert again.origin["data"] == data.digest
    np.testing.assert_allclose(again.trace.to_numpy(), agents.trace.to_numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"volatility is 0\.02 and not 0\.1"):
        Agents.load(tmp_path / "agents.npz", problem=data.problem.replace(volatility=0.1))


@pytest.mark.parametrize("algorithm", NAMES)
@pytest.mark.parametrize("config", ["tuned", "paper"])
def test_agents_are_policies(algorithm: str, config: str, data: ox.Transitions) -> None:
    agents = train(algorithm, data, [0, 1], steps=3, batch_size=16, config=config, progress=False)
    seen = data.observations[:40]
    fractions = agents.fractions(seen)
    assert fractions.shape == (2, 40)
    assert ((fractions >= 0) & (fractions <= 1)).all()
    np.testing.assert_allclose(agents.act(seen), fractions.mean(axis=0))
    np.testing.assert_allclose(agents[1].act(seen), fractions[1], atol=1e-5)
    episodes = ox.simulate(data.problem, agents, 2, seed=3)
    assert (episodes.completion == 1).all()


def test_one_seed_cannot_disturb_another(data: ox.Transitions) -> None:
    # the loss is a sum over seeds: a seed's gradient must not depend on who else is there
    alone = train("td3bc", data, [9], config=small("td3bc"), **QUICK)
    crowd = train("td3bc", data, [1, 2, 9, 3], config=small("td3bc"), **QUICK)
    same(alone, crowd[2], 1e-5)


def test_cloning_twap_gives_twap() -> None:
    problem = ox.presets.stochastic().replace(periods=5)
    data = ox.collect(problem, "twap", 50, seed=5)
    agent = train("bc", data, [0], steps=400, batch_size=64, config=BCConfig(average=0.05), progress=False)
    np.testing.assert_allclose(agent.act(data.observations), data.fractions, atol=0.01)


def test_bcq_stays_near_its_samples(data: ox.Transitions) -> None:
    config = dataclasses.replace(BCQConfig.tuned(), reach=0.5)
    agents = train("bcq", data, [0, 1], config=config, **QUICK)
    sampled, moved = BCQ.candidates(config, agents.networks, agents.states(data.observations[:40]))
    farthest = float((sampled - moved).abs().max())
    assert 0 < farthest <= 0.5 * agents.view.spread(data) + 1e-6


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"algorithm": "sac"}, ValueError, "algorithm must be one of"),
        ({"seeds": []}, ValueError, "seeds must be one or more different integers"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be one or more different integers"),
        ({"seeds": [-1]}, ValueError, "seeds must be an integer >= 0"),
        ({"seeds": [0.5]}, TypeError, "seeds must be an integer"),
        ({"steps": 0}, ValueError, "steps must be an integer >= 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
        ({"config": "best"}, ValueError, "config must be one of"),
        ({"config": BCConfig.tuned()}, TypeError, "config must be a TD3BCConfig"),
        ({"data": [1, 2]}, TypeError, "data must be optexec Transitions"),
        ({"checkpoint": "/nonexistent/run.npz"}, ValueError, "checkpoint must be in an existing folder"),
        ({"config": dataclasses.replace(TD3BCConfig.tuned(), rate=1e9, widths=(8,))}, ValueError, "diverged"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], error: type[Exception], said: str, data: ox.Transitions) -> None:
    settings = {"algorithm": "td3bc", "data": data, "seeds": [0], "config": small("td3bc"), **QUICK, **change}
    with pytest.raises(error, match=said):
        train(**settings)


@pytest.mark.parametrize("config", [TD3BCConfig.tuned(), BCQConfig.tuned()])
def test_no_number_of_a_config_is_taken_unread(config: Any) -> None:
    names = [field.name for field in dataclasses.fields(config) if isinstance(getattr(config, field.name), float | int)]
    numbers = [name for name in names if not isinstance(getattr(config, name), bool)]
    assert len(numbers) >= 8
    for name in numbers:
        with pytest.raises(ValueError, match=name):
            dataclasses.replace(config, **{name: -1})


@pytest.mark.parametrize(
    ("field", "value"), [("activation", "gelu"), ("widths", (0,)), ("rate", 0.0), ("average", 2.0), ("final_rate", -1)]
)
def test_bad_settings_are_named(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(TD3BCConfig.tuned(), **{field: value})


@pytest.fixture(scope="module")
def logs() -> list[ox.Transitions]:
    return [ox.collect(ox.presets.stochastic(), "mixture", 50, seed) for seed in (5, 6)]


@pytest.mark.parametrize("algorithm", NAMES)
def test_agents_with_a_log_each_are_as_if_alone(algorithm: str, logs: list[ox.Transitions]) -> None:
    together = train(algorithm, logs, [3, 4], config=small(algorithm), **QUICK)
    seen = logs[0].observations
    for i, (seed, log) in enumerate(zip((3, 4), logs, strict=True)):
        alone = train(algorithm, log, [seed], config=small(algorithm), **QUICK)
        same(together[i], alone, 1e-5)
        np.testing.assert_allclose(together.fractions(seen)[i], alone.act(seen), atol=1e-5)
        assert together.views[i].describe() == alone.view.describe()
    assert together.origin["data"] == [log.digest for log in logs]
    assert together.origin["data_seed"] == [5, 6]


def test_agents_with_a_log_each_survive_a_file_and_half_of_their_bits(
    logs: list[ox.Transitions], tmp_path: Path
) -> None:
    agents = train("bcq", logs, [3, 4], config=small("bcq"), **QUICK)
    seen = logs[0].observations[:200]
    agents.save(tmp_path / "whole.npz")
    agents.save(tmp_path / "half.npz", half=True)
    whole, half = (Agents.load(tmp_path / f"{name}.npz") for name in ("whole", "half"))
    np.testing.assert_array_equal(whole.fractions(seen), agents.fractions(seen))
    assert [view.describe() for view in whole.views] == [view.describe() for view in agents.views]
    np.testing.assert_allclose(half.fractions(seen), agents.fractions(seen), atol=2e-3)
    assert not np.array_equal(half.fractions(seen), agents.fractions(seen))
    assert (tmp_path / "half.npz").stat().st_size < (tmp_path / "whole.npz").stat().st_size


def test_logs_that_do_not_fit_are_refused(logs: list[ox.Transitions]) -> None:
    with pytest.raises(ValueError, match="one log, or one a seed, got 2 logs for 3 seeds"):
        train("bc", logs, [0, 1, 2], **QUICK)
    with pytest.raises(ValueError, match="of one length"):
        train("bc", [logs[0], logs[1].take(40)], [0, 1], **QUICK)
    hidden = ox.collect(ox.presets.stochastic(), "mixture", 50, 6, observe_liquidity=False)
    with pytest.raises(ValueError, match="the same observations"):
        train("bc", [logs[0], hidden], [0, 1], **QUICK)
    elsewhere = ox.collect(ox.presets.stochastic().replace(volatility=0.03), "mixture", 50, 6)
    with pytest.raises(ValueError, match="logs of one problem"):
        train("bc", [logs[0], elsewhere], [0, 1], **QUICK)


@pytest.mark.parametrize("algorithm", NAMES)
@pytest.mark.parametrize("caps", [{"max_participation": 0.005}, {"max_fraction": 0.1}])
def test_learners_keep_the_caps_that_they_know(algorithm: str, caps: dict[str, float]) -> None:
    problem = ox.presets.stochastic().replace(**caps)
    log = ox.collect(problem, "mixture", 60, seed=5)
    agents = train(algorithm, log, [0, 1], config=small(algorithm), **QUICK)
    run = ox.simulate(problem, agents, 200, seed=7)
    assert run.violations.sum() == 0
    traded = run.trades[:, :-1] / run.inventory[:, :-2]
    most = np.minimum(50 * run.liquidity[:, :-1] / run.inventory[:, :-2], 1) if "max_participation" in caps else 0.1
    assert (traded <= most * (1 + 1e-6)).all()
    assert (np.abs(traded - most) < 1e-6 * most).any()  # and are at them


def test_transient_impact_is_seen() -> None:
    problem = ox.presets.stochastic().replace(transient=0.002)
    log = ox.collect(problem, "mixture", 60, seed=5)
    for algorithm in NAMES:
        agents = train(algorithm, log, [0], config=small(algorithm), **QUICK)
        later = log.observations[log.period == 5]
        relaxed = later.copy()
        relaxed[:, 5] = 0.0
        assert np.abs(agents.act(later) - agents.act(relaxed)).max() > 1e-4
