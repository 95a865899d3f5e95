"""The shipped agents are what the manifest says, come from the committed code, and score what the report says."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

import optexec as ox
from optexec.offline import Agents, scoring
from optexec.offline.agents import restore_config
from optexec.offline.training import FIRST
from report.agents import published
from report.agents.protocol import (
    BATCH,
    ONE_LOG,
    PENALTIES,
    SCORED,
    SCORING,
    SHARED,
    STUDIES,
    TRANSIENTS,
    TUNING,
    Study,
    market,
    trader,
)

NAMES = [study.name for study in STUDIES]
SHIPPED = [study.name for study in STUDIES if study.shipped]
MIXTURE = [study.name for study in ONE_LOG if "-mixture-data" in study.name]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_tuning_and_scoring_share_no_seed() -> None:
    used = [{*seeds.data, *seeds.training, seeds.episodes} for seeds in (TUNING, SCORING)]
    assert not used[0] & used[1]
    for seeds in (TUNING, SCORING):  # nor are agents scored on the shocks of their data
        assert seeds.episodes not in seeds.data
    for study in STUDIES:
        assert set(study.data) <= set(SCORING.data)
        assert set(study.seeds) <= set(SCORING.training)
        assert len(study.data) in (1, len(study.seeds))


def test_the_manifest_describes_every_file() -> None:
    assert list(published.manifest()) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    assert {path.stem for path in published.FOLDER.glob("*.npz")} == set(SHIPPED)
    assert sum(path.stat().st_size for path in published.FOLDER.iterdir()) < 10e6


def begun(study: Study, agents: int) -> Agents:
    """The first steps of a study's first agents."""
    problem, config = market(study.market), published.manifest()[study.name]["config"]
    seeds = study.seeds[:agents]
    logs = [
        ox.collect(problem, trader(problem, study.behaviour), study.episodes, seed, observe_liquidity=not study.hidden)
        for seed in study.data[:agents]
    ]
    settings = restore_config(study.algorithm, config)
    return ox.offline.train(
        study.algorithm, logs, seeds, study.steps, BATCH, config=settings, stop_after=FIRST, progress=False
    )


@pytest.mark.parametrize("study", STUDIES, ids=NAMES)
def test_a_published_run_begins_as_it_does_here(study: Study) -> None:
    """The first steps of one agent, made again: within 1%, because other processors round otherwise."""
    entry = published.manifest()[study.name]
    assert json.loads(json.dumps(study.describe())) == entry["study"]
    origin = entry["origin"]
    assert (origin["steps"], origin["batch_size"], origin["episodes"]) == (study.steps, BATCH, study.episodes)
    again = begun(study, 1).trace.loc[FIRST]
    for name, values in entry["first"].items():
        np.testing.assert_allclose(again[name].to_numpy(), values[:1], rtol=1e-2, atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_files_are_the_manifests(name: str) -> None:
    shipped, entry = published.agents(name), published.manifest()[name]
    assert json.loads(json.dumps(dataclasses.asdict(shipped.config))) == entry["config"]
    assert shipped.problem == market(published.study(name).market)
    np.testing.assert_allclose(shipped.trace.loc[FIRST]["loss"], entry["first"]["loss"], rtol=1e-6)


def test_the_default_settings_are_the_published_ones() -> None:
    for study in STUDIES:
        config = restore_config(study.algorithm, published.manifest()[study.name]["config"])
        kind = type(config)
        if study.config == "paper" or not (study.variant or study.market == "volatility_spike"):
            assert config == (kind.tuned() if study.config == "tuned" else kind.paper())
        else:
            assert config != kind.tuned()


def test_markets_of_studies_have_names() -> None:
    assert market("normal") == ox.presets.stochastic()
    assert [market(f"transient_{q}").market.transient for q in TRANSIENTS] == list(TRANSIENTS)
    assert [market(f"penalty_{p}").order.violation_penalty for p in PENALTIES] == list(PENALTIES)
    with pytest.raises(ValueError, match="market must be one of"):
        market("paradise")
    with pytest.raises(ValueError, match="behaviour must be one of"):
        trader(market("normal"), "twap-noise-7")


def closed(agents: Agents) -> float:
    """Gap closed without Monte Carlo."""
    problem = agents.problem
    static, best = ox.exact_objective(problem, ox.best_static(problem)), ox.optimum(problem).value
    return (static - ox.exact_value(problem, agents)) / (static - best)


@pytest.mark.parametrize("name", MIXTURE)
def test_published_scores_agree_with_exact_ones(name: str) -> None:
    agents, entry = published.agents(name), published.manifest()[name]
    exact = np.array([closed(agent) for agent in agents])
    scores, ci = np.array(entry["scores"]["gap_closed"]), np.array(entry["scores"]["gap_closed_ci"])
    assert (np.abs(scores - exact) < 2 * ci).all()
    assert abs(entry["mean_action"]["gap_closed"] - closed(agents)) < 2 * entry["mean_action"]["gap_closed_ci"]


@pytest.mark.parametrize(("algorithm", "middle", "mean_action"), [("td3bc", 0.88, 0.93), ("bcq", 0.85, 0.92)])
def test_the_mixture_teaches(algorithm: str, middle: float, mean_action: float) -> None:
    entries = [published.manifest()[name] for name in MIXTURE if name.startswith(f"{algorithm}-")]
    scores = [np.array(entry["scores"]["gap_closed"]) for entry in entries]
    assert len(entries) == len(SHARED)
    found = scoring.summary(scores)
    assert found.value >= middle
    assert found.low < found.value < found.high
    assert found.lowest >= 0.5
    assert all(entry["mean_action"]["gap_closed"] >= mean_action for entry in entries)


@pytest.mark.parametrize("behaviour", ["twap", "twap-noise"])
def test_poor_data_do_no_harm(behaviour: str) -> None:
    problem = ox.presets.stochastic()
    twap = ox.exact_objective(problem, ox.twap(problem))
    for name in (f"{algorithm}-{behaviour}-data0" for algorithm in ("td3bc", "bcq", "bc")):
        assert max(published.manifest()[name]["scores"]["objective"]) < 1.05 * twap


def test_scores_can_be_made_again() -> None:
    name = "td3bc-mixture-data0"
    entry: dict[str, Any] = published.manifest()[name]
    table = scoring.score(published.agents(name), episodes=SCORED)
    np.testing.assert_allclose(table["gap_closed"].iloc[:-1], entry["scores"]["gap_closed"], rtol=1e-3)
    assert table.index[-1] == scoring.MEAN_ACTION


def test_a_summary_is_an_interquartile_mean() -> None:
    scores = np.array([-9.0, 0.8, 0.9, 0.9, 0.9, 0.9, 1.0, 9.0])
    found = scoring.summary([scores], [np.full(8, 0.1)])
    assert found.value == pytest.approx(0.9)
    assert found.low < 0.9 < found.high
    assert found.path_ci == pytest.approx(0.1)
    assert found.lowest == -9
    constant = scoring.summary([np.full(4, 0.5), np.full(4, 0.7)])  # strata: no noise between data sets
    assert constant.low == constant.high == constant.value == pytest.approx(0.6)
    with pytest.raises(ValueError, match="at least one score"):
        scoring.summary([])


def test_an_unknown_study_is_named() -> None:
    with pytest.raises(ValueError, match="study must be one of"):
        published.agents("td3bc-dreams-data0")
    with pytest.raises(ValueError, match="published with its scores alone"):
        published.agents("td3bc-mixture-relu-8logs")
