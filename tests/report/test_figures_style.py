"""The look that all figures share: colours that everybody can tell apart and see on both pages, one kind of slider."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from optexec import figures
from optexec.figures import style
from optexec.figures.style import COLOURS
from report import chapters
from report.chapters import c06_environment as environment
from report.chapters import c16_learned as learned
from report.chapters import c19_wrong as wrong

WHITE, DARK = "#ffffff", "#121212"  # backgrounds of the theme
DARKER_TEXT = "#14181e"  # that of the theme's parent, should it come back

# Linear RGB as seen without one kind of cone: Machado, Oliveira & Fernandes (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colour: str) -> Any:
    """Linear sRGB of a hexadecimal colour."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Any) -> Any:
    """CIE L*a*b* (D65) of linear sRGB."""
    to_x, to_y, to_z = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    t = np.array([to_x, to_y, to_z]) @ np.clip(rgb, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: Any, other: Any) -> float:
    """CIEDE2000 of two L*a*b* colours."""
    mean_chroma = (np.hypot(*one[1:]) + np.hypot(*other[1:])) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25**7)))
    (L1, a1, b1), (L2, a2, b2) = one, other
    C1, C2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if C1 * C2 else 0.0
    L, C, h = (L1 + L2) / 2, (C1 + C2) / 2, (h1 + turn / 2) % 360 if C1 * C2 else h1 + h2
    dH = 2 * np.sqrt(C1 * C2) * np.sin(np.radians(turn / 2))
    cosines = ((-0.17, 1, 30), (0.24, 2, 0), (0.32, 3, -6), (-0.20, 4, 63))
    T = 1 + sum(weight * np.cos(np.radians(times * h - shift)) for weight, times, shift in cosines)
    in_L = (L2 - L1) / (1 + 0.015 * (L - 50) ** 2 / np.sqrt(20 + (L - 50) ** 2))
    in_C, in_H = (C2 - C1) / (1 + 0.045 * C), dH / (1 + 0.015 * C * T)
    blue = np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    rotation = -2 * np.sqrt(C**7 / (C**7 + 25**7)) * blue
    return float(np.sqrt(in_L**2 + in_C**2 + in_H**2 + rotation * in_C * in_H))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # Sharma, Wu & Dalal (2005), table 1
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.5, 0), (61, -5, 29), 22.8977),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_of_difference_is_ciede2000(one: Any, other: Any, expected: float) -> None:
    assert difference(np.array(one, float), np.array(other, float)) == pytest.approx(expected, abs=1e-4)


def test_every_policy_has_a_colour_of_its_own() -> None:
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert {"TWAP", "VWAP", "AC", "best static", "rolling", "optimum", "BCQ", "TD3+BC"} <= COLOURS.keys()


@pytest.mark.parametrize("kind", BLINDNESS)
def test_policies_are_told_apart_whatever_one_sees(kind: str) -> None:
    """A CIEDE2000 of 2 can just be seen side by side. Eight colours keep far apart; the ninth, cloning, less so."""
    seen = {name: lab(np.array(BLINDNESS[kind]) @ linear(colour)) for name, colour in COLOURS.items()}
    for one, other in itertools.combinations(COLOURS, 2):
        least = 9.0 if "behaviour cloning" in (one, other) else 20.0 if kind == "none" else 13.0
        assert difference(seen[one], seen[other]) > least, f"{one} and {other}"


LINES = {
    **COLOURS,
    **{f"cause: {name}": colour for name, colour in style.CAUSES.items()},
    **{f"reward: {name}": colour for name, colour in environment.REWARD_PARTS.items()},
    "neutral": style.NEUTRAL,
    "liquidity": style.LIQUIDITY,
    "contrast": style.CONTRAST,
    "band": learned.BAND,
    "misfit": wrong.MISFIT,
}


@pytest.mark.parametrize("name", LINES)
def test_colours_are_seen_on_white_and_on_near_black(name: str) -> None:
    assert min(contrast(LINES[name], page) for page in (WHITE, DARK, DARKER_TEXT)) > 3.0


def test_no_figure_has_a_policys_colour_by_its_number() -> None:
    """Colours of policies come from the one table, and an old one is not left behind anywhere."""
    old = {"#8c8c8c", "#b07aa1", "#2f7fd1", "#76b7e8", "#2a9d6f", "#e08a1e", "#d1495b", "#7b5cc4", "#c2a200"}
    for path in (path for package in (figures, chapters) for path in Path(str(package.__file__)).parent.glob("*.py")):
        found = set(re.findall(r'"(#[0-9a-f]{6})"', path.read_text(encoding="utf-8")))
        if path.name != "style.py":
            assert not found & set(COLOURS.values()), path.name
        assert not found & old, path.name


def test_a_figure_is_kept_in_single_precision() -> None:
    figure = style.finish(go.Figure(go.Scatter(x=np.arange(3), y=np.array([0.1, 0.2, 1e6 + 0.3]))), height=300, alt="A")
    assert figure.data[0].y.dtype == np.float32
    assert figure.data[0].y == pytest.approx([0.1, 0.2, 1e6 + 0.3], rel=1e-7)


def test_sliders_are_added_beside_each_other_with_marks_at_their_steps() -> None:
    figure = go.Figure(go.Scatter(y=[1.0]))
    changes = [{"y": [[float(i)]]} for i in range(5)]
    style.add_slider(figure, "a", list("vwxyz"), changes, [0], 2, place=(0.0, 0.4))
    style.add_slider(figure, "b", list("vwxyz"), changes, [0], 0, place=(0.6, 1.0), marks={4: "end"})
    first, second = figure.layout.sliders
    assert (first.x, first.len, second.x) == (0.0, 0.4, 0.6)
    assert [step.args[0]["y"] for step in first.steps] == [[[float(i)]] for i in range(5)]
    (mark,) = figure.layout.annotations
    assert (mark.x, mark.xshift) == (pytest.approx(1.0), pytest.approx(-14))


def test_a_slider_changes_what_differs_by_trace_in_frames() -> None:
    figure = go.Figure([go.Scatter(x=[0.0], y=[1.0]), go.Scatter(x=[0.0], y=[2.0])])
    changes: list[list[dict[str, Any]]] = [[{"x": [float(i)]}, {"y": [10.0 * i]}] for i in range(3)]
    style.add_slider(figure, "a", list("uvw"), changes, [0, 1], 0)
    style.add_slider(figure, "b", list("uvw"), changes, [1, 0], 0)
    assert [frame.name for frame in figure.frames] == ["a 0", "a 1", "a 2", "b 0", "b 1", "b 2"]
    step = figure.layout.sliders[1].steps[2]
    assert (step.method, list(step.args[0])) == ("animate", ["b 2"])
    frame = figure.frames[5]
    assert (list(frame.traces), list(frame.data[0].x), list(frame.data[1].y)) == ([1, 0], [2.0], [20.0])
    assert frame.data[0].y is None


def test_evenly_spaced_data_need_no_list() -> None:
    assert style.along(np.linspace(0, 15, 76)) == {"x0": 0.0, "dx": 0.2}
    uneven = style.along([0.0, 1.0, 3.0])
    assert list(uneven["x"]) == [0.0, 1.0, 3.0]
    assert style.along([2.0]) == {"x0": 2.0, "dx": 0.0}
