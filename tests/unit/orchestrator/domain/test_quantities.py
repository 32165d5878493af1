"""Quantities: what is the same number or duration however it is said."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from orchestrator.domain.quantities import Quantity, find, said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two weeks", [(14, "day")]),
        ("a fortnight", [(14, "day")]),
        ("14 days", [(14, "day")]),
        ("a couple of weeks", [(14, "day")]),
        ("thirty-four years old", [(34, "")]),
        ("a 34-year-old", [(34, "")]),
        ("a hundred and twenty mg", [(120, "mg")]),
        ("two hundred thousand", [(200_000, "")]),
        ("5-4-3", [(5, ""), (4, ""), (3, "")]),
        ("8/10", [(8, ""), (10, "")]),
        ("twice a week", [(2, "")]),
        ("three times a week", [(3, "time")]),
        ("one of them", []),
        ("one more week", [(7, "day")]),
        ("1,200 and 2.5 hours", [(1200, ""), (150, "minute")]),
        ("a year", [(12, "month")]),
        ("20%", [(20, "%")]),
        ("twenty five", [(25, "")]),
        ("nothing here", []),
    ],
)
def test_what_is_found(text, expected):
    """Digits, number words, units, ages and common phrases are understood."""
    assert find(text) == [Quantity(value, unit) for value, unit in expected]


@pytest.mark.parametrize(
    ("note", "session", "holds"),
    [
        ("two weeks", "14 days", True),
        ("a fortnight", "2 weeks", True),
        ("3 weeks", "2 weeks", False),
        ("12 months", "a year", True),
        ("aged 34", "34 years old", True),
        ("two years", "two weeks", False),
        ("3", "three times", True),
        ("4 nights", "i slept 4 hours", False),
    ],
)
def test_what_counts_as_said(note, session, holds):
    """The same value in the same unit, or in none."""
    heard = frozenset(find(session))
    assert all(said(quantity, heard) for quantity in find(note)) is holds


@given(st.integers(2, 99))
def test_digits_and_words_are_the_same(number):
    """Every number below a hundred is the same in digits and in words."""
    small = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "0 1 twenty thirty forty fifty sixty seventy eighty ninety".split()
    words = small[number] if number < 20 else f"{tens[number // 10]} {small[number % 10] if number % 10 else ''}"
    assert find(f"{words} days") == find(f"{number} days")


@given(st.text())
def test_any_text_is_read(text):
    """Nothing raises."""
    assert isinstance(find(text.lower()), list)
