"""Logged data: reproducible, the simulator's own accounting, validated, and files that are whole or refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optexec as ox
from optexec import _files, offline
from optexec.config import describe, restore
from optexec.offline.data import NOISE, behaviour
from optexec.offline.data import differences as differing
from tests.optexec.strategies import problems

PROBLEM = ox.presets.stochastic()
RICH = PROBLEM.replace(
    transient=0.002,
    half_spread=0.01,
    max_fraction=0.3,
    max_participation=0.01,
    violation_penalty=0.5,
    leftover_haircut=0.2,
    volume_profile=tuple(ox.u_shape(20)),
)
SMALL = PROBLEM.replace(periods=3)
ARRAYS = [field.name for field in dataclasses.fields(ox.Transitions)][4:-1]  # the last is a flag


def same(one: ox.Transitions, other: ox.Transitions) -> bool:
    """Whether two data sets are the same bits."""
    return one.digest == other.digest and all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in ARRAYS
    )


def by_episode(data: ox.Transitions, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Values (m,) as (n, N)."""
    return values.reshape(data.episodes, -1)


# --- collecting


@pytest.mark.parametrize("name", offline.BEHAVIOURS)
def test_collect_is_reproducible_and_its_prefixes_are_stable(name: str) -> None:
    long = ox.collect(PROBLEM, name, episodes=1100, seed=3)  # two blocks of noise
    assert same(long, ox.collect(PROBLEM, name, episodes=1100, seed=3))
    for n in (1, 40, 1024, 1025):
        assert same(long.take(n), ox.collect(PROBLEM, name, episodes=n, seed=3))
    assert long.digest != ox.collect(PROBLEM, name, episodes=1100, seed=4).digest
    with pytest.raises(ValueError, match="episodes must be at most 1100, got 1101"):
        long.take(1101)


@pytest.mark.parametrize("problem", [PROBLEM, RICH, RICH.replace(side="buy")], ids=["plain", "capped", "buy"])
def test_twaps_rewards_are_the_costs_of_simulate(problem: ox.Problem) -> None:
    data = ox.collect(problem, "twap", episodes=300, seed=5)
    run = ox.simulate(problem, ox.twap(problem), 300, 5)
    penalties = problem.order.violation_penalty * run.clipped
    assert (penalties > 0).any() == (problem is not PROBLEM)
    realised, expected = (by_episode(data, data.rewards(kind)).sum(axis=1) for kind in ("realised", "expected"))
    assert realised == pytest.approx(-(run.shortfall + run.running_risk + penalties), rel=1e-10)
    assert expected == pytest.approx(-(run.objective + penalties), rel=1e-10)
    assert by_episode(data, data.observations[:, 0] * problem.order.shares) == pytest.approx(
        run.inventory[:, :-1], rel=1e-6
    )
    assert by_episode(data, data.observations[:, 4]) == pytest.approx(run.liquidity, rel=1e-6)
    held = run.inventory[:, :-1]
    assert by_episode(data, data.fractions) * held == pytest.approx(run.trades, rel=1e-12)


def test_the_expected_reward_is_the_realised_one_without_noise_of_mean_zero() -> None:
    data = ox.collect(PROBLEM, "mixture", episodes=2000, seed=1)
    noise = by_episode(data, data.realised - data.expected)
    assert np.abs(noise.mean(axis=0) / (noise.std(axis=0) / 2000**0.5)).max() < 4
    held = data.observations[:, 0].astype(float) * PROBLEM.order.shares
    traded = data.fractions * held
    variance = PROBLEM.step_variance * (held - traded) ** 2 + PROBLEM.market.slippage**2 * traded**2
    some = held > 0
    assert not noise.ravel()[~some].any()
    assert (noise.ravel()[some] ** 2 / variance[some]).mean() == pytest.approx(1, abs=4 * (2 / len(data)) ** 0.5)


def test_observations_follow_one_another() -> None:
    data = ox.collect(RICH, "mixture", episodes=50, seed=2)
    inner = ~data.terminated
    assert np.array_equal(data.next_observations[inner], data.observations[1:][inner[:-1]])
    assert np.array_equal(data.period, np.tile(np.arange(20), 50))
    assert np.array_equal(data.episode, np.repeat(np.arange(50), 20))
    assert (len(data), data.episodes) == (1000, 50)


def test_liquidity_can_be_hidden() -> None:
    seen = ox.collect(RICH, "twap-noise", episodes=30, seed=2)
    blind = ox.collect(RICH, "twap-noise", episodes=30, seed=2, observe_liquidity=False)
    assert np.array_equal(seen.realised, blind.realised)  # the behaviour does not look at it
    assert np.array_equal(seen.observations[:, :4], blind.observations[:, :4])
    assert (seen.observations[:, 5] > 0).any()
    assert not blind.observations[:, 5].any()
    first = blind.observations[::20, 4]
    assert first == pytest.approx(np.full(30, RICH.profile[0]), rel=1e-6)  # the long-run mean, before any fill


# --- behaviours


def test_twap_is_one_action_a_state() -> None:
    data = ox.collect(PROBLEM, "twap", episodes=20, seed=0)
    assert by_episode(data, data.fractions) == pytest.approx(np.tile(1 / (20 - np.arange(20)), (20, 1)), rel=1e-12)
    assert data.arms == ("TWAP",)
    assert not data.arm.any()


def test_the_noise_has_mean_one_before_it_is_clipped() -> None:
    data = ox.collect(PROBLEM, "twap-noise", episodes=3000, seed=0)
    early = by_episode(data, data.wishes)[:, :10] * (20 - np.arange(10))  # 1/10 is far from where 1 would clip
    assert abs(early.mean() - 1) < 4 * early.std() / early.size**0.5
    assert np.log(early).std() == pytest.approx(NOISE, abs=4 * NOISE / (2 * early.size) ** 0.5)
    assert np.abs(np.corrcoef(early.T) - np.eye(10)).max() < 4.5 / 3000**0.5  # fresh in every period
    last = by_episode(data, data.wishes)[:, -1]
    assert last.max() == 1
    assert 0 < last.min() < 1  # wished; executed is everything
    fractions, held = by_episode(data, data.fractions), by_episode(data, data.observations[:, 0])
    assert np.array_equal(fractions[:, -1], (held[:, -1] > 0).astype(float))  # a few sold out a period early


def test_the_mixture_draws_one_arm_an_episode_with_equal_chances() -> None:
    data = ox.collect(PROBLEM, "mixture", episodes=6000, seed=0)
    assert data.arms == ("TWAP", "VWAP", "AC, λ × 0.5", "AC, λ × 1", "AC, λ × 2", "AC, λ × 4")
    arm = by_episode(data, data.arm)
    assert (arm == arm[:, :1]).all()
    assert np.abs(np.bincount(arm[:, 0]) / 1000 - 1).max() < 4 * (5 / 6 / 1000) ** 0.5
    policies = list(behaviour(PROBLEM, "mixture").arms.values())
    wishes = by_episode(data, data.wishes)[:, 0]
    for i, policy in enumerate(policies):
        noise = np.log(wishes[arm[:, 0] == i] / policy.open_loop[0])  # type: ignore[attr-defined]
        assert abs(noise.mean() + NOISE**2 / 2) < 4 * NOISE / len(noise) ** 0.5


def test_without_risk_aversion_the_mixtures_plans_are_twap() -> None:
    neutral = behaviour(PROBLEM.replace(risk_aversion=0.0), "mixture").arms
    plans = [arm.trades.tobytes() for name, arm in neutral.items() if name != "VWAP"]  # type: ignore[attr-defined]
    assert len(plans) == 5
    assert len(set(plans)) == 1


@pytest.mark.parametrize("cap", [{"max_fraction": 0.1}, {"max_participation": 0.006}])
def test_what_is_executed_is_the_wish_within_the_caps(cap: dict[str, float]) -> None:
    problem = PROBLEM.replace(**cap)
    data = ox.collect(problem, "mixture", episodes=200, seed=4)
    held = data.observations[:, 0].astype(float) * 1000
    allowed = np.full(len(data), cap.get("max_fraction", 1.0))
    if "max_participation" in cap:
        allowed = np.minimum(1.0, 0.006 * 10_000 * data.observations[:, 4].astype(float) / np.maximum(held, 1e-9))
    wish = np.where(data.terminated, 1.0, data.wishes)
    wish[held == 0] = 0.0
    assert data.fractions == pytest.approx(np.minimum(wish, allowed), rel=1e-6)
    assert 0.05 < (wish > allowed).mean() < 0.95


def test_other_behaviours_and_policies() -> None:
    alone = ox.collect(SMALL, ox.optimum(SMALL), episodes=10)
    assert (alone.behaviour, alone.arms) == ("Optimum", ("Optimum",))
    many = offline.Behaviour(
        "many", {f"arm {i}": ox.twap(SMALL) for i in range(80)}
    )  # more than numpy's own choice of 64
    twap = ox.collect(SMALL, "twap", episodes=10)
    assert np.array_equal(ox.collect(SMALL, many, episodes=10).realised, twap.realised)


class Wrong:
    """Acts in the wrong shape."""

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.array([0.5])


def test_bad_behaviours_are_named() -> None:
    with pytest.raises(ValueError, match=r"behaviour must be one of \['twap', 'twap-noise', 'mixture'\], got 'vwap'"):
        ox.collect(PROBLEM, "vwap")
    with pytest.raises(TypeError, match="behaviour must be one of twap, twap-noise, mixture, a Behaviour or a policy"):
        ox.collect(PROBLEM, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="arms must name at least one policy"):
        offline.Behaviour("none", {})
    with pytest.raises(TypeError, match=r"arms\['a'\] must be a policy, an object with a method act, got 0.5"):
        offline.Behaviour("number", {"a": 0.5})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="noise must be finite and >= 0, got -1"):
        offline.Behaviour("negative", {"a": ox.twap(PROBLEM)}, -1)
    with pytest.raises(ValueError, match=r"action must have shape \(4,\) in period 0, got \(1,\)"):
        ox.collect(PROBLEM, Wrong(), episodes=4)
    with pytest.raises(ValueError, match=r"was made for an order with periods = 3, .* has periods = 20"):
        ox.collect(PROBLEM, ox.twap(SMALL), episodes=4)
    with pytest.raises(ValueError, match="episodes must be an integer >= 1, got 0"):
        ox.collect(PROBLEM, "twap", episodes=0)
    with pytest.raises(ValueError, match="seed must be an integer >= 0, got -1"):
        ox.collect(PROBLEM, "twap", seed=-1)


# --- validation

DATA = ox.collect(SMALL, "mixture", episodes=4, seed=0)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(ARRAYS), row=st.integers(0, 11), value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_what_is_not_finite_is_refused_with_its_place(name: str, row: int, value: float) -> None:
    array = getattr(DATA, name).copy()
    if array.dtype.kind != "f":
        return
    array[row] = value
    with pytest.raises(ValueError, match=rf"^{name} must be finite, got .* in transition {row}$"):
        dataclasses.replace(DATA, **{name: array})


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(ARRAYS), rows=st.integers(0, 20), columns=st.integers(0, 8))
def test_wrong_shapes_are_refused(name: str, rows: int, columns: int) -> None:
    good = getattr(DATA, name)
    array: Any = np.zeros((rows, columns) if columns else rows, dtype=good.dtype)
    if array.shape == good.shape:
        return
    with pytest.raises(ValueError, match=r"must have shape|whole episodes of 3 transitions"):
        dataclasses.replace(DATA, **{name: array})


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(12)))
def test_transitions_out_of_order_are_refused(order: list[int]) -> None:
    moved: dict[str, Any] = {name: getattr(DATA, name)[order] for name in ARRAYS}
    starts = order[::3]
    if all(order[i : i + 3] == [s, s + 1, s + 2] and s % 3 == 0 for i, s in zip(range(0, 12, 3), starts, strict=True)):
        dataclasses.replace(DATA, **moved)  # whole episodes may come in any order
        return
    with pytest.raises(ValueError, match="observations must go through periods 0 to 2 of one episode after the other"):
        dataclasses.replace(DATA, **moved)


@settings(max_examples=40, deadline=None)
@given(row=st.integers(0, 11), value=st.one_of(st.floats(-1e9, -1e-9), st.floats(1 + 1e-9, 1e9)))
def test_fractions_lie_between_nothing_and_all(row: int, value: float) -> None:
    fractions = DATA.fractions.copy()
    fractions[row] = value
    with pytest.raises(ValueError, match=r"fractions must lie in \[0, 1\]"):
        dataclasses.replace(DATA, fractions=fractions)


def test_other_bad_arrays() -> None:
    for bad in (-1, 6):
        with pytest.raises(ValueError, match=r"arm must be an index into \['TWAP'"):
            dataclasses.replace(DATA, arm=np.full(12, bad))
    for name, array in (("arm", np.zeros(12)), ("fractions", np.array(["0.5"] * 12)), ("terminated", np.zeros(12))):
        with pytest.raises(ValueError, match=f"{name} must be of type"):
            dataclasses.replace(DATA, **{name: array})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole episodes of 3 transitions, got 0"):
        dataclasses.replace(DATA, **{name: getattr(DATA, name)[:0] for name in ARRAYS})
    with pytest.raises(ValueError, match=r"reward must be one of \['realised', 'expected'\], got 'cash'"):
        DATA.rewards("cash")
    wide = dataclasses.replace(DATA, observations=DATA.observations.astype(np.float64))
    assert wide.observations.dtype == np.float32
    assert same(wide, DATA)


# --- files


@pytest.mark.parametrize("problem", [PROBLEM, RICH, *ox.presets.stress().values()])
def test_a_saved_data_set_comes_back(problem: ox.Problem, tmp_path: Path) -> None:
    data = ox.collect(problem, "mixture", episodes=3, seed=6)
    path = tmp_path / "log.npz"
    data.save(path)
    back = ox.Transitions.load(path, problem)
    assert same(back, data)
    assert (back.problem, back.seed, back.behaviour, back.arms) == (problem, 6, "mixture", data.arms)
    assert list(tmp_path.iterdir()) == [path]
    with np.load(path, allow_pickle=False) as file:  # plain numpy reads it
        assert set(file.files) == {"meta", *ARRAYS}
        assert json.loads(str(file["meta"]))["digest"] == data.digest


def test_the_digest_is_of_everything() -> None:
    edits: list[dict[str, Any]] = [
        {"seed": 1},
        {"behaviour": "other"},
        {"problem": SMALL.replace(volatility=0.03)},
        {"arms": (*DATA.arms[:-1], "other")},
        {"realised": np.nextafter(DATA.realised, 0)},
        {"wishes": np.nextafter(DATA.wishes, 0)},
    ]
    changed = [dataclasses.replace(DATA, **edit) for edit in edits]
    assert len({data.digest for data in [DATA, *changed]}) == len(changed) + 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small file."""
    path = tmp_path_factory.mktemp("data") / "log.npz"
    DATA.save(path)
    return path.read_bytes()


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(saved: bytes, tmp_path_factory: pytest.TempPathFactory, place: float) -> None:
    path = tmp_path_factory.getbasetemp() / "short.npz"
    path.write_bytes(saved[: int(place * len(saved))])
    with pytest.raises(ValueError, match=r"short.npz cannot be read as optexec transitions: it is truncated, damaged"):
        ox.Transitions.load(path)


@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_harmless(
    saved: bytes, tmp_path_factory: pytest.TempPathFactory, place: float, bits: int
) -> None:
    """Zip has bytes that mean nothing (dates, a second copy of names); any other change must not get through."""
    changed = bytearray(saved)
    changed[int(place * len(saved))] ^= bits
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    path.write_bytes(changed)
    try:
        read, refused = ox.Transitions.load(path), ""
    except ValueError as error:
        read, refused = DATA, str(error)
    assert same(read, DATA)
    assert not refused or "changed.npz" in refused


def test_an_unknown_compression_is_damage_too(saved: bytes, tmp_path: Path) -> None:
    """What zipfile calls not implemented."""
    entry = saved.index(b"PK\x01\x02")
    changed = bytearray(saved)
    changed[entry + 10] = 77
    path = tmp_path / "odd.npz"
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"odd.npz cannot be read"):
        ox.Transitions.load(path)


def rewritten(path: Path, saved: bytes, **changes: Any) -> Path:
    """A file with arrays or the description exchanged, and no new digest."""
    whole = path.parent / "whole.npz"
    whole.write_bytes(saved)
    with np.load(whole) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **(arrays | changes))
    return path


def test_changed_contents_are_noticed(saved: bytes, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "edited.npz", saved, realised=DATA.realised + 1)
    with pytest.raises(ValueError, match=r"edited.npz was changed after it was written"):
        ox.Transitions.load(path)


class Trap:
    """Its unpickling would leave a mark."""

    sprung = False

    def __reduce__(self) -> Any:
        return setattr, (Trap, "sprung", True)


def test_pickles_are_refused_unread(saved: bytes, tmp_path: Path) -> None:
    trap = np.array([Trap()], dtype=object)
    path = rewritten(tmp_path / "trap.npz", saved, realised=trap)
    with pytest.raises(ValueError, match=r"trap.npz cannot be read"):
        ox.Transitions.load(path)
    trap.dump(path)
    with pytest.raises(ValueError, match=r"trap.npz cannot be read"):
        ox.Transitions.load(path)
    assert not Trap.sprung
    with pytest.raises(ValueError, match="things must hold numbers, got an array of objects"):
        _files.write_arrays(path, {}, {"things": trap})


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"kind": "cake"}, "must hold optexec transitions, got 'cake'"),
        ({"kind": "optexec transitions"}, "does not say its 'problem'"),
        ({"kind": "optexec transitions", "problem": {}}, "order must be a table"),
        ({"kind": "optexec transitions", "problem": describe(SMALL)}, "does not say its 'seed'"),
    ],
)
def test_a_well_formed_file_of_something_else(meta: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    _files.write_arrays(path, meta, {name: getattr(DATA, name) for name in ARRAYS})
    with pytest.raises(ValueError, match=f"other.npz.*{message}"):
        ox.Transitions.load(path)


def test_files_that_cannot_be_data(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.npz does not exist"):
        ox.Transitions.load(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"one.npy cannot be read"):
        ox.Transitions.load(tmp_path / "one.npy")
    path = tmp_path / "less.npz"
    _files.write_arrays(path, {"kind": "optexec transitions"}, {"realised": DATA.realised})
    with pytest.raises(ValueError, match=r"less.npz must hold the arrays observations, .*, got realised"):
        ox.Transitions.load(path)
    bad = {name: getattr(DATA, name) for name in ARRAYS} | {"realised": np.full(12, np.nan)}
    _files.write_arrays(path, DATA._meta(), bad)
    with pytest.raises(ValueError, match=r"less.npz: realised must be finite, got nan in transition 0"):
        ox.Transitions.load(path)


def test_another_problem_is_refused_by_field(tmp_path: Path) -> None:
    path = tmp_path / "log.npz"
    DATA.save(path)
    with pytest.raises(ValueError, match=r"another problem: market.volatility is 0.02 and not 0.03$"):
        ox.Transitions.load(path, SMALL.replace(volatility=0.03))
    other = SMALL.replace(liquidity=ox.ConstantLiquidity(), risk_aversion=1.0)
    with pytest.raises(ValueError, match=r"liquidity.type is 'OrnsteinUhlenbeck' and not 'ConstantLiquidity'.*risk_av"):
        ox.Transitions.load(path, other)
    assert differing(SMALL, SMALL) == ""


def test_a_failed_save_leaves_what_was_there(saved: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.npz"
    path.write_bytes(saved)

    def full(file: Any, **arrays: Any) -> None:
        file.write(b"half of")
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez_compressed", full)
        with pytest.raises(OSError, match="no space left"):
            ox.collect(SMALL, "twap", episodes=2).save(path)
    assert path.read_bytes() == saved
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"nowhere is not a folder"):
        DATA.save(tmp_path / "nowhere" / "log.npz")
    ox.collect(SMALL, "twap", episodes=2).save(path)
    assert ox.Transitions.load(path).behaviour == "twap"


def test_flat_arrays_for_other_libraries() -> None:
    for kind in ("realised", "expected"):
        arrays = DATA.arrays(kind)
        assert {name: array.shape for name, array in arrays.items()} == {
            "observations": (12, 6),
            "actions": (12, 1),
            "rewards": (12,),
            "terminals": (12,),
        }
        assert all(array.dtype == np.float32 for array in arrays.values())
        assert arrays["terminals"].tolist() == [0, 0, 1] * 4
        assert arrays["rewards"] == pytest.approx(DATA.rewards(kind), rel=1e-6)
        assert arrays["actions"][:, 0] == pytest.approx(DATA.fractions, rel=1e-6)


# --- coverage


def test_coverage_of_known_cases() -> None:
    best = ox.optimum(PROBLEM)
    around = offline.Behaviour("around", {"optimum": best}, 0.2)
    assert offline.overlap(ox.collect(PROBLEM, around, episodes=500)) > 0.98
    assert offline.overlap(ox.collect(PROBLEM, "twap", episodes=500)) == 0
    itself = offline.coverage(ox.collect(PROBLEM, best, episodes=500), level=0.9)
    assert itself["inside"].iloc[1:].between(0.89, 0.91).all()
    assert itself["inside"].iloc[0] == 1  # one first level
    calm = ox.presets.reference()  # here the optimum is one action a period
    assert offline.overlap(ox.collect(calm, ox.optimum(calm), episodes=5)) == 1


def test_coverage_says_where_actions_lie() -> None:
    data = ox.collect(PROBLEM, "mixture", episodes=400, seed=1)
    table = offline.coverage(data, level=0.8)
    assert list(table.columns) == ["low", "median", "high", "optimum_low", "optimum_median", "optimum_high", "inside"]
    assert (len(table), table.index.name) == (19, "period")
    fractions, held = by_episode(data, data.fractions), by_episode(data, data.observations[:, 0])
    wanted = by_episode(data, ox.optimum(PROBLEM).act(data.observations))
    for k in (0, 7, 18):
        assert table.loc[k].iloc[:3].to_numpy() == pytest.approx(
            np.quantile(fractions[held[:, k] > 0, k], [0.1, 0.5, 0.9])
        )
        inside = (wanted[:, k] >= table.loc[k, "low"]) & (wanted[:, k] <= table.loc[k, "high"])
        assert table.loc[k, "inside"] == pytest.approx(inside[held[:, k] > 0].mean())
    assert offline.overlap(data, level=0.8) == pytest.approx(table["inside"].mean())
    assert offline.overlap(data, level=0.5) < offline.overlap(data, level=0.8)
    for level in (0, 1, np.nan):
        with pytest.raises(ValueError, match="level"):
            offline.coverage(data, level)


class AllAtOnce:
    """Sells everything in the first period, and then wishes for nothing."""

    def act(self, observation: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.where(observation[:, 1] == 1, 1.0, 0.0)


def test_states_with_nothing_left_cover_nothing() -> None:
    data = ox.collect(PROBLEM, AllAtOnce(), episodes=5)
    assert not by_episode(data, data.fractions)[:, 1:].any()
    table = offline.coverage(data)
    assert table.iloc[0].notna().all()
    assert table.iloc[1:].isna().all(axis=None)
    assert offline.overlap(data) == 0


# --- problems as plain data


@settings(max_examples=100, deadline=None)
@given(problem=problems(caps=True))
def test_a_described_problem_comes_back(problem: ox.Problem) -> None:
    described = describe(problem)
    assert restore(json.loads(json.dumps(described, allow_nan=False))) == problem
    assert restore(described) == problem
    assert described == describe(restore(described))


class Own(ox.OrnsteinUhlenbeck):
    """A process that only its author knows."""


def test_only_known_processes_can_be_described() -> None:
    problem = PROBLEM.replace(liquidity=Own())
    with pytest.raises(TypeError, match=r"liquidity must be one of ConstantLiquidity, .* to be described, got Own"):
        describe(problem)


def edited(part: str, **fields: Any) -> dict[str, Any]:
    """A description with fields of a part changed; None deletes."""
    described = describe(PROBLEM)
    inner = described
    for name in part.split("."):
        inner = inner[name] if name else inner
    for name, value in fields.items():
        inner[name] = value
        if value is None:
            del inner[name]
    return described


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (None, "problem must be a table, got None"),
        ([], "problem must be a table"),
        (edited("", order=None), "order must be a table, got None"),
        (edited("", market=None), "market must be a table"),
        (edited("market", liquidity=None), "market.liquidity must be a table"),
        (edited("", market=3), "market must be a table, got 3"),
        (edited("market", liquidity=3), "liquidity must be a table, got 3"),
        (edited("market.liquidity", type="Tides"), "got 'Tides'"),
        (edited("market.liquidity", type=["Shocks"]), r"liquidity.type must be one of Constant.*, got \['Shocks'\]"),
        (
            edited("market.liquidity", base={"type": "ConstantLiquidity", "level": 1.0}),
            "liquidity.base is no field here",
        ),
        (edited("market.liquidity", type="Shocks"), "liquidity.base must be a table with a type, got none"),
        (edited("", extra=1), "extra is no field here; allowed: order, market, risk_aversion; got 1"),
        (edited("order", lot=1), "order.lot is no field here"),
        (edited("market", volatility="high"), "market.volatility must be a real number, got 'high'"),
        (edited("market", volatility=-1.0), "volatility must be finite and >= 0, got -1.0"),
    ],
)
def test_a_bad_description_is_refused(described: Any, message: str) -> None:
    before = json.dumps(described)
    with pytest.raises(ValueError, match=message):
        restore(described)
    assert json.dumps(described) == before
