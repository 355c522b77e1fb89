"""The OpenAPI document that is made from the routes, and its page."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from codetune_core.domain.service_key import Scope
from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER, RESUMABLE_HEADER, WIRE_HEADER
from codetune_core.http.replies import Cursor, Page
from codetune_remote.openapi import Document
from codetune_remote.page import PAGE_POLICY
from codetune_remote.route import ById, Route
from codetune_remote.routes import ROUTES

CONTRACT = [
    ("POST", "/api/prompts/"),
    ("GET", "/api/prompts/"),
    ("GET", "/api/prompts/{id}"),
    ("PUT", "/api/prompts/{id}"),
    ("DELETE", "/api/prompts/{id}"),
    ("POST", "/api/prompts/{id}/versions"),
    ("GET", "/api/prompts/{id}/versions"),
    ("POST", "/api/prompts/{id}/execute"),
    ("POST", "/api/prompts/{id}/deploy"),
    ("POST", "/api/prompts/{id}/rollback"),
    ("GET", "/api/prompts/{id}/compare"),
    ("POST", "/api/execute"),
    ("POST", "/api/embed"),
    ("POST", "/api/rerank"),
    ("GET", "/api/execution/history"),
    ("GET", "/api/execution/history/{id}"),
    ("DELETE", "/api/execution/history/{id}"),
    ("POST", "/api/execution/feedback"),
    ("GET", "/api/models/available"),
    ("POST", "/api/models/load"),
    ("POST", "/api/models/unload"),
    ("GET", "/api/cache/stats"),
    ("POST", "/api/training/config"),
    ("GET", "/api/training/config/{config_id}"),
    ("GET", "/api/training/metrics/{config_id}"),
    ("GET", "/api/openapi.json"),
    ("GET", "/healthz"),
    ("GET", "/version"),
]


@pytest.fixture(scope="module")
def document():
    return Document(ROUTES)


@pytest.fixture(scope="module")
def operations(document):
    return {
        (method.upper(), path): operation
        for path, found in document.content["paths"].items()
        for method, operation in found.items()
    }


def test_the_document_is_valid_openapi_3_1(document):
    assert [error.message for error in OpenAPIV31SpecValidator(document.content).iter_errors()] == []


@pytest.mark.parametrize(("method", "path"), CONTRACT)
def test_the_paths_of_the_contract_are_there(operations, method, path):
    assert (method, path) in operations


def test_every_route_says_what_it_is_and_names_are_unique(operations):
    assert len(operations) == len(ROUTES)
    names = [operation["operationId"] for operation in operations.values()]
    assert len(set(names)) == len(names)
    for route in ROUTES:
        operation = operations[route.method, route.path]
        assert operation["summary"]
        assert operation["description"]
        assert "default" in operation["responses"]
        assert str(route.status) in operation["responses"]


def test_every_route_that_takes_a_key_says_so_with_its_scope(operations, document):
    for route in ROUTES:
        operation = operations[route.method, route.path]
        if route.scope is None:
            assert operation["security"] == []
        else:
            assert operation["security"] == [{"key": [str(route.scope)]}]
            assert f"`{route.scope}`" in operation["description"]
            assert {"401", "403"} <= operation["responses"].keys()
    key = document.content["components"]["securitySchemes"]["key"]
    assert (key["in"], key["name"]) == ("header", KEY_HEADER)
    assert "Unix socket" in key["description"]


def test_what_is_open_to_anybody_is_little():
    listed = {"/healthz", "/readyz", "/version", "/metrics", "/api/openapi.json", "/api/", "/problems/{kind}"}
    assert {route.path for route in ROUTES if route.scope is None} <= listed


def test_executions_are_streams_with_the_headers_of_the_wire(operations):
    operation = operations["POST", "/api/execute"]
    sent = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "header"}
    assert {WIRE_HEADER, EXECUTION_HEADER, RESUMABLE_HEADER} <= sent
    assert operation["responses"]["200"]["content"].keys() >= {"text/event-stream", "application/x-ndjson"}
    assert EXECUTION_HEADER in operation["responses"]["200"]["headers"]


def test_events_and_problems_are_described(document):
    schemas = document.content["components"]["schemas"]
    assert {"Started", "Token", "Finished", "Failed"} <= schemas.keys()
    assert {"type", "title", "status", "detail", "instance"} <= schemas["Problem"]["properties"].keys()


def test_whole_numbers_are_those_that_every_reader_of_json_has(document):
    def integers(schema):
        if isinstance(schema, list):
            return [found for item in schema for found in integers(item)]
        if not isinstance(schema, dict):
            return []
        found = [schema] if schema.get("type") == "integer" and "const" not in schema and "enum" not in schema else []
        return found + integers(list(schema.values()))

    found = integers(document.content["paths"]) + integers(document.content["components"]["schemas"])
    assert found
    for schema in found:
        assert schema.get("maximum", schema.get("exclusiveMaximum")) <= 2**53 - 1


def test_parts_of_a_path_queries_and_pages_come_from_their_types():
    async def listed(_call):
        """Say more."""

    route = Route("GET", "/x/{id}", listed, Scope.READ, "List", parts=ById, query=Cursor, reply=Page[str])
    operation = Document([route]).content["paths"]["/x/{id}"]["get"]
    named = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert named["id"] == {"name": "id", "in": "path", "required": True, "schema": named["id"]["schema"]}
    assert named["id"]["schema"]["format"] == "uuid"
    assert (named["limit"]["in"], named["limit"]["required"]) == ("query", False)
    assert (named["limit"]["schema"]["minimum"], named["limit"]["schema"]["maximum"]) == (1, 200)
    assert operation["description"].startswith("Say more.")
    assert "404" in operation["responses"]


def test_a_path_that_its_types_do_not_describe_is_a_mistake():
    with pytest.raises(ValueError, match="/x/"):
        Route("GET", "/x/{name}", lambda _call: None, None, "List", parts=ById)


class Links(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.targets, self.attributes = set(), [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.targets.append(value)


def test_the_page_shows_every_operation_without_scripts_and_all_of_its_links_lead_somewhere(document):
    page = Links(document.page)
    assert not page.tags & {"script", "iframe", "object", "link", "form", "img"}
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert len(page.ids) == len(set(page.ids))
    assert {target.removeprefix("#") for target in page.targets} - {"openapi.json"} <= set(page.ids)
    for route in ROUTES:
        assert route.path in document.page


def test_the_page_may_use_its_own_style_and_nothing_else(document):
    (style,) = re.findall(r"<style>(.*?)</style>", document.page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in PAGE_POLICY
    assert "default-src 'none'" in PAGE_POLICY
    assert "frame-ancestors 'none'" in PAGE_POLICY
    assert "unsafe" not in PAGE_POLICY


def test_what_code_says_is_escaped_in_the_page():
    async def evil(_call):
        """</p><script>alert(1)</script>"""

    route = Route("GET", "/<b>", evil, None, "<i>x</i>", reply=str)
    assert not Links(Document([route]).page).tags & {"script", "b", "i"}


def test_a_success_without_content_and_the_user_s_limit_are_described(operations):
    assert set(operations["GET", "/api/execution/{id}/events"]["responses"]) >= {"200", "204"}
    assert "content" not in operations["GET", "/api/execution/{id}/events"]["responses"]["204"]
    limited = operations["POST", "/api/execute"]["responses"]
    for status in ("200", "429"):
        assert set(limited[status]["headers"]) >= {"RateLimit", "RateLimit-Policy"}
    assert "RateLimit" not in limited["503"]["headers"]
