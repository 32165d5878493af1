"""A sentence encoder's published weights (safetensors and vocabulary) as a GGUF of 16-bit floats, without torch.

The same tensors and metadata as ``convert_hf_to_gguf.py`` of llama.cpp writes for a BertModel, so that the served vectors
are the published model's, unless an adapter is added: low-rank changes (LoRA) of its linear layers. Tensors of one dimension,
positions and token types stay at 32 bits, as there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

from sidecar.errors import ModelCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TYPES = {"F32": np.float32, "F16": np.float16, "I64": np.int64}
_UNUSED = {
    "embeddings.position_ids",
    "pooler.dense.weight",
    "pooler.dense.bias",
}  # the vector is the mean of the tokens
_KEPT_AT_32_BITS = {"token_types.weight", "position_embd.weight"}
_WORD_START = "\u2581"
_SPECIAL = ("bos", "eos", "unk", "sep", "pad", "mask")  # of those the format knows
# How llama.cpp calls the splitting of BERT's uncased WordPiece (its converter recognises it by a checksum).
_PRE_TOKENIZER = "jina-v2-en"


def convert(source: Path, target: Path, *, name: str, licence: str, adapter: Path | None = None) -> None:
    """Write the encoder in the folder ``source`` to the file ``target``, changed by ``adapter`` (see ``_changes``) if there is one.

    Raises ModelCorrupt when ``source`` is not whole.
    """
    try:
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        writer = gguf.GGUFWriter(target, "bert")
        _describe(writer, config, name, licence)
        _vocabulary(writer, source, config)
        _weights(writer, source / "model.safetensors", config, _changes(adapter))
    except (OSError, ValueError, KeyError) as error:
        raise ModelCorrupt(f"The encoder in {source} is not whole: {error!r}. Install its package again.") from error
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: Any, config: dict[str, Any], name: str, licence: str) -> None:
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_license(licence)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_causal_attention(False)  # noqa: FBT003 - the library's signature
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _vocabulary(writer: Any, source: Path, config: dict[str, Any]) -> None:
    words = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()
    if len(words) != config["vocab_size"]:
        raise ValueError(f"vocab.txt has {len(words)} words, config.json says {config['vocab_size']}")
    named = json.loads((source / "special_tokens_map.json").read_text(encoding="utf-8"))
    special = set(named.values())
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre(_PRE_TOKENIZER)
    writer.add_token_list([word if word in special else _phantom(word) for word in words])
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if word in special else normal for word in words])
    gguf.SpecialVocab(source, n_vocab=len(words), special_token_types=_SPECIAL).add_to_gguf(writer, quiet=True)


def _phantom(word: str) -> str:
    """WordPiece marks what goes on inside a word (``##ing``); llama.cpp marks what begins one."""
    return word[2:] if word.startswith("##") else _WORD_START + word


def _changes(adapter: Path | None) -> dict[str, np.ndarray[Any, Any]]:
    """What an adapter adds to each tensor: the product of its factors ``<tensor>.up`` and ``<tensor>.down``."""
    if adapter is None:
        return {}
    with np.load(adapter) as factors:
        names = {name.removesuffix(".up") for name in factors.files if name.endswith(".up")}
        return {
            name: factors[f"{name}.up"].astype(np.float32) @ factors[f"{name}.down"].astype(np.float32)
            for name in names
        }


def _weights(writer: Any, path: Path, config: dict[str, Any], changes: dict[str, np.ndarray[Any, Any]]) -> None:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, config["num_hidden_layers"])
    for name, values in _safetensors(path):
        if name in _UNUSED:
            continue
        new = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if new is None:
            raise ValueError(f"unknown tensor {name}")
        if name in changes:
            values = values + changes.pop(name)  # noqa: PLW2901
        wide = values.ndim < 2 or new in _KEPT_AT_32_BITS
        writer.add_tensor(new, values.astype(np.float32 if wide else np.float16))
    if changes:
        raise ValueError(f"the adapter changes unknown tensors: {sorted(changes)}")


def _safetensors(path: Path) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """The tensors of a safetensors file: a length, a JSON index, the bytes."""
    data = np.memmap(path, mode="r")
    length = int.from_bytes(data[:8].tobytes(), "little")
    index = json.loads(data[8 : 8 + length].tobytes())
    index.pop("__metadata__", None)
    for name, entry in sorted(index.items()):
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        if end > len(data):
            raise ValueError(f"{path.name} was cut off")
        yield name, data[start:end].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
