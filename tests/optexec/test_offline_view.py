"""What learners see: invertible actions, honest accounting of rewards, a state of what matters alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec.offline.view import PRESSURE, View, ViewConfig, pressure

PLAIN = ViewConfig(state="plain", action="fraction", scaled=False, shaped=False)


@pytest.fixture(scope="module")
def data() -> ox.Transitions:
    return ox.collect(ox.presets.stochastic(), "mixture", 200, seed=5)


@given(
    fraction=st.floats(0.02, 0.6),
    period=st.integers(0, 18),
    action=st.sampled_from(["log-odds", "rate", "fraction"]),
)
def test_actions_survive_the_round_trip(fraction: float, period: int, action: str) -> None:
    view = View(ViewConfig(action=action), 20, (0.0, 0.0), (1.0, 1.0), False)
    given_action, k = np.array([fraction]), np.array([period])
    y = view.encode(given_action, k)
    back = view.decode(y, k)
    if np.abs(y) < 1:  # beyond, the view clips; at an end it may not have to
        np.testing.assert_allclose(back, given_action, rtol=1e-9)
    else:
        assert (given_action - back) * np.sign(y) >= -1e-12


@pytest.mark.parametrize("action", ["log-odds", "rate"])
def test_twap_is_the_origin_or_one_rate(action: str) -> None:
    view = View(ViewConfig(action=action), 20, (0.0, 0.0), (1.0, 1.0), False)
    k = np.arange(20)
    y = view.encode(1 / (20 - k), k)
    np.testing.assert_allclose(y[:-1], 0.0 if action == "log-odds" else 2 / 8 - 1, atol=1e-12)
    assert y[-1] == 0
    assert view.decode(np.array([0.7]), np.array([19])) == 1


def rebuilt(view: View, data: ox.Transitions) -> np.ndarray:
    """Discounted sums of the packed rewards of every episode, back in $."""
    packed, n, periods = view.pack(data), data.episodes, data.problem.order.periods
    reward = packed.reward.astype(np.float64).reshape(n, periods)
    discount = packed.discount.astype(np.float64).reshape(n, periods)
    before = np.hstack([np.ones((n, 1)), np.cumprod(discount, axis=1)[:, :-1]])
    rewards = data.rewards(view.config.reward)
    value = -rewards.reshape(n, periods).sum() / (n * data.problem.order.shares**2)  # c_0
    total: np.ndarray = (before * reward).sum(axis=1) * value * data.problem.order.shares**2
    return total


def test_scaled_rewards_add_up_to_the_cost(data: ox.Transitions) -> None:
    view = View.fit(ViewConfig(shaped=False), data)
    cost = data.realised.reshape(200, 20).sum(axis=1)
    np.testing.assert_allclose(rebuilt(view, data), cost, rtol=1e-4)


def test_shaping_takes_noise_out_and_leaves_the_mean(data: ox.Transitions) -> None:
    shaped = rebuilt(View.fit(ViewConfig(reward="expected"), data), data)
    plain = rebuilt(View.fit(ViewConfig(reward="expected", shaped=False), data), data)
    # the potential at the start is the behaviour's mean cost, so that what is left has mean zero
    assert abs(shaped.mean()) < 0.2 * plain.std() / 200**0.5 + 2
    assert shaped.std() < plain.std()


def test_shaping_is_a_potential_up_to_a_martingale(data: ox.Transitions) -> None:
    # with the next potential itself in place of its regression, the sum would telescope exactly; the difference of the
    # two is orthogonal to the regressors in every period
    view = View.fit(ViewConfig(), data)
    held = data.observations[:, 0].astype(np.float64) * 1000
    _, potential, expected = view._values(data, data.realised, held)
    noise = potential.reshape(200, 20)[:, 1:] - expected.reshape(200, 20)[:, :-1]
    level = np.log(data.observations[:, 4].astype(np.float64)).reshape(200, 20, 1)[:, :-1]
    basis = np.concatenate([np.ones_like(level), level, level**2], axis=-1)
    moments = np.abs((basis * noise[..., None]).mean(axis=0))
    assert noise[:, 1:].std() > 0
    assert moments.max() < 1e-6 * np.abs(potential).max() + 1e-12


def test_the_state_holds_no_inventory_and_no_price(data: ox.Transitions) -> None:
    view = View.fit(ViewConfig(), data)
    seen = data.observations[:50]
    other = seen.copy()
    other[:, 0], other[:, 2], other[:, 3] = 0.3, 1.2, 0.5
    np.testing.assert_array_equal(view.state(seen), view.state(other))
    assert view.dimension == 22
    assert (view.state(seen)[:, 2:22].sum(axis=1) == 1).all()


def test_transient_impact_enters_where_the_data_have_it() -> None:
    problem = ox.presets.stochastic().replace(transient=0.002)
    logged = ox.collect(problem, "mixture", 50, seed=5)
    view = View.fit(ViewConfig(), logged)
    assert view.dimension == 23
    first, later = view.state(logged.observations)[:2, 2]
    assert first == 0 < later
    state = view.state(logged.observations)
    held = np.maximum(logged.observations[:, 0], 1e-9)
    pressed = logged.observations[:, 5] / held * (20 - logged.period) / view.scale[1]
    found = pressure(torch.from_numpy(state).double()).numpy()[:, 0]
    usual = pressed < PRESSURE
    np.testing.assert_allclose(found[usual], pressed[usual], rtol=1e-4)
    assert (state[:, 2] <= PRESSURE).all()
    assert usual.mean() < 1
    assert (view.pack(logged).weight[~usual] == 0).all()


def test_shaping_leaves_the_actions_effect_on_impact_alone() -> None:
    """The potential may not depend on I n / x: its expectation given l alone would hide what the action does to it."""
    problem = ox.presets.stochastic().replace(transient=0.002)
    logged = ox.collect(problem, "mixture", 300, seed=5)
    view = View.fit(ViewConfig(), logged)
    held = logged.observations[:, 0].astype(np.float64) * 1000
    _, potential, expected = view._values(logged, logged.realised, held)
    for k in (5, 10):
        here = logged.period == k
        level = np.log(logged.observations[here, 4].astype(np.float64))
        for found in (potential[here], expected[here]):
            fit = np.polynomial.Polynomial.fit(level, found, 2)
            np.testing.assert_allclose(fit(level), found, atol=1e-9 * np.abs(found).max())


def test_caps_bound_actions_and_leave_room_in_the_state() -> None:
    problem = ox.presets.stress()["participation_cap"]
    logged = ox.collect(problem, "mixture", 100, seed=5)
    view = View.fit(ViewConfig(), logged)
    packed = view.pack(logged)
    assert view.dimension == packed.state.shape[1] == 23
    inside = packed.free == 1
    assert (packed.action[inside] <= packed.ceiling[inside] + 1e-5).all()
    assert ((packed.action == packed.ceiling) & (packed.ceiling < 1) & inside).mean() > 0.02  # it binds
    assert (packed.ceiling[~inside] == 1).all()  # the last period is forced
    np.testing.assert_array_equal(packed.ceiling_after[:-1][inside[:-1]], packed.ceiling[1:][inside[:-1]])
    cap = view.cap(logged.observations)
    most, held = 70 * logged.observations[:, 4], 1000 * logged.observations[:, 0]
    np.testing.assert_allclose(np.minimum(cap * held, held), np.minimum(most, held), rtol=1e-5)
    room = packed.state[:, -1]
    assert np.abs(room).max() <= 2
    assert np.corrcoef(room[inside], np.log(cap * (20 - logged.period))[inside])[0, 1] > 0.9
    wished = View.fit(ViewConfig(trade="wish"), logged)
    assert (wished.pack(logged).ceiling == 1).all()
    asked = wished.pack(logged).action
    assert (asked >= packed.action - 1e-6)[inside].all()
    assert (asked > packed.action + 1e-3).any()


def test_a_cap_on_the_fraction_bounds_actions() -> None:
    problem = ox.presets.stochastic().replace(max_fraction=0.2)
    logged = ox.collect(problem, "mixture", 100, seed=5)
    view = View.fit(ViewConfig(), logged)
    assert view.dimension == 22
    ceiling = view.ceiling(logged.observations)
    early = logged.period < 19
    np.testing.assert_allclose(view.decode(ceiling, logged.period)[early & (ceiling < 1)], 0.2, rtol=1e-9)
    assert (view.cap(logged.observations) == 0.2).all()
    assert (view.pack(logged).action[early] <= ceiling[early] + 1e-6).all()


def test_the_plain_view_is_the_observation(data: ox.Transitions) -> None:
    view = View.fit(PLAIN, data)
    packed = view.pack(data)
    np.testing.assert_allclose(packed.action, 2 * data.fractions - 1, atol=1e-6)
    np.testing.assert_allclose(packed.reward, data.realised, rtol=1e-6)
    np.testing.assert_allclose(packed.state.mean(axis=0), 0, atol=1e-4)
    assert (packed.discount[data.terminated] == 0).all()
    assert (packed.free == 1).all()


def test_an_empty_book_weighs_nothing() -> None:
    problem = ox.presets.stochastic()
    first = ox.Schedule(problem, np.eye(20)[0] * 1000)  # everything at once
    logged = ox.collect(problem, first, 20, seed=5)
    packed = View.fit(ViewConfig(), logged).pack(logged)
    assert all(np.isfinite(column).all() for column in packed)
    assert (packed.weight.reshape(20, 20)[:, 1:] == 0).all()


def test_a_view_survives_a_checkpoint(data: ox.Transitions) -> None:
    view = View.fit(ViewConfig(), data)
    again = View.restore(json.loads(json.dumps(view.describe())))
    assert again.describe() == view.describe()
    np.testing.assert_array_equal(again.state(data.observations), view.state(data.observations))


@pytest.mark.parametrize(
    ("field", "value"), [("state", "raw"), ("action", "shares"), ("reward", "hoped"), ("shaped", True)]
)
def test_bad_settings_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        ViewConfig(scaled=False, **({"shaped": False} | {field: value}))  # type: ignore[arg-type]
