"""The OpenAPI document as one page of HTML: no script, nothing from elsewhere, light or dark as the reader likes it."""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from typing import Any

Json = Mapping[str, Any]

STYLE = files("codetune_remote").joinpath("page.css").read_text("utf-8")
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CODE = re.compile(r"`([^`]*)`")
_SHOWN_VALUES = 12


def page_of(document: Json) -> str:
    """Return the page of an OpenAPI document."""
    info, schemas = document["info"], document["components"]["schemas"]
    by_tag: dict[str, list[str]] = defaultdict(list)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag[operation["tags"][0]].append(_operation(method, path, operation))
    key = document["components"]["securitySchemes"]["key"]
    sections = {tag: "".join(made) for tag, made in by_tag.items()} | {
        "authentication": f"<p><code>{escape(key['name'])}</code></p><p>{_text(key['description'])}</p>",
        "schemas": "".join(_schema(name, schema) for name, schema in sorted(schemas.items())),
    }
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f'<p class="about">{_text(info["description"])}</p><nav>',
        *(f'<a href="#part-{escape(name)}">{escape(name)}</a>' for name in sections),
        '<a href="openapi.json">openapi.json</a></nav>',
        *(f'<h2 id="part-{escape(name)}">{escape(name)}</h2>{section}' for name, section in sections.items()),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _text(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))


def _operation(method: str, path: str, operation: Json) -> str:
    scope = next((name for needed in operation["security"] for name in needed["key"]), "no key")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    parts = [
        f'<p class="about">{_text(operation["description"])}</p>',
        _table("Parameters", (_parameter(parameter) for parameter in operation["parameters"])),
        f"<h4>Body</h4><p>{_type(body)}</p>" if body else "",
        _table("Answers", (_answer(status, answer) for status, answer in operation["responses"].items())),
    ]
    return (
        f'<details id="operation-{escape(operation["operationId"])}"><summary>'
        f'<span class="method">{method.upper()}</span>'
        f'<span class="path">{escape(path)}</span> <span class="scope">{escape(scope)}</span>'
        f"<br>{_text(operation['summary'])}</summary><div>{''.join(parts)}</div></details>"
    )


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    made = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    heading = f"<h4>{title}</h4>" if title else ""
    return f"{heading}<table>{made}</table>" if made else ""


def _parameter(parameter: Json) -> tuple[str, ...]:
    needed = "needed" if parameter["required"] else ""
    name = f"<code>{escape(parameter['name'])}</code>"
    return name, parameter["in"], _type(parameter["schema"]), needed, _text(parameter.get("description", ""))


def _answer(status: str, answer: Json) -> tuple[str, ...]:
    if "$ref" in answer:
        return f"<code>{status}</code>", '<a href="#schema-Problem">Problem</a>', ""
    kinds = "<br>".join(
        f"<code>{escape(media)}</code> {_type(content['schema'])}"
        for media, content in answer.get("content", {}).items()
    )
    return f"<code>{status}</code>", kinds, _text(answer["description"])


def _schema(name: str, schema: Json) -> str:
    needed = schema.get("required", ())
    fields = schema.get("properties", {}).items()
    shape = _table("", (_field(field, kind, field in needed) for field, kind in fields)) or f"<p>{_type(schema)}</p>"
    about = _text(schema.get("description", ""))
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f'<div><p class="about">{about}</p>{shape}</div></details>'
    )


def _field(name: str, schema: Json, needed: bool) -> tuple[str, ...]:  # noqa: FBT001 - a row of a table
    described = _text(schema.get("description", ""))
    return f"<code>{escape(name)}</code>", _type(schema), "needed" if needed else "", described


def _type(schema: Json) -> str:
    """Return a schema in a few words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return " or ".join(_type(kind) for kind in schema[name])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in values[:_SHOWN_VALUES])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format") or schema.get("type") or "anything")) + _bounds(schema)


def _bounds(schema: Json) -> str:
    named = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "default": "default"}
    known = [(word, schema[name]) for name, word in named.items() if schema.get(name) not in (None, "", [], {})]
    said = [f"{word} {escape(str(value))}" for word, value in known]
    return f" ({', '.join(said)})" if said else ""
