"""A note as the frontend draws it: five ``**Heading:**`` lines, risk words in ``{{RED:..}}``, doubtful sentences flagged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain.markers import mark
from orchestrator.domain.note import NOT_DISCUSSED, SectionName, Support
from orchestrator.domain.risk.section import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.domain.note import Note, RiskFinding, Sentence

__all__ = ["DOUBT", "line", "mark", "plain", "render", "render_sections"]

_STARS = re.compile(r"\*{2,}")
DOUBT = "[?]"  # stands right behind a sentence that the transcript does not carry, so that it is no word of its own


def render(note: Note) -> str:
    """The text of ``note``: all five sections in order, one line each; an empty one says "Not discussed.".

    In the Risk section the client's own words that carry a finding are marked, beside every keyword everywhere.
    """
    terms = [words for finding in note.risk for words in _carrying(finding)]
    return render_sections(note.sections, terms)


def _carrying(finding: RiskFinding) -> list[str]:
    return [term.quote for term in finding.terms] or [quote(finding)]


def render_sections(sections: Mapping[SectionName, tuple[Sentence, ...]], risk_terms: Sequence[str] = ()) -> str:
    """The text of sections; see ``render``."""
    return "\n".join(
        f"**{name}:** {mark(line(sections.get(name, ())), risk_terms if name is SectionName.RISK else ())}"
        for name in SectionName
    )


def line(sentences: tuple[Sentence, ...]) -> str:
    """The text of one section, without its heading and markers: "Not discussed." where it has no words."""
    return " ".join(_shown(sentence) for sentence in sentences if sentence.text.strip()) or NOT_DISCUSSED


def plain(text: str) -> str:
    """``text`` on one line and without a heading of its own: what a client says must never look like a section."""
    return _STARS.sub("*", " ".join(text.split()))


def _shown(sentence: Sentence) -> str:
    text = plain(sentence.text)
    doubtful = sentence.support is Support.UNSUPPORTED or sentence.marks
    return f"{text}{DOUBT}" if doubtful else text
