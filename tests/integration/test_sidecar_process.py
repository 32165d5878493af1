"""A supervised process: whatever is asked in whatever order, there is one server or none, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings as examples, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sidecar.command import Engine, Launch
from sidecar.errors import EngineFailed, ModelMismatch, SidecarError
from sidecar.process import LlamaProcess, State
from sidecar.settings import Settings
from tests.unit.sidecar.test_command import plan

QUICK = Settings(backoff_seconds=0.001, stop_seconds=2, restarts=2, start_seconds=5)


@dataclass
class Probe:
    """Stands for a server's first completion: it works, breaks off, is forbidden for ever, or takes its time."""

    answer: str = "works"
    asked: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, url: str, key: str) -> bool:
        self.asked += 1
        if self.answer == "forbidden":
            raise ModelMismatch("another template")
        if self.answer == "slow":
            await self.go_on.wait()
        return self.answer != "breaks"


def supervised(*argv: str, probe: Probe | None = None, settings: Settings = QUICK) -> LlamaProcess:
    engine = Engine(name="test", argv=lambda _launch, _port: list(argv), key_variables=("LLAMA_API_KEY",), health="/")
    launch: Launch = plan()
    return LlamaProcess(engine, launch, settings, probe or Probe())


SLEEPER = ("/bin/sleep", "1000")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children() -> set[int]:
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in pids if alive(int(pid))}


async def until(process: LlamaProcess, *states: State) -> None:
    async with process._changed:
        await process._changed.wait_for(lambda: process.state in states)


class Life(RuleBasedStateMachine):
    """Starts, stops, kills and failing probes in any order."""

    @initialize()
    def begin(self):
        self.loop = asyncio.new_event_loop()
        self.before = children()
        self.probe = Probe()
        self.loop.run_until_complete(self.make())
        self.kills = 0

    async def make(self):
        self.process = supervised(*SLEEPER, probe=self.probe)

    @rule(answer=st.sampled_from(["works", "works", "breaks", "forbidden"]), callers=st.integers(1, 3))
    def ensure_ready(self, answer: str, callers: int):
        """However many ask at once, all get the same answer."""
        self.probe.answer = answer
        was_ready = self.process.state is State.READY

        async def ask() -> list[object]:
            return await asyncio.gather(*(self.process.ensure_ready() for _ in range(callers)), return_exceptions=True)

        answers = self.loop.run_until_complete(ask())
        self.probe.answer = "works"
        wanted = {"works": type(None), "breaks": EngineFailed, "forbidden": ModelMismatch}[answer]
        assert {type(each) for each in answers} == {type(None) if was_ready else wanted}

    @rule()
    def stop(self):
        """Stopping always ends, also when nothing runs."""
        self.loop.run_until_complete(self.process.stop())
        assert self.process.state in {State.STOPPED, State.FAILED}

    @rule()
    def stop_while_it_starts(self):
        """A server that is not ready yet is stopped as well."""
        if self.process.state is State.READY:
            return
        self.probe.answer = "slow"

        async def both() -> object:
            asking = asyncio.create_task(self.process.ensure_ready())
            await until(self.process, State.STARTING)
            await self.process.stop()
            with contextlib.suppress(SidecarError):
                await asking
                return "became ready"
            return "was stopped"

        assert self.loop.run_until_complete(both()) == "was stopped"
        self.probe.answer = "works"

    @precondition(lambda self: self.process.state is State.READY and self.process.restarts < 20)
    @rule()
    def kill(self):
        """A killed server comes back, until it was killed too often in a row; then the reason is known."""
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        async def settled() -> None:
            async with self.process._changed:
                await self.process._changed.wait_for(lambda: self.process.pid != pid)
            await until(self.process, State.READY, State.FAILED)

        self.loop.run_until_complete(settled())
        if self.process.state is State.FAILED:
            assert isinstance(self.process.error, EngineFailed)
            assert "SIGKILL" in str(self.process.reason)

    @invariant()
    def one_server_or_none(self):
        """Ready means one living server; stopped or failed means none is left."""
        if not hasattr(self, "process"):
            return
        ours = children() - self.before
        if self.process.state is State.READY:
            assert ours == {self.process.pid}
        else:
            assert self.process.state in {State.STOPPED, State.FAILED}
            assert ours == set()
            assert self.process.pid is None

    def teardown(self):
        if hasattr(self, "process"):
            self.loop.run_until_complete(self.process.stop())
            self.loop.close()


TestLife = pytest.mark.timeout(240)(Life.TestCase)
TestLife.settings = examples(max_examples=100, stateful_step_count=8, deadline=None)


async def test_a_server_that_ignores_sigterm_is_killed():
    """Stopping waits for as long as is set, then insists."""
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    process = supervised("/bin/sh", "-c", script, settings=QUICK.model_copy(update={"stop_seconds": 0.3}))
    await process.ensure_ready()
    pid = process.pid
    await process.stop()
    assert pid is not None
    assert not alive(pid)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'error: unknown model architecture: xyz'; exit 1", "does not know the model's architecture"),
        ("echo 'ggml: failed to allocate buffer of size 99'; exit 1", "not enough memory"),
        ('echo "couldn\'t bind HTTP server socket"; exit 1', "port was taken"),
        ("echo 'error: invalid argument: --colour'; exit 1", "did not understand its command line"),
        ("kill -ILL $$", "illegal instruction"),
        ("echo 'the client said something private'; exit 3", "ended with exit code 3"),
    ],
)
async def test_why_it_dies_is_said_in_our_words(script: str, reason: str):
    """Known lines are translated; unknown ones are never passed on, for they may quote a session."""
    probe = Probe(answer="slow")
    process = supervised("/bin/sh", "-c", script, probe=probe, settings=QUICK.model_copy(update={"restarts": 0}))
    with pytest.raises(EngineFailed, match=reason) as failure:
        await process.ensure_ready()
    assert "private" not in str(failure.value)


async def test_it_gives_up_after_as_many_restarts_as_are_allowed():
    """A server that never comes up is started once and again as often as is set, and the count is told."""
    process = supervised("/bin/false", probe=Probe(answer="slow"))
    with pytest.raises(EngineFailed, match="started 3 times"):
        await process.ensure_ready()
    assert process.restarts == 2


async def test_a_dead_server_is_not_called_ready():
    """From its death on, also during the pause before the next start, callers are sent away."""
    process = supervised(*SLEEPER, settings=QUICK.model_copy(update={"backoff_seconds": 30}))
    await process.ensure_ready()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.wait_for(until(process, State.STARTING), 5)
    await process.stop()
    assert process.state is State.STOPPED


async def test_a_model_that_does_not_fit_is_not_tried_again():
    """Another start would not make it another model."""
    probe = Probe(answer="forbidden")
    process = supervised(*SLEEPER, probe=probe)
    with pytest.raises(ModelMismatch):
        await process.ensure_ready()
    assert probe.asked == 1
    assert isinstance(await process.failed(), ModelMismatch)


async def test_a_server_that_never_gets_ready_is_given_up():
    """There is a limit to loading, and the message says which."""
    process = supervised(*SLEEPER, probe=Probe(answer="slow"), settings=QUICK.model_copy(update={"start_seconds": 0.1}))
    with pytest.raises(EngineFailed, match=r"not ready after 0\.1 seconds"):
        await process.ensure_ready()


async def test_the_child_does_not_inherit_what_could_turn_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Neither proxies nor the server's own variables reach it; its key does."""
    for name in ("HTTP_PROXY", "https_proxy", "LLAMA_ARG_CTX_SIZE", "PORT", "SESSIONSCRIBE_DATA_DIR"):
        monkeypatch.setenv(name, "poison")
    process = supervised(
        "/bin/sh", "-c", f"env > {tmp_path}/env.new; mv {tmp_path}/env.new {tmp_path}/env; exec sleep 100"
    )
    await process.ensure_ready()
    while not (tmp_path / "env").exists():
        await asyncio.sleep(0.01)
    await process.stop()
    told = (tmp_path / "env").read_text()
    assert "poison" not in told
    assert f"LLAMA_API_KEY={process.key}" in told
