"""``model.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given, strategies as st

from training.contract.manifest import FILE_NAME, Manifest, ManifestError, Sampling, parse, read

SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() != "" and max(text) < "\ud800")
samplings = st.builds(
    Sampling,
    temperature=st.floats(0, 2),
    top_p=st.floats(0.01, 1),
    top_k=st.integers(0, 200),
    repeat_penalty=st.floats(0.5, 2),
    max_tokens=st.integers(1, 4096),
    seed=st.integers(0, 2**31),
)
manifests = st.builds(
    Manifest,
    name=WORDS,
    file=st.from_regex(r"[a-z]{1,9}\.gguf", fullmatch=True),
    sha256=SHA,
    size_bytes=st.integers(1, 2**40),
    kind=st.just("language"),
    architecture=WORDS,
    quantization=WORDS,
    context=st.integers(1, 2**20),
    chat_template_sha256=SHA,
    prompt_version=WORDS,
    base_model=WORDS,
    licence=WORDS,
    adapter_sha256=st.none() | SHA,
    data=WORDS,
    metrics=st.dictionaries(WORDS, st.floats(-10, 10), max_size=3),
    sampling=samplings,
)


@given(manifests)
def test_what_is_written_is_read_back(manifest: Manifest):
    """Writing and reading are inverse, and the fingerprint does not see the layout."""
    again = parse(manifest.to_json())
    assert again == manifest
    assert parse(json.dumps(asdict(manifest))).fingerprint() == manifest.fingerprint()


@given(manifests, manifests)
def test_different_manifests_have_different_fingerprints(one: Manifest, other: Manifest):
    """The fingerprint covers every field."""
    assert (one == other) == (one.fingerprint() == other.fingerprint())


@given(
    manifests, st.sampled_from([f.name for f in fields(Manifest)]), st.sampled_from([None, [], True, {"x": "y"}, -1])
)
def test_a_field_of_another_type_is_named_or_refused(manifest: Manifest, field: str, value: object):
    """An ill-typed field never becomes a manifest."""
    raw = json.loads(manifest.to_json()) | {field: value}
    allowed = value is None and field == "adapter_sha256"
    if allowed:
        assert parse(json.dumps(raw)).adapter_sha256 is None
        return
    with pytest.raises(ManifestError):
        parse(json.dumps(raw))


@given(manifests, st.sampled_from(["name", "file", "sha256", "prompt_version", "licence", "context"]))
def test_a_missing_field_is_named(manifest: Manifest, field: str):
    """What is required and not there is told by name."""
    raw = json.loads(manifest.to_json())
    del raw[field]
    with pytest.raises(ManifestError, match=f"missing field {field}"):
        parse(json.dumps(raw))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"colour": "red"}, "unknown field colour"),
        ({"file": "../x.gguf"}, "plain file name"),
        ({"sha256": "A" * 64}, "sha256 must be"),
        ({"kind": "other"}, "kind must be one of language, encoder"),
        ({"chat_template_sha256": None}, "needs chat_template_sha256"),
        ({"sampling": {"temperature": "hot"}}, "sampling.temperature must be float, not str"),
        ({"sampling": {"top_p": 0}}, "top_p must be above 0"),
        ({"sampling": {"heat": 1}}, "unknown field sampling.heat"),
        ({"metrics": {"loss": "low"}}, "metrics.loss must be a number"),
    ],
)
def test_each_fault_has_a_sentence(change: dict[str, object], reason: str):
    """The message says which field and why."""
    good = json.loads(example().to_json())
    with pytest.raises(ManifestError, match=reason):
        parse(json.dumps(good | change))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "null"])
def test_what_is_no_object_is_refused(text: str):
    """Anything but a JSON object is no manifest."""
    with pytest.raises(ManifestError):
        parse(text)


def test_an_encoder_needs_no_prompt(tmp_path):
    """An encoder has neither template nor prompt version, and is read from its folder."""
    manifest = parse(
        json.dumps(
            json.loads(example().to_json()) | {"kind": "encoder", "chat_template_sha256": None, "prompt_version": None}
        )
    )
    (tmp_path / FILE_NAME).write_text(manifest.to_json())
    assert read(tmp_path) == manifest


def test_a_folder_without_manifest_is_told_by_name(tmp_path):
    """The path stands in the message."""
    with pytest.raises(ManifestError, match=FILE_NAME):
        read(tmp_path)


def example() -> Manifest:
    return Manifest(
        name="tiny",
        file="tiny.gguf",
        sha256="0" * 64,
        size_bytes=1,
        kind="language",
        architecture="llama",
        quantization="Q8_0",
        context=1,
        chat_template_sha256="1" * 64,
        prompt_version="1",
        base_model="tiny",
        licence="MIT",
    )
