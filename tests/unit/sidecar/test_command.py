"""From settings and manifest to a command line."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sidecar import command
from sidecar.command import Launch, Refused
from sidecar.header import Header
from sidecar.manifest import Manifest, Sampling
from sidecar.settings import Settings

MANIFEST = Manifest(
    name="tiny",
    file="tiny.gguf",
    sha256="0" * 64,
    size_bytes=1000,
    kind="language",
    architecture="llama",
    quantization="Q8_0",
    context=8192,
    chat_template_sha256="1" * 64,
    prompt_version="1",
    base_model="tiny",
    licence="MIT",
    sampling=Sampling(temperature=0.3, seed=5),
)
GGUF = Path("/models/tiny.gguf")


def plan(settings: Settings | None = None, devices: tuple[str, ...] = (), manifest: Manifest = MANIFEST) -> Launch:
    return command.plan(settings or Settings(), manifest, GGUF, threads=3, devices=devices)


def options(launch: Launch) -> dict[str, str]:
    argv = [*command.llama_server(Path("/bin/llama-server")).argv(launch, 4711), ""]
    return {name: value for name, value in itertools.pairwise(argv) if name.startswith("--")}


def test_nothing_is_left_to_the_servers_defaults():
    """Address, port, context, slots, threads, batches, caches, token limit, layers and sampling are all said."""
    told = options(plan())
    assert told["--host"] == "127.0.0.1"
    assert told["--port"] == "4711"
    assert told["--model"] == str(GGUF)
    assert (told["--batch-size"], told["--ubatch-size"]) == ("64", "64")
    assert (told["--threads"], told["--threads-batch"]) == ("3", "3")
    assert (told["--n-predict"], told["--temp"], told["--seed"]) == ("400", "0.3", "5")
    assert (told["--cache-ram"], told["--gpu-layers"], told["--device"]) == ("256", "0", "none")
    for flag in ("--offline", "--no-ui", "--metrics", "--slots", "--no-context-shift", "--jinja"):
        assert flag in told


@given(slots=st.integers(1, 64), context=st.integers(256, 100_000), trained=st.integers(256, 20_000))
def test_every_slot_has_the_context_that_is_told(slots: int, context: int, trained: int):
    """The server shares one context among its slots; each gets what was asked for, never more than was trained."""
    launch = plan(Settings(slots=slots, context=context), manifest=replace(MANIFEST, context=trained))
    told = options(launch)
    assert int(told["--ctx-size"]) == launch.context * int(told["--parallel"])
    assert int(told["--parallel"]) == slots
    assert launch.context == min(context, trained)


@given(
    st.builds(
        Settings,
        temperature=st.none() | st.floats(0, 2),
        top_p=st.none() | st.floats(0.01, 1),
        top_k=st.none() | st.integers(0, 100),
        repeat_penalty=st.none() | st.floats(0.5, 2),
        max_tokens=st.none() | st.integers(1, 4000),
        seed=st.none() | st.integers(0, 2**31),
    )
)
def test_the_environment_goes_before_the_manifest(settings: Settings):
    """Each sampling parameter is the setting where there is one, else the manifest's; and the server is told it."""
    launch = plan(settings)
    flags = {"temperature": "--temp", "top_p": "--top-p", "top_k": "--top-k", "repeat_penalty": "--repeat-penalty"}
    flags |= {"max_tokens": "--n-predict", "seed": "--seed"}
    for name, flag in flags.items():
        set_to = getattr(settings, name)
        wanted = getattr(MANIFEST.sampling, name) if set_to is None else set_to
        assert getattr(launch.sampling, name) == wanted
        assert float(options(launch)[flag]) == wanted


@pytest.mark.parametrize(
    ("devices", "layers", "told", "device"),
    [
        ((), None, "0", "cpu"),
        ((), 20, "0", "cpu"),
        (("CUDA0",), None, "999", "CUDA0"),
        (("CUDA0", "CUDA1"), 20, "20", "CUDA0, CUDA1"),
        (("CUDA0",), 0, "0", "cpu"),
    ],
)
def test_layers_go_to_a_device_where_there_is_one(devices: tuple[str, ...], layers: int | None, told: str, device: str):
    """All layers unless told otherwise, none without a device; and it is said which."""
    launch = plan(Settings(gpu_layers=layers), devices)
    assert options(launch)["--gpu-layers"] == told
    assert launch.device == device


def test_the_encoder_runs_on_one_thread_of_the_cpu():
    """It embeds whole inputs of at most 512 tokens by their mean."""
    manifest = replace(MANIFEST, kind="encoder", context=512, chat_template_sha256=None, prompt_version=None)
    told = options(command.plan_encoder(manifest, GGUF))
    assert "--embedding" in told
    assert (told["--pooling"], told["--batch-size"], told["--ubatch-size"], told["--threads"]) == (
        "mean",
        "512",
        "512",
        "1",
    )
    assert "--temp" not in told


def test_memory_grows_with_weights_context_and_slots():
    """A thousand tokens of an attention cache: two layers of two heads, 16 + 16 values of two bytes each."""
    metadata = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
    }
    head = Header(version=3, metadata=metadata, tensors=1, size_bytes=10_000_000)
    one = command.memory_needed(head, plan(Settings(slots=1, context=1000, cache_ram_mb=0)))
    four = command.memory_needed(head, plan(Settings(slots=4, context=1000, cache_ram_mb=0)))
    assert four - one == 3 * 1000 * 2 * 2 * (16 + 16) * 2
    assert one > head.size_bytes


def test_the_second_engine_serves_one_request_and_never_cuts_it_off():
    """Its own default would end a running completion when the next one comes."""
    launch = plan(Settings(engine="llama-cpp-python", slots=4))
    argv = command.llama_cpp_python(Path("/bin/python")).argv(launch, 4711)
    told = dict(itertools.pairwise(argv))
    assert launch.slots == 1
    assert told["--interrupt_requests"] == "False"
    assert told["--n_ctx"] == "4096"


class TestSecondEngineAdapts:
    """What the second engine is told in place of what llama-server would be."""

    @staticmethod
    def adapt(path: str, body: dict[str, object]) -> dict[str, object]:
        engine = command.llama_cpp_python(Path("/bin/python"))
        assert engine.adapt is not None
        return engine.adapt(path, body, MANIFEST.sampling)

    def test_defaults_are_said_with_every_request(self):
        """It has no sampling settings of its own; what the caller says goes first."""
        body = self.adapt("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "top_k": 3})
        assert (body["temperature"], body["top_k"], body["max_tokens"]) == (0.3, 3, 400)

    def test_progress_is_dropped(self):
        """It knows no progress events; the stream is the same without."""
        body = self.adapt(
            "/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "return_progress": True}
        )
        assert "return_progress" not in body

    def test_a_prefill_is_refused(self):
        """It would answer the assistant's words instead of going on from them."""
        with pytest.raises(Refused, match="cannot go on"):
            self.adapt("/v1/chat/completions", {"messages": [{"role": "assistant", "content": "x"}]})

    def test_tokenize_speaks_its_dialect(self):
        """The field has another name there."""
        assert self.adapt("/tokenize", {"content": "abc"}) == {"input": "abc"}
