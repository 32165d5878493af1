"""What a note may not claim unless it was said: quotes, numbers, names, medicines, diagnoses, denials, plans.

A guard never rewrites a fact. It marks the sentence with a slug and takes quotation marks off words that no client said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.domain import evidence, quantities, vocabulary
from orchestrator.domain.note import NOT_DISCUSSED, Author, RiskCategory, RiskStatus, SectionName, Support
from orchestrator.domain.transcript import fold, words
from orchestrator.domain.turns import Speaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.domain.evidence import Vectors
    from orchestrator.domain.note import RiskFinding, Sentence
    from orchestrator.domain.turns import Transcript

MARKS: Mapping[str, str] = {
    "quote-not-said": "no client said these words; the quotation marks were taken off",
    "number-not-said": "a number or duration was not said",
    "name-not-said": "a name was not said",
    "medication-not-said": "a medicine was not named",
    "diagnosis-not-said": "a diagnosis was not named",
    "denial-not-said": "nobody asked or denied this",
    "plan-not-said": "nothing was said about this plan",
    "intervention-not-said": "nothing was said about this intervention",
}
"""Every mark there is, and what it means."""

_QUOTE = re.compile(
    r"\"([^\"\n]{1,400})\"|“([^“”\n]{1,400})”|«([^«»\n]{1,400})»|(?<!\w)[‘']([^‘’'\n]{2,400})[’'](?!\w)"
)
_DRUG = re.compile(
    r"\b\w{2,}(?:zepam|zolam|oxetine|azine|apine|idone|triptyline|ipramine|pramine|piprazole|azodone|olol|pram|traline|barbital|cillin|statin|afil|prazole|sartan|fenadine)\b"
)
_CAPITAL = re.compile(r"(?<![\w'’])[A-Z][\w'’]*(?:-\w+)*")
_PLAIN_CAPITALS = frozenset(
    "i i'm i've i'd i'll not client clients clinician therapist patient dr mr mrs ms red english monday tuesday wednesday thursday friday saturday sunday "
    "january february march april may june july august september october november december socratic si hi adl adls suds sud bp am pm".split()
)
_OWN_GUARD = ("diagnoses", "medications")
_NO_RISK = r"suicid|self.?harm|homicid|ideation|\bsi\b|\bhi\b|intent|harm|risk|overdos|abus|violen"
_DENIAL = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|denial of|without(?: any)?(?= (?:suicid|self.?harm|homicid|intent))"
    rf"|no(?: (?:current|present|active|passive|evidence|signs?|thoughts?|history|plans?|of|to|for|any))*(?= (?:{_NO_RISK})))"
    r"(?P<of>[^.;]{0,160})"
)
_HIMSELF = frozenset({RiskCategory.SUICIDAL_IDEATION, RiskCategory.SUICIDE_PLAN_OR_MEANS, RiskCategory.SELF_HARM})
_RISK_FAMILIES: Mapping[frozenset[RiskCategory], re.Pattern[str]] = {
    _HIMSELF: re.compile(
        r"suicid|self.?harm|\bsi\b|ideation|intent|\brisk|\bdie\b|\bdying|end(?:ing)? (?:his|her|their|it|life)"
        r"|kill(?:ing)? (?:him|her|them)sel|(?:hurt|harm)(?:ing)? (?:him|her|them)sel"
    ),
    frozenset({RiskCategory.HARM_TO_OTHERS}): re.compile(
        r"homicid|\bhi\b|violen(?!ce (?:by|from|at home))|(?:hurt|harm|kill)(?:ing)? (?:others|any|other|people|him\b|her\b|them\b|someone)"
    ),
    frozenset({RiskCategory.ABUSE_OR_NEGLECT}): re.compile(
        r"abus(?!e of (?:alc|drug|subst))|neglect|violence (?:by|from|at home)"
    ),
    frozenset({RiskCategory.OVERDOSE_OR_SUBSTANCE}): re.compile(r"overdos"),
}
"""Which categories of risk a denial speaks of."""
_DENIAL_SAID = 0.6  # the share of a denied thing's wording that must have been said

_COVERED: Mapping[SectionName, tuple[str, float]] = {
    SectionName.PLAN: ("plan-not-said", 0.50),
    SectionName.INTERVENTION: ("intervention-not-said", 0.42),
}
"""The mark of a section that models invent most in, and the least share of the sentence's wording that must have been said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said in a session, as the guards look it up: made once for all sentences of a note."""

    folded: str  # as long as the text itself: offsets hold in both
    text: str
    quotable: tuple[tuple[int, int], ...]  # where clients speak; everybody, where no client is known
    words: frozenset[str]
    named: frozenset[str]  # entries of the word lists
    quantities: frozenset[quantities.Quantity]
    grams: frozenset[str]


def listen(transcript: Transcript) -> Said:
    """Prepare ``transcript`` for the guards."""
    folded = fold(transcript.text)
    clients = [turn for turn in transcript.turns if turn.speaker is Speaker.CLIENT]
    quotable = clients or [turn for turn in transcript.turns if turn.speaker is Speaker.UNKNOWN]
    heard = words(folded)
    said = "\n".join(folded[turn.said_start : turn.said_end] for turn in transcript.turns)
    return Said(
        folded=folded,
        text=transcript.text,
        quotable=tuple((turn.said_start, turn.said_end) for turn in quotable),
        words=frozenset(heard) | {part for word in heard for part in re.split(r"['-]", word)},
        named=frozenset().union(*(vocabulary.heard(name, heard) for name in ("medications", "diagnoses", "therapies"))),
        quantities=frozenset(quantities.find(said)),
        grams=evidence.grams(said),
    )


def review(
    sections: Mapping[SectionName, Sequence[Sentence]],
    transcript: Transcript,
    findings: Iterable[RiskFinding] = (),
    vectors: Vectors | None = None,
) -> dict[SectionName, tuple[Sentence, ...]]:
    """A note's sections with evidence, support and marks on every sentence.

    ``vectors.sentences`` are in the order of the sections. What rules wrote brings its evidence and is only checked for quotes.
    """
    said, found = listen(transcript), tuple(findings)
    flat = [sentence for sentences in sections.values() for sentence in sentences]
    judged = iter(evidence.support(flat, transcript, vectors))
    return {
        name: tuple(check(next(judged), said, name, found) for _ in sentences) for name, sentences in sections.items()
    }


def check(sentence: Sentence, said: Said, section: SectionName, findings: Sequence[RiskFinding] = ()) -> Sentence:
    """``sentence`` with the marks it earns; its support is ``unsupported`` as soon as it has one."""
    if sentence.text == NOT_DISCUSSED:
        return sentence
    text, marks = _quotes(sentence.text, said)
    if sentence.author is not Author.RULE:
        marks += _facts(text, said, section, findings)
    if not marks:
        return replace(sentence, text=text)
    return replace(
        sentence, text=text, support=Support.UNSUPPORTED, marks=tuple(dict.fromkeys((*sentence.marks, *marks)))
    )


def _facts(text: str, said: Said, section: SectionName, findings: Sequence[RiskFinding]) -> list[str]:
    folded = fold(text)
    wrong = {
        "number-not-said": _numbers(folded, said),
        "name-not-said": _names(text, said),
        "medication-not-said": _listed("medications", folded, said) or _drugs(folded, said),
        "diagnosis-not-said": _listed("diagnoses", folded, said),
        "denial-not-said": _denials(folded, said, findings),
    }
    if section in _COVERED:
        slug, least = _COVERED[section]
        wrong[slug] = _share_said(text, said) < least
    return [slug for slug, holds in wrong.items() if holds]


def _quotes(text: str, said: Said) -> tuple[str, list[str]]:
    """The text with every quotation as the client said it, or without quotation marks."""
    marks: list[str] = []

    def exact(match: re.Match[str]) -> str:
        inner = next(group for group in match.groups() if group is not None)
        spoken = _spoken(inner, said)
        if spoken is None:
            marks.append("quote-not-said")
            return inner
        return f'"{spoken}"{inner[len(inner.rstrip(".,")) :]}'

    return _QUOTE.sub(exact, text), marks


def _spoken(inner: str, said: Said) -> str | None:
    """The client's own spelling of a quotation, or None. Only white space, case and punctuation between words may differ."""
    parts = words(inner)
    if not parts:
        return None
    pattern = re.compile(r"(?<![\w'])" + r"[^\w]{1,4}".join(re.escape(part) for part in parts) + r"(?![\w])")
    for start, end in said.quotable:
        match = pattern.search(said.folded, start, end)
        if match and not re.search(r"[\"“”«»{}\n\r]", found := said.text[match.start() : match.end()]):
            return found
    return None


def _numbers(folded: str, said: Said) -> bool:
    return any(not quantities.said(quantity, said.quantities) for quantity in quantities.find(folded))


def _names(text: str, said: Said) -> bool:
    return any(_is_name(match, text) and not _heard(match[0], said) for match in _CAPITAL.finditer(text))


def _is_name(match: re.Match[str], text: str) -> bool:
    """Whether a capitalised word is a name: inside a sentence any that no other guard knows, at its start only a common first name."""
    word = fold(match[0])
    if word in _PLAIN_CAPITALS or len(word) < 2 or any(word in vocabulary.equals(name) for name in _OWN_GUARD):
        return False
    before = text[: match.start()].rstrip("\"'“( ")
    opens = not before or before[-1] in ".!?:;•-\n\t"
    return not opens or word in vocabulary.equals("names")


def _heard(name: str, said: Said) -> bool:
    folded = fold(name)
    base = folded.removesuffix("'s")
    if base in said.words or all(part in said.words for part in re.split(r"['-]", base)):
        return True
    return bool(vocabulary.equals("therapies").get(base, frozenset()) & said.named)


def _listed(name: str, folded: str, said: Said) -> bool:
    """Whether the text names an entry of a list none of whose equals was said."""
    table = vocabulary.equals(name)
    return any(not table[entry] & said.named for entry in vocabulary.named(name, words(folded)))


def _drugs(folded: str, said: Said) -> bool:
    """Whether the text names what is built like a medicine's name, is in no list, and was not said."""
    return any(
        drug not in said.words and drug not in vocabulary.equals("medications") for drug in _DRUG.findall(folded)
    )


def _denials(folded: str, said: Said, findings: Sequence[RiskFinding]) -> bool:
    """A denial of risk needs a finding that says so; any other needs its object to have been talked about."""
    for match in _DENIAL.finditer(folded):
        families = [family for family, pattern in _RISK_FAMILIES.items() if pattern.search(match["of"])]
        if families:
            return not all(_denied(family, findings) for family in families)
        if _share_said(match["of"], said) < _DENIAL_SAID:
            return True
    return False


def _denied(family: frozenset[RiskCategory], findings: Sequence[RiskFinding]) -> bool:
    """Whether a risk of this family was asked about or raised and denied, and none of it is present."""
    statuses = {finding.status for finding in findings if finding.category in family}
    return RiskStatus.DENIED in statuses and not statuses & {RiskStatus.PRESENT_ACTIVE, RiskStatus.PRESENT_PASSIVE}


def _share_said(text: str, said: Said) -> float:
    """The share of the wording of ``text`` that occurs anywhere in the session, 0 to 1."""
    wanted = evidence.grams(text)
    return len(wanted & said.grams) / len(wanted) if wanted else 1.0
