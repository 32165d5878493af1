"""Where speaker labels stand in a transcript: ``Therapist:``, ``T:``, ``Dr. Amari:``, ``[00:12] Joel:``, ``[patient]``.

Labels open lines, or stand in mid-line where recordings were joined by a space. A role word is always a label; a name is
one only when it comes back, or when the whole text is written line by line with labels, so that "Note: ..." inside a
turn does not cut it. Every pattern is bounded, so the time is linear in the text whatever the text is.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from orchestrator.domain.turns import Speaker

_ROLES = {
    Speaker.THERAPIST: (
        "therapist counsellor counselor clinician psychologist psychiatrist psychotherapist doctor dr provider "
        "interviewer practitioner analyst coach th t d q terapeuta psicólogo psicóloga médico therapeut therapeutin "
        "thérapeute arzt ärztin थेरेपिस्ट चिकित्सक डॉक्टर 治疗师 咨询师 医生"
    ),
    Speaker.CLIENT: (
        "client patient interviewee cl pt c p a paciente cliente consultante patientin klient klientin "
        "मरीज़ मरीज रोगी क्लाइंट 来访者 患者 病人"
    ),
    Speaker.OTHER: (
        "mother father mum mom dad parent partner husband wife spouse son daughter sister brother carer caregiver "
        "interpreter translator guest nurse observer supervisor"
    ),
}
_ROLE_OF = {word: speaker for speaker, words in _ROLES.items() for word in words.split()}
_NOT_NAMES = frozenset(
    "note notes homework plan goal goals ps update question answer example http https reminder subject date time "
    "session duration re summary todo warning diagnosis medication address phone email location title file".split()
)
_MAX_NAMES = 12  # a hostile text could hold thousands, and each one costs a branch of the mid-line pattern
_NEWLINES = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_LINE = rf"(?:\A|(?<=[{_NEWLINES}]))"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_STAMP = rf"[\[(<{{]?{_CLOCK}(?:[ \t]?-->[ \t]?{_CLOCK})?[\])>}}]?"
_HEAD = rf"[ \t>*_#\-–—•\ufeff\u200b-\u200f\x00-\x08\xa0]{{0,64}}(?:{_STAMP}[\s\-–—|*_]{{0,4}})?"
_WORD = r"[^\W\d_][^\s:：\[\](){}<>,;!?\"“”|/\\*]{0,24}"  # not \w: vowel signs of Indic scripts are no word characters
_NAME = rf"{_WORD}(?:[ \t]{_WORD}){{0,2}}(?:[ \t]?\#?\d{{1,2}})?"
_ASIDE = rf"(?:[ \t]{{0,3}}(?:[\[(][^\])\n]{{1,24}}[\])]|{_CLOCK}))?"
_COLON = r"[*_]{0,2}[ \t]{0,2}[:：](?!\d|//)[*_]{0,2}"
_LONG_ROLE = "|".join(sorted((w for w in _ROLE_OF if len(w) > 2 or not w.isascii()), key=len, reverse=True))
_ANY_ROLE = "|".join(sorted(_ROLE_OF, key=len, reverse=True))

_OPENING = re.compile(
    rf"""{_LINE}(?P<head>{_HEAD})(?:
        (?P<name>{_NAME}){_ASIDE}{_COLON}
      | [\[(<](?:v[ ])?(?P<boxed>(?:{_LONG_ROLE})(?:[ ]\d)?)[\])>]:?
      | (?P<dashed>{_ANY_ROLE})[ \t]{{1,2}}[-–—]{{1,2}}[ \t]
      | (?P<alone>(?:{_LONG_ROLE})(?:[ ]\d)?|speaker[ ]\d{{1,2}})[ \t]{{0,8}}(?:{_STAMP})?[ \t]{{0,8}}(?=[{_NEWLINES}])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_STAMPED_LINE = re.compile(rf"{_LINE}[^\S{_NEWLINES}]{{0,64}}{_STAMP}[ \t\-–—|:]{{1,4}}(?=\S)")
_LINE_START = re.compile(rf"{_LINE}[^\S{_NEWLINES}]{{0,64}}(?=\S)")
_AFTER_SENTENCE = re.compile(
    rf"(?:\A|(?<=[.!?…\"”’)\]]\s))((?:Dr\.?[ ])?[A-Z]\w{{0,24}}(?:[ ][A-Z]\w{{1,24}})?){_COLON}(?=\s)"
)
_NUMBERED = re.compile(r"(?:speaker|person|participant|voice) ?(?:\d{1,2}|[a-d])")
_SPOKEN_OF = re.compile(r"\b(?:my|the|a|an|your|our|her|his|their|to|from|with|and)\s\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Label:
    """A label of the text: ``[start, end)`` covers it with its time stamp and colon; ``name`` is the label as written."""

    start: int
    end: int
    name: str


def role(name: str) -> Speaker | None:
    """Who a label names by its own words, or None where it is only a name."""
    words = [word.strip(".#0123456789") for word in re.split(r"[\s_]+", name.casefold())]
    known = [_ROLE_OF[word] for word in words if word in _ROLE_OF and (len(word) > 1 or len(words) == 1)]
    if Speaker.OTHER in known:  # "client's mother"
        return Speaker.OTHER
    return known[0] if known else None


def find(text: str) -> tuple[Label, ...]:
    """All labels of ``text`` in order; empty where nobody is named."""
    opening = [_label(match) for match in _OPENING.finditer(text)]
    names = _names(text, opening)
    labels = {label.start: label for label in opening if _key(label.name) in names}
    for label in _inside_lines(text, names):
        labels.setdefault(label.start, label)
    return _without_overlap(sorted(labels.values(), key=lambda label: label.start))


def lines(text: str) -> tuple[Label, ...]:
    """The starts of the lines of a text without labels; a time stamp that opens a line belongs to its label."""
    stamps = {match.start(): match for match in _STAMPED_LINE.finditer(text)}
    starts = (match.start() for match in _LINE_START.finditer(text))
    return tuple(Label(start, stamps[start].end() if start in stamps else start, "") for start in starts)


def _label(match: re.Match[str]) -> Label:
    name = match["name"] or match["boxed"] or match["dashed"] or match["alone"]
    return Label(match.start(), match.end(), name.strip())


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _names(text: str, opening: list[Label]) -> frozenset[str]:
    """The labels to believe, folded: all role words, and the names that behave like labels."""
    counts = Counter(_key(label.name) for label in opening)
    line_by_line = len(opening) >= 2 and len(opening) >= 0.6 * sum(1 for _ in _LINE_START.finditer(text))
    inside = Counter(_key(match[1]) for match in _AFTER_SENTENCE.finditer(text))
    roles = {name for name in counts | inside if role(name) is not None}
    candidates = {n: c for n, c in (counts | inside).items() if n not in roles and not _NOT_NAMES & set(n.split())}
    believed = [
        name
        for name, count in candidates.items()
        if count >= 2 or (line_by_line and name in counts) or _NUMBERED.fullmatch(name)
    ]
    believed.sort(key=lambda name: -candidates[name])
    return frozenset(roles) | frozenset(believed[:_MAX_NAMES])


def _inside_lines(text: str, names: frozenset[str]) -> list[Label]:
    """Labels in mid-line: capitalised role words, and names that are labels elsewhere; not "as my Therapist: ..."."""
    shorts = {name for name in names if len(name) <= 2}
    wanted = sorted(shorts | {n for n in names if len(n) > 2} | set(_LONG_ROLE.split("|")), key=len, reverse=True)
    pattern = re.compile(
        rf"(?<=\s)(?:{_STAMP}[ ])?[*_]{{0,2}}({'|'.join(re.escape(name) for name in wanted)})(?:[ ]\d{{1,2}})?{_ASIDE}{_COLON}(?=\s|\Z)",
        re.IGNORECASE,
    )
    found = []
    for match in pattern.finditer(text):
        lower_case_ok = match[1].casefold() in names
        if (match[1][:1].islower() and not lower_case_ok) or _SPOKEN_OF.search(
            text, max(0, match.start() - 8), match.start()
        ):
            continue
        found.append(Label(match.start(), match.end(), match[1]))
    return found


def _without_overlap(labels: list[Label]) -> tuple[Label, ...]:
    kept: list[Label] = []
    for label in labels:
        if not kept or label.start >= kept[-1].end:
            kept.append(label)
    return tuple(kept)
