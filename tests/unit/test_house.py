"""The house keeps its own promises: README, lock, documents and docstrings agree with what is there."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_LOCKS = sorted((_ROOT / "requirements").glob("*.txt"))
_PUBLIC = [
    path
    for room in ("training/contract", "orchestrator/domain", "sidecar")
    for path in sorted((_ROOT / room).rglob("*.py"))
]
_TESTS = sorted((_ROOT / "tests").rglob("test_*.py"))
_PROMISES = _ROOT / "docs" / "properties.md"


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def test_the_readme_begins_with_two_lines():
    """The first code fence is what one types: set-up with the demo, then the tests."""
    fence = (_ROOT / "README.md").read_text().split("```")[1]
    assert fence.splitlines()[1:] == ["python3 -m sidecar.bootstrap demo", "python3 -m sidecar.bootstrap test"]


@pytest.mark.parametrize("document", sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")]), ids=_name)
def test_every_link_leads_somewhere(document):
    """Documents point at files that exist."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("lock", _LOCKS, ids=lambda path: path.name)
def test_a_lock_names_packages_and_no_address(lock):
    """Where packages come from is a machine's own configuration, and every package is pinned."""
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    assert [line for line in lines if "://" in line or line.startswith("-")] == []
    assert all("==" in line for line in lines if line and not line.startswith(" "))


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt", "llama.txt", "models.txt"])
def test_what_is_installed_by_itself_has_hashes(name):
    """The bootstrap installs nothing whose content is not known."""
    text = (_ROOT / "requirements" / name).read_text()
    packages = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert packages
    assert re.findall(r"^([\w.-]+)==.*\\\n +--hash=sha256:", text, re.MULTILINE) == packages


def test_the_tests_have_all_that_the_demo_has():
    """An environment for the tests does for the demo, to the version."""
    pins = [
        set(re.findall(r"^([\w.-]+==\S+)", (_ROOT / "requirements" / n).read_text(), re.MULTILINE))
        for n in ("runtime.txt", "dev.txt")
    ]
    assert pins[0] <= pins[1]


def test_llama_cpp_is_pinned_once():
    """The version that is built is the version that the project asks for."""
    wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["sidecar"]
    built = (_ROOT / "requirements" / "llama.in").read_text().strip().partition("==")[2]
    assert f"llama-cpp-python[server]=={built}" in wanted


@pytest.mark.parametrize("path", _PUBLIC, ids=_name)
def test_every_public_thing_says_what_it_is(path):
    """Modules, classes and functions that others may use have a docstring."""
    nodes = [ast.parse(path.read_text(), filename=str(path))]
    bare = (
        [] if not nodes[0].body else [f"{_line(node)}: {_title(node)}" for node in nodes if not ast.get_docstring(node)]
    )
    for parent in nodes:
        inside = [
            node for node in parent.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        public = [node for node in inside if not node.name.startswith("_") and not _overloads(node)]
        bare += [f"{_line(node)}: {_title(node)}" for node in public if not ast.get_docstring(node)]
        nodes += [node for node in public if isinstance(node, ast.ClassDef)]
    assert bare == []


@pytest.mark.parametrize("path", _TESTS, ids=_name)
def test_every_test_says_what_is_true(path):
    """One sentence each: the behaviour."""
    tests = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [node.name for node in tests if node.name.startswith("test_") and not ast.get_docstring(node)] == []


def test_every_promise_has_its_tests():
    """The table of the eighteen properties names every file of tests/properties, and only those."""
    rows = re.findall(r"^\| (\d+) \|.*$", _PROMISES.read_text(), re.MULTILINE)
    assert rows == [str(number) for number in range(1, 19)]
    named = set(re.findall(r"tests/properties/test_\w+\.py", _PROMISES.read_text()))
    assert named == {_name(path) for path in (_ROOT / "tests" / "properties").glob("test_*.py")}


def _overloads(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "overload" for each in getattr(node, "decorator_list", ()))


def _title(node: ast.AST) -> str:
    return str(getattr(node, "name", "module"))


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 1))
