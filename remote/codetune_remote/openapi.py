"""The OpenAPI 3.1 document, made from the routes: nothing in it is written by hand that the code knows."""

import inspect
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from codetune_core.domain.own_version import own_version
from codetune_core.execution.events import EVENT
from codetune_core.execution.headers import (
    EXECUTION_HEADER,
    KEY_HEADER,
    LAST_EVENT_HEADER,
    REQUEST_HEADER,
    RESUMABLE_HEADER,
    WIRE_HEADER,
    WIRE_VERSION,
)
from codetune_remote.described import DescribedSchema
from codetune_remote.page import page_of
from codetune_remote.problems import PROBLEM_TYPE, Problem
from codetune_remote.route import Nothing, Route
from codetune_remote.valid import LARGEST_INTEGER

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_EVENTS = ("EVENT", "serialization")
_PROBLEM = ("PROBLEM", "serialization")
_ABOUT = f"""The core of CodeTune over HTTP: prompts, executions, models, cache and history.

Errors are problems (RFC 9457): `type` names the kind and leads to what it means, `instance` is the id of the request,
which stands in the service's log. Bodies are I-JSON (RFC 7493); names in them that the service does not know are
ignored, unknown names in a query are refused. Lists come in pages: `next` of one is `cursor` of the next, and empty on
the last. A client says in `{WIRE_HEADER}` which version of the wire it speaks."""
_KEY = """A key of this service (`codetune keys create`), in a header of its own: `Authorization` stays free for who
stands in front, such as a private Space. Scopes: `execute`, `read`, `prompts:write`, and `admin`, which allows
everything. Over the Unix socket of one's own daemon no key is needed: it can be opened by its owner only."""


class Document:
    """The document of a table of routes, made when it is first asked for."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes

    @cached_property
    def content(self) -> Json:
        """The document itself."""
        schemas = _Schemas(self._routes)
        return {
            "openapi": "3.1.0",
            "info": {"title": "CodeTune", "version": own_version(), "description": _ABOUT},
            "servers": [{"url": "/"}],
            "paths": _paths(self._routes, schemas),
            "components": {
                "schemas": schemas.definitions,
                "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": _KEY}},
                "headers": _ANSWERED,
                "responses": {"problem": _problem(schemas)},
            },
        }

    @cached_property
    def text(self) -> str:
        """The document as it is served."""
        return json.dumps(self.content, ensure_ascii=False)

    @cached_property
    def page(self) -> str:
        """The document for people, in HTML."""
        return page_of(self.content)


DOCUMENT = web.AppKey("document", Document)


class _Schemas:
    """The JSON schemas of all types that routes name, with what they share in ``components``."""

    def __init__(self, routes: Sequence[Route]) -> None:
        wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = [
            (*_EVENTS, EVENT),
            (*_PROBLEM, TypeAdapter(Problem)),
        ]
        for number, route in enumerate(routes):
            takes = {"parts": route.parts, "query": route.query, "body": route.body}
            wanted += [((number, part), "validation", TypeAdapter(kind)) for part, kind in takes.items()]
            if route.reply is not None:
                wanted.append(((number, "reply"), "serialization", route.adapter))
        self._made: Mapping[Any, Json]
        self._made, shared = TypeAdapter.json_schemas(wanted, ref_template=_REF, schema_generator=DescribedSchema)
        self.definitions: Json = _bounded(shared.get("$defs", {}))
        self.definitions["Event"] = self.of(*_EVENTS)

    def of(self, key: Any, mode: str) -> Json:
        """Return the schema of one type."""
        bounded: Json = _bounded(self._made[key, mode])
        return bounded

    def fields(self, number: int, part: str) -> Iterator[tuple[str, Json, bool]]:
        """Yield name, schema and whether it is needed, of each parameter."""
        schema = self.of((number, part), "validation")
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        for name, found in schema.get("properties", {}).items():
            yield name, found, name in schema.get("required", ())


def _bounded(schema: Any) -> Any:
    """Say of whole numbers what JSON carries to every reader."""
    if isinstance(schema, list):
        return [_bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _bounded(value) for name, value in schema.items()}
    if made.get("type") == "integer" and not {"const", "enum"} & made.keys():
        if not {"maximum", "exclusiveMaximum"} & made.keys():
            made["maximum"] = LARGEST_INTEGER
        if not {"minimum", "exclusiveMinimum"} & made.keys():
            made["minimum"] = -LARGEST_INTEGER
    return made


def _paths(routes: Sequence[Route], schemas: _Schemas) -> Json:
    names = Counter(_name(route) for route in routes)
    paths: Json = {}
    for number, route in enumerate(routes):
        name = _name(route)
        unique = name if names[name] == 1 else f"{_module(route)}_{name}"
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(number, route, unique, schemas)
    return paths


def _name(route: Route) -> str:
    return getattr(route.handler, "__name__", "")


def _module(route: Route) -> str:
    return route.handler.__module__.rpartition(".")[2]


def _operation(number: int, route: Route, name: str, schemas: _Schemas) -> Json:
    said = [inspect.getdoc(route.handler) or ""]
    if route.scope:
        said.append(f"Takes the scope `{route.scope}`.")
    operation: Json = {
        "operationId": name,
        "tags": [_module(route)],
        "summary": route.summary,
        "description": "\n\n".join(filter(None, said)),
        "parameters": [*_parameters(number, schemas), *_headers(route)],
        "responses": _responses(number, route, schemas),
        "security": [{"key": [str(route.scope)]}] if route.scope else [],
    }
    if route.body is not Nothing:
        body = schemas.of((number, "body"), "validation")
        needed = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {"required": needed, "content": {"application/json": {"schema": body}}}
    return operation


def _parameters(number: int, schemas: _Schemas) -> Iterator[Json]:
    for part, place in (("parts", "path"), ("query", "query")):
        for name, schema, needed in schemas.fields(number, part):
            described = {"description": schema["description"]} if "description" in schema else {}
            yield {"name": name, "in": place, "required": needed, "schema": schema, **described}


_SENT: Json = {
    WIRE_HEADER: ("Version of the wire that the client speaks.", {"type": "integer", "const": WIRE_VERSION}),
    EXECUTION_HEADER: (
        "Id that the execution shall have: asking again with it joins what runs.",
        {"type": "string", "format": "uuid"},
    ),
    RESUMABLE_HEADER: (
        "`1`: a dropped connection is no wish to stop.",
        {"type": "string"},
    ),
    LAST_EVENT_HEADER: (
        "Number of the last event that came; what follows is sent.",
        {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER},
    ),
}
_ANSWERED: Json = {
    WIRE_HEADER: {"description": "Version of the wire.", "schema": {"type": "string"}},
    REQUEST_HEADER: {
        "description": "Id of the request, as it stands in the log: the client's own where it sent one.",
        "schema": {"type": "string"},
    },
    EXECUTION_HEADER: {"description": "Id of the execution.", "schema": {"type": "string", "format": "uuid"}},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit": {
        "description": "Of the user's limit: `r` requests are left, and it begins anew after `t` seconds.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "The user's limit: `q` requests in `w` seconds; absent where there is none.",
        "schema": {"type": "string"},
    },
}
_LIMITED = ("RateLimit", "RateLimit-Policy")


def _headers(route: Route) -> Iterator[Json]:
    names = [WIRE_HEADER] if route.path.startswith("/api/") else []
    if route.streams:
        names += [EXECUTION_HEADER, RESUMABLE_HEADER] if route.method == "POST" else [LAST_EVENT_HEADER]
    for name in names:
        description, schema = _SENT[name]
        yield {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _responses(number: int, route: Route, schemas: _Schemas) -> Json:
    problem = {"$ref": "#/components/responses/problem"}
    responses = {str(route.status): _success(number, route, schemas)}
    for status, when in route.empty.items():
        responses[str(status)] = {"description": when, "headers": _named(WIRE_HEADER, REQUEST_HEADER)}
    responses |= {str(status): problem for status in sorted(_statuses(route))}
    for status, when in sorted(route.problems.items()):
        limited = _LIMITED if status == HTTPStatus.TOO_MANY_REQUESTS else ()
        responses[str(status)] = {**_problem(schemas, *limited), "description": when}
    return {**responses, "default": problem}


def _statuses(route: Route) -> set[int]:
    """Return the errors that follow from what the route declares."""
    statuses = set()
    if route.scope:
        statuses |= {401, 403}
    if route.parts is not Nothing:
        statuses |= {404}
    if route.body is not Nothing:
        statuses |= {400, 408, 413, 415, 422}
    if route.query is not Nothing:
        statuses |= {422}
    return statuses


_EVENT_REF = {"$ref": "#/components/schemas/Event"}
_MEDIA: Json = {
    "application/json": {},
    "text/event-stream": {
        "description": "One event of the stream; between events stand comments, which say that it is alive.",
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Number of the event, from 1.", "pattern": "^[1-9][0-9]*$"},
            "event": {"type": "string", "description": "Type of the event."},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": _EVENT_REF},
        },
        "required": ["id", "event", "data"],
    },
    "application/x-ndjson": {
        "description": "One line of the stream.",
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "id": {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
                    "event": _EVENT_REF,
                },
                "required": ["id", "event"],
            },
            {"type": "object", "properties": {"heartbeat": {"const": True}}, "required": ["heartbeat"]},
        ],
    },
}


def _success(number: int, route: Route, schemas: _Schemas) -> Json:
    content: Json = {}
    if route.reply is not None:
        content["application/json"] = {"schema": schemas.of((number, "reply"), "serialization")}
    for media in route.media:
        content[media] = {"schema": _MEDIA.get(media, {"type": "string"})}
    described = HTTPStatus(route.status).phrase
    names = [WIRE_HEADER, REQUEST_HEADER]
    if HTTPStatus.TOO_MANY_REQUESTS in route.problems:
        names += _LIMITED
    if route.streams:
        names.append(EXECUTION_HEADER)
        described = "A stream of events; the last one is `finished` or `failed`."
    return {"description": described, "headers": _named(*names), **({"content": content} if content else {})}


def _named(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _problem(schemas: _Schemas, *more: str) -> Json:
    return {
        "description": "Why it was not done.",
        "headers": _named(WIRE_HEADER, REQUEST_HEADER, "Retry-After", *more),
        "content": {PROBLEM_TYPE: {"schema": schemas.of(*_PROBLEM)}},
    }
