"""The network that is trained: a published sentence encoder with small adapters in its upper layers, and a linear head.

The lower layers and the word embeddings stay as published and are run once per text; what is learned is a low-rank change of
the upper layers' weights (LoRA, Hu et al. 2021), small enough to stand in the repository and to be added to the published weights
when the encoder is converted for serving.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FROZEN_LAYERS = 3  # of six
RANK = 16
SCALE = 2.0
SHARPNESS = 10.0  # unit vectors are multiplied by this before the head, so that its weights stay small
MAX_TOKENS = 256


class Adapted(nn.Module):
    """A linear layer with a low-rank change: ``Wx + b + SCALE * up(down(x))``, which starts as no change."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)  # noqa: FBT003 - torch's signature
        self.down = nn.Parameter(torch.randn(RANK, linear.in_features) / linear.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(linear.out_features, RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + SCALE * (nn.functional.dropout(x, 0.1, self.training) @ self.down.T) @ self.up.T


@dataclass(frozen=True, slots=True)
class Text:
    """A text as the frozen layers leave it: one row per token."""

    hidden: torch.Tensor


class Network(nn.Module):
    """Texts, run through the frozen layers, to unit vectors, a risk logit and category logits."""

    def __init__(self, folder: Path, categories: int) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval().requires_grad_(False)  # noqa: FBT003
        self.embeddings, self.lower = model.embeddings, model.encoder.layer[:FROZEN_LAYERS]
        self.upper = model.encoder.layer[FROZEN_LAYERS:]
        self.adapters = _adapt(self.upper)
        self.risk = nn.Linear(self.upper[0].attention.self.query.linear.in_features, 1)
        self.category = nn.Linear(self.risk.in_features, categories)

    @torch.no_grad()
    def prepare(self, texts: Sequence[str], batch: int = 32) -> list[Text]:
        """Run the frozen layers once."""
        made: dict[int, Text] = {}
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            tokens = self.tokenizer(
                [texts[i] for i in chosen], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            )
            hidden = self.embeddings(tokens.input_ids, token_type_ids=tokens.token_type_ids)
            hidden = _run(self.lower, hidden, tokens.attention_mask)
            for index, row, mask in zip(chosen, hidden, tokens.attention_mask, strict=True):
                made[index] = Text(row[: int(mask.sum())].clone())
        return [made[index] for index in range(len(texts))]

    def forward(self, texts: Sequence[Text]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Unit vectors, risk logits, category logits."""
        hidden = nn.utils.rnn.pad_sequence([text.hidden for text in texts], batch_first=True)
        lengths = torch.tensor([len(text.hidden) for text in texts])
        mask = (torch.arange(hidden.shape[1])[None] < lengths[:, None]).float()
        hidden = _run(self.upper, hidden, mask)
        vectors = nn.functional.normalize((hidden * mask[..., None]).sum(1) / lengths[:, None], dim=1)
        return vectors, self.risk(vectors * SHARPNESS)[:, 0], self.category(vectors * SHARPNESS)

    def adapter(self) -> dict[str, np.ndarray[Any, Any]]:
        """The learned change of each published tensor, as its two factors at half precision."""
        return {
            f"{name}.{part}": factor.detach().numpy().astype(np.float16)
            for name, layer in self.adapters.items()
            for part, factor in (("up", layer.up * SCALE), ("down", layer.down))
        }


def _adapt(layers: nn.ModuleList) -> dict[str, Adapted]:
    """Put an adapter around every linear layer; they are named as the published tensors are."""
    made: dict[str, Adapted] = {}
    for number, layer in enumerate(layers, FROZEN_LAYERS):
        for name, module in list(layer.named_modules()):
            if isinstance(module, nn.Linear):
                parent, _, child = name.rpartition(".")
                made[f"encoder.layer.{number}.{name}.weight"] = adapted = Adapted(module)
                setattr(layer.get_submodule(parent), child, adapted)
    return made


def _run(layers: nn.ModuleList, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    hiding = (1.0 - mask[:, None, None, :].float()) * -1e9
    for layer in layers:
        out = layer(hidden, hiding)
        hidden = out[0] if isinstance(out, tuple) else out
    return hidden
