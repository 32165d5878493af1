"""Property 6: what is marked red stays marked, word for word, through everything that prepares or renders text."""

from __future__ import annotations

from hypothesis import given, strategies as st

from orchestrator.domain import markers
from orchestrator.domain.preprocess import normalize_whitespace
from tests.properties.speech import sessions

words = st.lists(
    st.sampled_from(["die", "the pills", "ending it", "गया", "can’t go on", "self-harm"]), min_size=1, max_size=4
)


@given(sessions(), words)
def test_markers_survive_preprocessing(text, terms):
    """Normalising white space leaves every marker as it was, in order."""
    marked = text + "".join(f" \t {{{{RED:{term}}}}}\r\n" for term in terms)
    after = normalize_whitespace(marked)
    assert [after[m:n] for m, n in _markers(after)] == [f"{{{{RED:{term}}}}}" for term in terms]


@given(words, st.text(max_size=60))
def test_markers_survive_normalizing_and_marking(terms, tail):
    """Whatever stands behind them, well-formed markers keep their words when markers are normalised or added."""
    text = " and ".join(f"{{{{RED:{term}}}}}" for term in terms) + " " + tail
    for treated in (markers.normalize(text), markers.mark(text)):
        plain, ranges = markers.split(treated)
        assert [plain[start:end] for start, end in ranges][: len(terms)] == terms


def _markers(text):
    at = 0
    while (start := text.find("{{RED:", at)) >= 0:
        at = text.index("}}", start) + 2
        yield start, at
