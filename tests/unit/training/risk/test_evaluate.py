"""How findings are scored against cases."""

from __future__ import annotations

import io
import json

import pytest

from training.risk import __main__ as program
from training.risk.cases import BadCase, case, read, split
from training.risk.evaluate import Found, evaluate, level

RECORD = {
    "id": "x-0001",
    "category": "positive",
    "dialogue": "Therapist: Hm?\nClient: I have been counting the pills. The cat is well.",
    "expected_terms": ["counting the pills"],
    "must_not_flag": ["The cat is well"],
    "expected_risk": "active",
    "accept_risk": ["active"],
    "labels": [{"span": "counting the pills", "category": "suicide_plan_or_means", "status": "present_active"}],
}
DENIAL = RECORD | {
    "id": "x-0002",
    "expected_risk": "denied",
    "accept_risk": ["denied"],
    "labels": [{"span": "counting the pills", "category": "suicide_plan_or_means", "status": "denied"}],
}


def finding(quote: str, status: str = "present_active", category: str = "suicide_plan_or_means") -> Found:
    start = RECORD["dialogue"].index(quote)
    return Found(category=category, status=status, start=start, end=start + len(quote), quote=quote)


def recall(record: dict[str, object], *findings: Found) -> float | None:
    return evaluate([case(record)], {str(record["id"]): list(findings)}).overall.rates()["term_recall"]


@pytest.mark.parametrize(
    ("quote", "found"), [("I have been counting the pills.", 1.0), ("the pills. The", 1.0), ("pills. The cat", 0.0)]
)
def test_a_term_is_found_by_half_of_it(quote, found):
    """One finding must contain a term or overlap at least half of it."""
    assert recall(RECORD, finding(quote)) == found


def test_two_findings_of_a_quarter_each_are_no_half():
    """The half must lie in one finding."""
    assert recall(RECORD, finding("been coun"), finding("pills. The cat")) == 0.0


def test_a_denied_finding_finds_a_denial_only():
    """What is called denied does not find a live term, and does find one that is labelled as a denial."""
    assert recall(RECORD, finding("counting the pills", status="denied")) == 0.0
    assert recall(DENIAL, finding("counting the pills", status="denied")) == 1.0


def test_false_flags_are_live_findings_where_nothing_is():
    """A live finding on a negative case, or on words that must not be flagged, is a false flag; a denied one is not."""
    negative = RECORD | {
        "category": "negative",
        "expected_terms": [],
        "labels": [],
        "expected_risk": "none",
        "accept_risk": ["none"],
    }
    report = evaluate(
        [case(negative)], {"x-0001": [finding("counting the pills"), finding("The cat", status="denied")]}
    )
    assert report.by_kind["negative"].rates()["false_flags_per_case"] == 1.0
    report = evaluate([case(RECORD)], {"x-0001": [finding("The cat is well."), finding("counting the pills")]})
    assert (report.overall.false_flags, report.missed) == (1, [])


def test_the_gravest_status_decides_and_other_people_in_danger_are_active():
    """The order is active, passive, historical, denied, none."""
    assert level([finding("cat", "denied"), finding("cat", "present_passive")]) == "passive"
    assert level([finding("cat", "present_passive", "other_in_danger")]) == "active"
    assert level([finding("cat", "hypothetical"), finding("cat", "other_person")]) == "none"
    assert level([]) == "none"


def test_a_case_without_a_prediction_has_missed_everything():
    """Nothing found is nothing found, and its terms are listed."""
    report = evaluate([case(RECORD)], {})
    assert report.overall.rates()["status_accuracy"] == 0.0
    assert [miss["term"] for miss in report.missed] == ["counting the pills"]


@pytest.mark.parametrize(
    "change", [{"category": "perhaps"}, {"expected_risk": "grave"}, {"optional_terms": ["never said"]}]
)
def test_a_case_that_breaks_the_schema_is_refused_by_name(change):
    """The message names the case."""
    with pytest.raises(BadCase, match="x-0001"):
        case(RECORD | change)


def test_an_id_used_twice_is_refused(tmp_path):
    """Two cases of one id would hide one another."""
    file = tmp_path / "x.jsonl"
    file.write_text(f"{json.dumps(RECORD)}\n\n{json.dumps(RECORD)}\n", encoding="utf-8")
    with pytest.raises(BadCase, match="twice"):
        list(read([file]))


def test_the_kept_out_fifth_is_decided_by_the_id(tmp_path):
    """About a fifth, the same whatever else is in the file, and nothing is in both parts."""
    cases = [case(RECORD | {"id": f"x-{number:04}"}) for number in range(500)]
    tuned, kept = split(cases)
    assert 70 <= len(kept) <= 130
    assert {c.id for c in tuned}.isdisjoint(c.id for c in kept)
    assert split(cases[:100])[1] == [c for c in kept if c in cases[:100]]
    assert cases[0].author == "x"


def test_score_reads_findings_and_prints_the_numbers(tmp_path, monkeypatch, capsys):
    """The program scores what the risk command prints, as a table or as JSON, and forgives malformed cases."""
    file = tmp_path / "x.jsonl"
    file.write_text(
        json.dumps(RECORD) + "\n" + json.dumps({"id": "odd", "dialogue": None, "category": "odd"}), encoding="utf-8"
    )
    found = {
        "id": "x-0001",
        "findings": [{"category": "suicide_plan_or_means", "status": "present_active", "start": 24, "end": 60}],
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(found)))
    assert program.main(["score", "--cases", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["term_recall"] == 1.0
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(found)))
    assert program.main(["score", "--cases", str(file)]) == 0
    assert "suicide_plan_or_means" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert program.main(["score", "--cases", str(file), "--markdown"]) == 0
    assert "x-0001 · suicide_plan_or_means · present_active · counting the pills" in capsys.readouterr().out
    assert program.main(["score", "--cases", str(tmp_path / "none.jsonl")]) == 1


def test_the_written_cases_follow_the_schema(capsys):
    """Every case of every author is valid, ids are unique, and the kept-out fifth is about a fifth."""
    cases = list(read(sorted(program.CASES.glob("*.jsonl"))))
    assert len(cases) >= 250
    assert program.main(["kept-out"]) == 0
    kept = capsys.readouterr().out.splitlines()
    assert 0.15 < len(kept) / len(cases) < 0.25
    assert {json.loads(line)["id"] for line in kept} == {c.id for c in split(cases)[1]}
