"""Reads what a plugin says of itself from its source, without running it."""

import ast
from pathlib import Path

from pydantic import ValidationError

from codetune_core.errors import PluginError
from codetune_core.plugins.metadata import Kind, ToolMetadata

_MAX_BYTES = 1_000_000
_KINDS = {
    "AgentTool": Kind.TOOL,
    "LLMPlugin": Kind.LLM,
    "CodeGenPlugin": Kind.CODEGEN,
    "EmbeddingPlugin": Kind.EMBEDDING,
}


def read_file(path: Path) -> tuple[ToolMetadata, Kind]:
    """Return metadata and kind of the only plugin in a file; raises PluginError."""
    found = _declared(_parsed(path))
    if len(found) != 1:
        raise PluginError(f"it has {len(found)} classes with METADATA = ToolMetadata(...); a file is one plugin")
    return _read(*found[0])


def read_class(path: Path, name: str) -> tuple[ToolMetadata, Kind] | None:
    """Return metadata and kind of a class; None where they cannot be known without running it."""
    try:
        return next(_read(node, call) for node, call in _declared(_parsed(path)) if node.name == name)
    except (PluginError, StopIteration):
        return None


def summary(path: Path, name: str) -> str:
    """Return the first paragraph of a class's docstring; empty where there is none."""
    try:
        classes = [node for node in _parsed(path).body if isinstance(node, ast.ClassDef) and node.name == name]
    except PluginError:
        return ""
    said = (ast.get_docstring(classes[0]) or "") if classes else ""
    return " ".join(said.split("\n\n")[0].split())


def _parsed(path: Path) -> ast.Module:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise PluginError(f"it is larger than {_MAX_BYTES:,} bytes")
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise PluginError(f"line {error.lineno or 1} is no Python: {error.msg}") from error
    except OSError as error:
        raise PluginError(f"it cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise PluginError(f"it is no Python: {error}") from error


def _declared(module: ast.Module) -> list[tuple[ast.ClassDef, ast.Call]]:
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    return [(node, call) for node in classes for call in _metadata(node)]


def _metadata(node: ast.ClassDef) -> list[ast.Call]:
    found = []
    for line in node.body:
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        value = getattr(line, "value", None)
        named = any(isinstance(target, ast.Name) and target.id == "METADATA" for target in targets)
        if named and isinstance(value, ast.Call) and _last_name(value.func) == "ToolMetadata":
            found.append(value)
    return found


def _read(node: ast.ClassDef, call: ast.Call) -> tuple[ToolMetadata, Kind]:
    try:
        values = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise PluginError(f"METADATA of {node.name} (line {call.lineno}) is not written with literals only") from None
    try:
        metadata = ToolMetadata.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PluginError(f"METADATA of {node.name}: {where}: {first['msg'].lower()}") from None
    bases = [_last_name(base) for base in node.bases]
    return metadata, next((_KINDS[base] for base in bases if base in _KINDS), Kind.TOOL)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
