"""Configuration files: they round-trip, and whatever is wrong with one is said in one line that names the field."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import optexec as ox
from optexec import config
from tests.optexec.strategies import problems


@given(problem=problems(caps=True))
def test_a_problem_survives_the_round_trip(problem: ox.Problem) -> None:
    assert config.parse(config.text(problem)) == problem


@pytest.mark.parametrize("name", ["reference", "stochastic", "almgren_chriss_2000"])
def test_save_and_load(name: str, tmp_path: Path) -> None:
    problem = getattr(ox.presets, name)()
    config.save(problem, tmp_path / "a.toml")
    assert config.load(tmp_path / "a.toml") == problem
    assert list(tmp_path.iterdir()) == [tmp_path / "a.toml"]


def test_what_is_left_out_has_its_default() -> None:
    assert config.parse("") == ox.Problem()
    assert config.parse("[order]\nshares = 5") == ox.Problem().replace(shares=5.0)
    slow = config.parse('[market.liquidity]\ntype = "OrnsteinUhlenbeck"\nspeed = 0.1')
    assert slow == ox.Problem().replace(liquidity=ox.OrnsteinUhlenbeck(speed=0.1))


class Own(ox.ConstantLiquidity):
    """A process of one's own."""


def test_a_process_of_your_own_has_no_name_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="liquidity must be one of ConstantLiquidity"):
        config.save(ox.Problem().replace(liquidity=Own()), tmp_path / "a.toml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("order = 3", "order must be a table, got 3"),
        ("[[order]]", r"order must be a table, got \[\{\}\]"),
        ('[order]\nshares = "x"', r"^order\.shares must be a real number, got 'x' \(str\)$"),
        ("[order]\nshares = true", r"order\.shares must be a real number, got True \(bool\)"),
        ("[order]\nperiods = 20.0", r"order\.periods must be an integer >= 1 and <= 100,000, got 20\.0 \(float\)"),
        ("[order]\nside = 'short'", r"order\.side must be one of \['sell', 'buy'\], got 'short'"),
        ("[order]\nmax_fraction = 1979-05-27", r"order\.max_fraction must be a real number, got datetime"),
        ("[market]\nvolatilty = 1", r"market\.volatilty is no field here; allowed: price, volatility, .*; got 1$"),
        ("lambda = 1", "^lambda is no field here; allowed: order, market, risk_aversion; got 1$"),
        ('"a\\nb" = 1', r"^'a\\nb' is no field here"),
        ("[market]\nprice = nan", r"market\.price must be finite and > 0, got nan"),
        ("[market]\nprice = -inf", r"market\.price must be finite and > 0, got -inf"),
        ("[market]\nprice = " + "9" * 400, r"market\.price must be finite and > 0, got 99"),
        ("[market]\nprice = " + "9" * 5000, "not valid TOML: "),
        ("[market]\nvolume_profile = [1, 2]", r"market\.volume_profile must have mean 1, got mean 1\.5"),
        ("[market]\nvolume_profile = 1", r"market\.volume_profile must be a sequence"),
        ("[market]\nvolume_profile = [1]", "volume_profile must have one value a period: order.periods is 20, got 1"),
        ("[market]\ntemporary = 0", r"^market: temporary \+ transient/2 must be > permanent/2"),
        ("[market.liquidity]\nmean = 1", r"market\.liquidity\.type must be one of .*, got None"),
        ("[market.liquidity]\ntype = ['Shocks']", r"market\.liquidity\.type must be one of .*, got \['Shocks'\]"),
        ("[market.liquidity]\ntype = 'Shocks'", r"market\.liquidity\.base must be a table with a type, got none"),
        (
            "[market.liquidity]\ntype = 'Shocks'\n[market.liquidity.base]\ntype = 'ConstantLiquidity'\nlevel = 0",
            r"market\.liquidity\.base\.level must be finite and > 0, got 0",
        ),
        ("risk_aversion = -1", "^risk_aversion must be finite and >= 0, got -1"),
        ("a = ", "not valid TOML: "),
        ("a = 1\na = 2", "not valid TOML: "),
        ("x = " + "[" * 20_000, "nested that deep"),
    ],
)
def test_bad_values_are_named(toml: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        config.parse(toml)
    assert "\n" not in str(raised.value)


def test_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.toml does not exist"):
        config.load(tmp_path / "none.toml")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        config.load(tmp_path)
    bad = tmp_path / "bad.toml"
    for content in (b"\xff\xfe", b"[order]\nshares = -1", b"\x80\x04K\x01.", b"a" * (2 << 20)):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.toml: "):
            config.load(bad)


FULL = config.text(ox.presets.stress()["combined"]).encode()


@given(cut=st.integers(0, len(FULL)), change=st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)))
def test_damaged_files_give_a_problem_or_one_line(cut: int, change: tuple[int, int]) -> None:
    damaged = bytearray(FULL)
    damaged[change[0]] = change[1]
    for content in (FULL[:cut], bytes(damaged)):
        assert isinstance(outcome(content), ox.Problem | str)


def outcome(content: bytes) -> ox.Problem | str:
    """The problem, or what is wrong with it; anything but a ValueError is a defect."""
    try:
        return config.parse(content.decode())
    except ValueError as error:
        return str(error)


plain = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**400), 10**400),
        st.floats(),
        st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=4),
    ),
    lambda inside: st.lists(inside, max_size=3),
    max_leaves=4,
)
FIELDS = [line.split(" = ")[0] for line in FULL.decode().splitlines() if " = " in line] + ["max_participation", "x"]


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return repr(value)


@given(
    table=st.sampled_from(["", "[order]", "[market]", "[market.liquidity]\ntype = 'OrnsteinUhlenbeck'"]),
    values=st.dictionaries(st.sampled_from(FIELDS), plain, max_size=3),
)
def test_any_value_anywhere_gives_a_valid_problem_or_names_the_field(table: str, values: dict[str, object]) -> None:
    toml = "\n".join([table, *(f"{name} = {toml_value(value)}" for name, value in values.items() if name != "type")])
    found = outcome(toml.encode())
    if isinstance(found, str):
        assert any(name in found for name in values)
        assert "\n" not in found
    else:
        assert all(math.isfinite(v) for v in vars(found.market).values() if isinstance(v, float))
        assert config.parse(config.text(found)) == found


def test_what_is_newer_than_a_file_does_not_change_what_it_says() -> None:
    """Data and agents are signed with the description of their problem."""
    described = config.describe(ox.presets.stochastic())
    assert not {"volatility_profile", "depth_exponent"} & set(described["market"])
    for field, value in {"volatility_profile": (1.0,) * 20, "depth_exponent": 0.5}.items():
        problem = ox.presets.stochastic().replace(**{field: value})
        assert field in config.describe(problem)["market"]
        assert config.restore(config.describe(problem)) == problem
    assert "depth_exponent = 1.0" in config.text(ox.presets.stochastic())
