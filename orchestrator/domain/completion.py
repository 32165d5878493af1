"""From what a model wrote to sections, with a list of everything that is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.domain.grammar import MODEL_SECTIONS
from orchestrator.domain.note import SectionName

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADINGS = "|".join(re.escape(name).replace(r"\ ", r"[ \t]{1,4}") for name in SectionName)
_HEADING = re.compile(
    rf"(?:(?:\A|\n)[ \t#>\-]{{0,8}}[*_]{{0,3}}|[*_]{{2,3}})({_HEADINGS})[*_]{{0,3}}[ \t]{{0,4}}[:：][ \t]{{0,4}}[*_]{{0,3}}",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|<(?:unk|pad|bos|eos)>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>")
_SECTIONS = {name.casefold(): name for name in SectionName}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a draft: with one section, or with the whole where ``section`` is None. ``slug`` is fixed; see ``SLUGS``."""

    section: SectionName | None
    slug: str


SLUGS: Mapping[str, str] = {
    "empty": "nothing was written",
    "missing": "the section is not there",
    "blank": "the section has a heading and no text",
    "duplicate": "the section was there twice; the first one with text was kept",
    "order": "the sections stood in another order",
    "preamble": "there was text before the first heading; it was dropped",
    "trailing": "there was text behind the section's paragraph; it was dropped",
    "risk-written": "the model wrote about risk in a section of its own; it was dropped",
    "special-token": "a special token was written; what stood behind it was dropped",
    "cut": "the completion ran into its token limit inside this section",
    "loop": "the same words came again and again",
    "repeated": "a sentence of an earlier section came again",
    "leaked-prompt": "the prompt's own words were written",
    "dialogue": "the dialogue was copied instead of reported",
    "first-person": "the text speaks as the client or the therapist",
    "foreign": "the text is not English",
    "too-long": "the section is too long",
}
"""Every problem there is, and what it means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a completion says, section by section; ``risk`` is what the model wrote about risk, kept only for the record."""

    sections: Mapping[SectionName, str]
    problems: tuple[Problem, ...] = ()
    risk: str = ""

    @property
    def broken(self) -> tuple[SectionName, ...]:
        """The sections to write again, in order."""
        hit = {problem.section for problem in self.problems if problem.slug not in HARMLESS}
        return tuple(name for name in MODEL_SECTIONS if name in hit)


HARMLESS = frozenset({"duplicate", "order", "preamble", "trailing", "risk-written"})
"""Problems that parsing itself has mended."""


def parse(text: str, finish_reason: str = "stop") -> Draft:
    """Read a raw completion; never raises. ``finish_reason`` is the server's: ``stop`` or ``length``."""
    kept, special = _before_special(text)
    headings = list(_HEADING.finditer(kept))
    found = [
        (_name(match), *_paragraph(kept[match.end() : end]))
        for match, end in zip(headings, _ends(headings, kept), strict=True)
    ]
    problems = [Problem(None, "special-token")] if special else []
    if kept[: headings[0].start()].strip() if headings else kept.strip():
        problems.append(Problem(None, "preamble"))
    sections, risk = _first_of_each(found, problems)
    problems += _missing(sections)
    if finish_reason == "length" and found and found[-1][0] in MODEL_SECTIONS:
        problems.append(Problem(found[-1][0], "cut"))
    if not text.strip():
        problems.append(Problem(None, "empty"))
    return Draft(sections=sections, problems=tuple(problems), risk=risk)


def parse_section(text: str, section: SectionName, finish_reason: str = "stop") -> Draft:
    """Read the completion of a repair, which goes on behind the prefilled heading of ``section``; never raises."""
    kept, special = _before_special(text)
    next_heading = _HEADING.search(kept)
    said, trailing = _paragraph(kept[: next_heading.start()] if next_heading else kept)
    slugs = [
        ("special-token", special),
        ("blank", not said),
        ("trailing", trailing),
        ("cut", finish_reason == "length" and not next_heading),
    ]
    problems = tuple(Problem(section, slug) for slug, holds in slugs if holds)
    return Draft(sections={section: said} if said else {}, problems=problems)


def _before_special(text: str) -> tuple[str, bool]:
    """The text up to a special token, except that one in front of everything is only dropped."""
    lead = _SPECIAL.match(text.lstrip())
    body = text.lstrip()[lead.end() :] if lead else text
    first = _SPECIAL.search(body)
    return (body[: first.start()] if first else body), bool(lead or first)


def _name(match: re.Match[str]) -> SectionName:
    return _SECTIONS[" ".join(match[1].casefold().split())]


def _ends(headings: list[re.Match[str]], text: str) -> list[int]:
    return [match.start() for match in headings[1:]] + ([len(text)] if headings else [])


def _paragraph(text: str) -> tuple[str, bool]:
    """The first paragraph as one line, and whether there was more."""
    first, _, rest = text.strip().partition("\n\n")
    return " ".join(first.split()), bool(rest.strip())


def _first_of_each(
    found: list[tuple[SectionName, str, bool]], problems: list[Problem]
) -> tuple[dict[SectionName, str], str]:
    sections: dict[SectionName, str] = {}
    risk: list[str] = []
    for name, said, trailing in found:
        if name is SectionName.RISK:
            risk.append(said)
            continue
        if name in sections:
            problems.append(Problem(name, "duplicate"))
        elif trailing:
            problems.append(Problem(name, "trailing"))
        sections[name] = sections.get(name) or said
    if risk:
        problems.append(Problem(SectionName.RISK, "risk-written"))
    if list(sections) != [name for name in MODEL_SECTIONS if name in sections]:
        problems.append(Problem(None, "order"))
    return {name: sections[name] for name in MODEL_SECTIONS if name in sections}, " ".join(risk)


def _missing(sections: Mapping[SectionName, str]) -> list[Problem]:
    return [
        Problem(name, "blank" if name in sections else "missing") for name in MODEL_SECTIONS if not sections.get(name)
    ]
