"""From settings and manifest to a command line: pure, and everything explicit, for the servers' own defaults move.

Two engines behind one interface. ``llama-server`` is the one to use; ``llama_cpp.server`` is for hosts that cannot build,
and what it cannot do is said in ``Engine.unsupported``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sidecar.header import Header
    from sidecar.manifest import Manifest, Sampling
    from sidecar.settings import Settings

LOOPBACK = "127.0.0.1"
ALL_LAYERS = 999
ENCODER_BATCH = 512  # tokens; a longer input is refused by the server
COMPUTE_BYTES = 160 * 2**20  # program and scratch buffers, seen at a batch of 256
REPACKED = 0.15  # weights laid out anew for the processor, as a share of the file; the rest can be mapped out again


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """All that decides how a model is served, with nothing left open."""

    manifest: Manifest
    path: Path
    context: int  # tokens per slot
    slots: int
    threads: int
    batch: int
    cache_ram_mb: int
    gpu_layers: int
    device: str  # for people: cpu, CUDA0 ...
    sampling: Sampling


def plan(settings: Settings, manifest: Manifest, path: Path, *, threads: int, devices: Sequence[str]) -> Launch:
    """How the language model is to be served on a machine with so many ``threads`` and these ``devices``."""
    layers = settings.gpu_layers if settings.gpu_layers is not None else ALL_LAYERS
    one_slot = settings.engine == "llama-cpp-python"  # it takes one request at a time
    return Launch(
        manifest=manifest,
        path=path,
        context=min(settings.context, manifest.context),
        slots=1 if one_slot else settings.slots,
        threads=settings.threads or threads,
        batch=settings.batch,
        cache_ram_mb=settings.cache_ram_mb,
        gpu_layers=layers if devices else 0,
        device=", ".join(devices) if devices and layers else "cpu",
        sampling=sampling(settings, manifest.sampling),
    )


def plan_encoder(manifest: Manifest, path: Path) -> Launch:
    """How the encoder is to be served: on one thread of the CPU, so that it hardly disturbs the language model."""
    return Launch(
        manifest=manifest,
        path=path,
        context=min(ENCODER_BATCH, manifest.context),
        slots=1,
        threads=1,
        batch=ENCODER_BATCH,
        cache_ram_mb=0,
        gpu_layers=0,
        device="cpu",
        sampling=manifest.sampling,
    )


def sampling(settings: Settings, of_manifest: Sampling) -> Sampling:
    """The manifest's sampling, less what the environment says otherwise."""
    names = ("temperature", "top_p", "top_k", "repeat_penalty", "max_tokens", "seed")
    return replace(of_manifest, **{n: value for n in names if (value := getattr(settings, n)) is not None})


def memory_needed(header: Header, launch: Launch) -> int:
    """Bytes to serve ``launch``: weights, attention cache of all slots at 16 bits, prompt cache, scratch. An estimate."""
    heads = max(1, header.number("attention.head_count", 1))
    width = header.number("embedding_length") // heads
    keys = header.number("attention.key_length", width) + header.number("attention.value_length", width)
    cache = 2 * header.number("block_count") * header.number("attention.head_count_kv", heads) * keys
    tokens = launch.context * launch.slots
    return int(header.size_bytes * (1 + REPACKED)) + cache * tokens + launch.cache_ram_mb * 2**20 + COMPUTE_BYTES


# -- engines


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A program that serves a model over HTTP."""

    name: str
    argv: Callable[[Launch, int], list[str]]  # launch and port
    key_variables: tuple[str, ...]  # where the program takes its API key from
    health: str  # answers 200 when the model is loaded
    paths: Mapping[str, str] = field(default_factory=dict)  # ours -> its, where they differ
    unsupported: Mapping[str, str] = field(default_factory=dict)  # path -> why it is refused
    adapt: Callable[[str, dict[str, Any], Sampling], dict[str, Any]] | None = (
        None  # path, body, defaults -> body it takes
    )


class Refused(Exception):
    """A request that this engine cannot serve; the message says why."""


def llama_server(program: Path) -> Engine:
    """The real server of llama.cpp."""
    return Engine(
        name="llama-server",
        argv=lambda launch, port: _llama_server_argv(program, launch, port),
        key_variables=("LLAMA_API_KEY",),
        health="/health",
    )


def _llama_server_argv(program: Path, launch: Launch, port: int) -> list[str]:
    options: dict[str, object] = {
        "--model": launch.path,
        "--alias": launch.manifest.name,
        "--host": LOOPBACK,
        "--port": port,
        "--ctx-size": launch.context * launch.slots,
        "--parallel": launch.slots,
        "--threads": launch.threads,
        "--threads-batch": launch.threads,
        "--threads-http": launch.slots + 4,  # a stream holds one: the rest is for /slots and /health
        "--batch-size": launch.batch,
        "--ubatch-size": launch.batch,
        "--cache-ram": launch.cache_ram_mb,
        "--gpu-layers": launch.gpu_layers,
        "--cors-origins": f"http://{LOOPBACK}:{port}",
        "--log-verbosity": 2,  # warnings and errors
        "--log-colors": "off",
        **(_encoder_options() if launch.manifest.kind == "encoder" else _language_options(launch.sampling)),
    }
    device = [] if launch.gpu_layers else ["--device", "none"]
    flags = ["--offline", "--no-ui", "--metrics", "--slots", "--no-mmproj", "--no-context-shift", "--no-log-prefix"]
    kind = ["--embedding"] if launch.manifest.kind == "encoder" else ["--jinja", "--cache-prompt"]
    return [str(program), *(str(part) for pair in options.items() for part in pair), *device, *flags, *kind]


def _encoder_options() -> dict[str, object]:
    return {"--pooling": "mean", "--embd-normalize": 2}


def _language_options(chosen: Sampling) -> dict[str, object]:
    return {
        "--n-predict": chosen.max_tokens,
        "--temp": chosen.temperature,
        "--top-p": chosen.top_p,
        "--top-k": chosen.top_k,
        "--min-p": 0.0,
        "--repeat-penalty": chosen.repeat_penalty,
        "--seed": chosen.seed,
        "--reasoning-format": "none",
    }


_CHAT = "/v1/chat/completions"


def llama_cpp_python(python: Path) -> Engine:
    """The Python server of llama-cpp-python: one request at a time, no progress, no prefill, no slots to look at."""
    why = "The engine llama-cpp-python does not offer this; llama-server does."
    return Engine(
        name="llama-cpp-python",
        argv=lambda launch, port: _llama_cpp_argv(python, launch, port),
        key_variables=("API_KEY",),
        health="/v1/models",
        paths={"/tokenize": "/extras/tokenize"},
        unsupported=dict.fromkeys(("/slots", "/props", "/apply-template", "/metrics"), why),
        adapt=_adapt,
    )


def _llama_cpp_argv(python: Path, launch: Launch, port: int) -> list[str]:
    options: dict[str, object] = {
        "--model": launch.path,
        "--model_alias": launch.manifest.name,
        "--host": LOOPBACK,
        "--port": port,
        "--n_ctx": launch.context * launch.slots,
        "--n_batch": launch.batch,
        "--n_ubatch": launch.batch,
        "--n_threads": launch.threads,
        "--n_threads_batch": launch.threads,
        "--n_gpu_layers": launch.gpu_layers,
        "--seed": launch.sampling.seed,
        "--embedding": launch.manifest.kind == "encoder",
        "--logits_all": False,
        "--use_mlock": False,
        "--verbose": False,
        "--interrupt_requests": False,  # else a second request cuts the first one off
    }
    return [str(python), "-m", "llama_cpp.server", *(str(part) for pair in options.items() for part in pair)]


def _adapt(path: str, body: dict[str, Any], defaults: Sampling) -> dict[str, Any]:
    """What llama-server takes -> what this one takes. Raises Refused where it would silently do something else."""
    if path == "/tokenize":
        return {"input": body.get("content", "")}
    if path != _CHAT:
        return body
    messages = body.get("messages") or [{}]
    if messages[-1].get("role") == "assistant":
        raise Refused("The engine llama-cpp-python cannot go on from an assistant message; llama-server can.")
    of_defaults = {
        name: getattr(defaults, name) for name in ("temperature", "top_p", "top_k", "repeat_penalty", "max_tokens")
    }
    dropped = {"return_progress", "stream_options", "cache_prompt"}
    return {**of_defaults, **{name: value for name, value in body.items() if name not in dropped}}
