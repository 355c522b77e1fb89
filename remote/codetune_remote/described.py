"""JSON schemas whose fields are described by the docstrings below them in the source, read when a schema is asked for.

Pydantic's own ``use_attribute_docstrings`` reads the source of each class whenever its module is imported: a tenth of
the time in which the service starts.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

if TYPE_CHECKING:
    from pydantic_core.core_schema import ModelSchema


class DescribedSchema(GenerateJsonSchema):
    """Pydantic's generator, with these descriptions; what a field says itself goes first."""

    def model_schema(self, schema: "ModelSchema") -> JsonSchemaValue:
        made = super().model_schema(schema)
        fields = made.get("properties", {})
        for name, words in _docstrings(schema["cls"]).items():
            if name in fields:
                fields[name].setdefault("description", words)
        return made


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return those of a model's fields; a class goes before those that it extends."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            # The class of `Page[Item]` for one kind of item stands in no source.
            found |= _of_module(each.__module__).get(each.__qualname__.partition("[")[0], {})
    return found


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """Return the docstrings of fields of the classes of a module, by the names of both."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: dict(_of_class(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                yield name, inspect.cleandoc(words)
