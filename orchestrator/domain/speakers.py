"""Who speaks behind a label, decided by role words first and by content where they are missing or plainly swapped.

Old transcribers swap their two labels on a silence, from that point on. A swap is undone only when many turns in a row speak for
it: a wrong swap would put the client's words into the therapist's mouth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.domain import labels
from orchestrator.domain.turns import Speaker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ASKS = re.compile(
    r"\b(?:tell me|how (?:did|does|do|has|have|are|was|is|would)|what (?:would|do|did|was|were|makes|happens|comes|brings)"
    r"|sounds like|i hear (?:you|that|how)|i wonder|i(?:'|’)m wondering|let(?:'|’)s|last (?:time|session) (?:we|you)|next (?:session|time)|homework"
    r"|thank you for|that makes sense|have you (?:had|been|noticed|ever|tried|thought)|could you|can you|would you"
    r"|it seems|on a scale|i(?:'|’)d like (?:you|us) to|we can|we(?:'|’)ll|do you)\b",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"\b(?:i (?:can(?:'|’)t|cannot|couldn(?:'|’)t|feel|felt|don(?:'|’)t|didn(?:'|’)t|keep|kept|hate|never|always|lost|cried|try|tried|worry|"
    r"get|got|haven(?:'|’)t|want|wanted|used to|wake|woke|sleep|slept|took|was)|i(?:'|’)(?:ve|m) (?:been|so|not|always|scared|tired|afraid)"
    r"|my (?:wife|husband|mum|mom|mother|dad|father|boss|partner|son|daughter|sister|brother|kids|job|head|chest|sleep|friend|girlfriend|boyfriend)"
    r"|makes me|with me)\b",
    re.IGNORECASE,
)
_YOU = re.compile(r"\byou(?:r|rs|rself|(?:'|’)\w+)?\b[^?]{0,200}\?", re.IGNORECASE)
_CUES_READ = 600  # code points of a turn: the opening tells enough, and the time stays bounded
_SWAP_COST = 9.0  # about three turns of clear content, each way
_CLEAR = 0.5  # mean score that must lie between two names to tell therapist and client


def leaning(said: str) -> float:
    """How much a turn sounds like a therapist (up to 2) or a client (down to -2); 0 where it does not tell."""
    opening = said[:_CUES_READ]
    asks = min(2, len(_ASKS.findall(opening))) + (1 if _YOU.search(opening) else 0)
    tells = min(3, len(_TELLS.findall(opening)))
    return float(max(-2, min(2, asks - tells)))


def assign(names: Sequence[str], said: Sequence[str]) -> list[Speaker]:
    """The speaker of each turn, from its label and what is said in it; turn by turn in the same order."""
    roles = _roles(names, said)
    speakers = [roles[name.casefold()] for name in names]
    return _unswapped(speakers, said)


def _roles(names: Sequence[str], said: Sequence[str]) -> Mapping[str, Speaker]:
    roles = {name.casefold(): labels.role(name) if name else Speaker.UNKNOWN for name in names}
    if set(roles) >= {"c", "p"} and Speaker.THERAPIST not in roles.values():
        roles["c"] = Speaker.THERAPIST  # counsellor and patient
    unnamed = [name for name, speaker in roles.items() if speaker is None]
    known: set[Speaker] = {speaker for speaker in roles.values() if speaker} & {Speaker.THERAPIST, Speaker.CLIENT}
    resolved = {name: speaker for name, speaker in roles.items() if speaker is not None}
    return resolved | _by_content(unnamed, known, names, said)


def _by_content(
    unnamed: list[str], known: set[Speaker], names: Sequence[str], said: Sequence[str]
) -> dict[str, Speaker]:
    """Speakers of bare names: whoever is missing of therapist and client, told apart by what they say."""
    scores = {
        name: _mean([leaning(s) for n, s in zip(names, said, strict=True) if n.casefold() == name]) for name in unnamed
    }
    ranked = sorted(unnamed, key=lambda name: scores[name])  # the most client-like first
    found = dict.fromkeys(unnamed, Speaker.OTHER if known else Speaker.UNKNOWN)
    if known == {Speaker.THERAPIST} and ranked:
        found[ranked[0]] = Speaker.CLIENT
    elif known == {Speaker.CLIENT} and ranked:
        found[ranked[-1]] = Speaker.THERAPIST
    elif not known and len(ranked) >= 2 and scores[ranked[-1]] - scores[ranked[0]] >= _CLEAR:
        found = dict.fromkeys(unnamed, Speaker.OTHER)
        found[ranked[0]], found[ranked[-1]] = Speaker.CLIENT, Speaker.THERAPIST
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _unswapped(speakers: list[Speaker], said: Sequence[str]) -> list[Speaker]:
    """Undo swapped labels: the cheapest path through "as labelled" and "swapped", where each change costs."""
    sign = {Speaker.THERAPIST: 1.0, Speaker.CLIENT: -1.0}
    scores = [(0.0, -_SWAP_COST)]
    came: list[tuple[bool, bool]] = []
    for speaker, words in zip(speakers, said, strict=True):
        agrees = sign.get(speaker, 0.0) * leaning(words)
        kept, swapped = scores[-1]
        came.append((swapped - _SWAP_COST > kept, swapped >= kept - _SWAP_COST))
        scores.append((max(kept, swapped - _SWAP_COST) + agrees, max(swapped, kept - _SWAP_COST) - agrees))
    swap = scores[-1][1] > scores[-1][0]
    other = {Speaker.THERAPIST: Speaker.CLIENT, Speaker.CLIENT: Speaker.THERAPIST}
    result = list(speakers)
    for i in range(len(speakers) - 1, -1, -1):
        if swap:
            result[i] = other.get(speakers[i], speakers[i])
        swap = came[i][1] if swap else came[i][0]
    return result
