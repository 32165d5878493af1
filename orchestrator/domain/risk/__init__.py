"""Risk: what of it a transcript holds, decided here and never by the language model.

``find`` is the rules, ``classify`` the learned head over a sentence encoder's vectors, ``merge`` joins the two, ``section`` writes
the Risk section of a note and ``worst`` says what a whole session comes to.
"""

from __future__ import annotations

from orchestrator.domain.risk.findings import find
from orchestrator.domain.risk.section import section
from orchestrator.domain.risk.severity import worst

__all__ = ["find", "section", "worst"]
