"""The colours of texts on their grounds hold WCAG's 4.5 in both themes; marks that carry meaning hold 3."""

import re
from pathlib import Path

import pytest

SHEET = (Path(__file__).resolve().parents[2] / "static" / "app" / "app.css").read_text(encoding="utf-8")

GROUNDS = ("ground", "surface", "raised", "hover")
TEXTS = [
    *((text, ground) for text in ("text", "quiet", "accent", "red", "green", "orange") for ground in GROUNDS),
    ("text", "sunk"),
    ("quiet", "sunk"),
    ("text", "chosen"),
    ("quiet", "chosen"),
    ("accent", "chosen"),
    ("a", "a-ground"),
    ("b", "b-ground"),
    ("c", "c-ground"),
    ("red", "red-ground"),
    ("green", "green-ground"),
    ("orange", "orange-ground"),
    ("text", "red-ground"),
    ("text", "orange-ground"),
    ("text", "blue-ground"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]
MARKS = [("line-strong", "surface"), ("focus", "surface"), ("focus", "ground")]


def tokens(theme: str) -> dict[str, str]:
    body = re.search(rf'\[data-bs-theme="{theme}"\]\s*\{{(.*?)\}}', SHEET, re.S)
    assert body
    return dict(re.findall(r"--crm-([a-z-]+):\s*(#[0-9a-f]{6})", body[1]))


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_measure_agrees_with_known_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_is_readable(theme, text, ground):
    palette = tokens(theme)
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_mark_is_visible(theme, mark, ground):
    palette = tokens(theme)
    assert contrast(palette[mark], palette[ground]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tiers_differ_in_their_grounds(theme):
    palette = tokens(theme)
    assert len({palette[f"{tier}-ground"] for tier in "abc"}) == 3
