"""Risk: what of it a transcript holds, decided here and never by the language model.

``find`` is the rules; ``cut``, ``suspect`` and ``classify`` are the learned head over a sentence encoder's vectors; ``merge`` joins
the two, ``section`` writes the Risk section of a note and ``worst`` says what a whole session comes to.
"""

from __future__ import annotations

from orchestrator.domain.risk.classifier import classify, suspect
from orchestrator.domain.risk.findings import find
from orchestrator.domain.risk.merging import merge
from orchestrator.domain.risk.pieces import cut
from orchestrator.domain.risk.section import section
from orchestrator.domain.risk.severity import worst

__all__ = ["classify", "cut", "find", "merge", "section", "suspect", "worst"]
