"""Property 15: however a marker came in, it goes out as ``{{RED:text}}``, without line break, brace or marker inside."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, strategies as st

from orchestrator.domain import markers

PIECES = [
    "{{RED:",
    "{{red:",
    "{{RED}}",
    "{{/RED}}",
    "{{/REDC}}",
    "}}",
    "{",
    "}",
    "{{",
    "\n",
    "a",
    "kill",
    " ",
    "self-",
    "harm",
    "{{ Red : ",
]
soup = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=14).map("".join)
WELL_FORMED = re.compile(r"\{\{RED:[^{}\r\n]+\}\}")
ANY_SPELLING = re.compile(r"\{\{\s*/?\s*RED", re.IGNORECASE)


@pytest.mark.parametrize(
    "spelling", ["{{{{RED:{0}}}}}", "{{{{red:{0}}}}}", "{{{{RED}}}}{0}{{{{/RED}}}}", "{{{{RED}}}}{0}{{{{/REDC}}}}"]
)
def test_every_spelling_becomes_one(spelling):
    """All four spellings that the frontend knows are read and written as one."""
    assert markers.normalize(f"She {spelling.format('took pills')}.") == "She {{RED:took pills}}."


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("{{RED:a {{RED:b}} c", "{{RED:a b}} c"),
        ("{{RED:never closed", "never closed"),
        ("stray {{/RED}} and }} here", "stray  and }} here"),
        ("{{RED}}two\nlines{{/RED}}", "{{RED:two}}\n{{RED:lines}}"),
        ("{{RED:}} {{RED: }}", "  "),
        ("{{RED: padded }}", " {{RED:padded}} "),
        ("{ {{RED:x}}}", "{ {{RED:x}}}"),
    ],
)
def test_malformed_markers_are_mended(text, normal):
    """Halves, nesting, line breaks and empty markers are put right without losing a word."""
    assert markers.normalize(text) == normal


@given(soup)
@example("{{{{RED}}RED:x}}")
@example("{{RED}}}}{{RED:0}}")
def test_only_well_formed_markers_come_out(text):
    """Normalising and marking leave nothing but well-formed markers, and doing it again changes nothing."""
    for treat in (markers.normalize, markers.mark):
        treated = treat(text)
        assert not ANY_SPELLING.search(WELL_FORMED.sub("", treated))
        assert treat(treated) == treated


@given(soup)
@example("{{{{RED}}RED:x}}")
def test_stripping_takes_markers_and_nothing_else(text):
    """What is left without markers is the same before and after normalising, and holds none."""
    assert markers.strip(markers.normalize(text)) == markers.strip(text)
    assert not ANY_SPELLING.search(markers.strip(text))
