"""Describes a model that is not in the catalogue by the files that it comes with."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from codetune_core.domain.execution import Role
from codetune_core.models.architecture import shape_of, text_part
from codetune_core.models.files import named_folder, source_folder
from codetune_core.models.pins import pinned
from codetune_core.models.spec import InfillTokens, Kind, Licence, ModelSpec, PromptFormat, Quantization
from codetune_core.models.tensors import counted

_ROLES = {
    Kind.CAUSAL: (Role.REVIEW, Role.GENERATION),
    Kind.SEQ2SEQ: (Role.GENERATION,),
    Kind.CODET5P: (Role.GENERATION,),
    Kind.EMBEDDING: (Role.EMBEDDING,),
    Kind.CROSS_ENCODER: (Role.RERANK,),
}
_INFILL = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # noqa: RUF001 - they are written so
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),
)
"""Of Qwen and its followers, StarCoder, DeepSeek-Coder and Code Llama."""
_WHOLE = (Quantization.FP32, Quantization.BF16)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---", re.DOTALL)


def described_by_files(name: str) -> ModelSpec | None:
    """Return a model by the path of its folder or its Hugging Face id; None where its config is not here."""
    try:
        asked = pinned(ModelSpec(name=_shown(name), id=name, context_tokens=1))
    except ValidationError:
        return None
    folder = source_folder(asked)
    config = _json(folder / "config.json") if folder else {}
    if not folder or not config:
        return None
    shape = shape_of(config, embeds=(folder / "modules.json").is_file())
    known = shape.kind is not Kind.CAUSAL or shape.architecture
    infill = _infill(folder) if shape.kind is Kind.CAUSAL else None
    small = shape.kind in {Kind.EMBEDDING, Kind.CROSS_ENCODER, Kind.SEQ2SEQ}
    return asked.model_copy(
        update={
            "id": str(folder) if named_folder(name) else name,
            "kind": shape.kind,
            "architecture": shape.architecture if known else counted(folder, text_part(config)),
            "roles": (*_ROLES[shape.kind], *((Role.COMPLETION,) if infill else ())),
            "prompt_format": PromptFormat.CHAT_TEMPLATE if _has_template(folder) else PromptFormat.PLAIN,
            "infill": infill,
            "context_tokens": _context(folder, shape.context_tokens),
            "licence": _licence(folder),
            "quantizations": _WHOLE if small else asked.quantizations,
            "about": "not in the catalogue; described by its own files",
        }
    )


def _shown(name: str) -> str:
    folder = named_folder(name)
    return folder.resolve().name if folder else name


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _has_template(folder: Path) -> bool:
    return (folder / "chat_template.jinja").is_file() or "chat_template" in _json(folder / "tokenizer_config.json")


def _infill(folder: Path) -> InfillTokens | None:
    tokens = {str(token.get("content")) for token in _json(folder / "tokenizer.json").get("added_tokens", ())}
    found = next((three for three in _INFILL if tokens.issuperset(three)), None)
    return InfillTokens(prefix=found[0], suffix=found[1], middle=found[2]) if found else None


def _context(folder: Path, of_config: int) -> int:
    """Return the context; sentence-transformers cut theirs shorter than the config says."""
    shorter = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    return min(of_config, shorter) if isinstance(shorter, int) and shorter > 0 else of_config


def _licence(folder: Path) -> Licence:
    """Return the licence that the model card names, in the front matter of its README."""
    try:
        found = _FRONT_MATTER.match((folder / "README.md").read_text("utf-8"))
        card = yaml.safe_load(found[1]) if found else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        card = None
    if not isinstance(card, dict):
        return Licence(name="unknown")
    name = card.get("license_name") or card.get("license") or "unknown"
    return Licence(name=str(name), url=str(card.get("license_link") or ""))
