"""What the OpenAPI document promises holds for whatever fits it and whatever does not, on the service itself.

Each operation of the document is found here by itself: who adds a route adds nothing to this test.
"""

import asyncio
import warnings

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import on_tcp, running, settings_on_copy

from codetune_core.domain.service_key import Scope
from codetune_core.execution.headers import KEY_HEADER
from codetune_remote.openapi import Document
from codetune_remote.routes import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")


def no_error_of_its_own(_context, response, _case):
    """500 never; otherwise only that something is not set up here, or that the deadline that was sent has passed."""
    if response.status_code >= 500:
        known = {"/problems/settings": 503, "/problems/unavailable": 503, "/problems/engine-timeout": 504}
        assert known.get(response.json()["type"]) == response.status_code, response.text


CHECKS = [
    no_error_of_its_own,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 5}
QUIET = settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False
)
REFUSED = [400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 422, 429, 431, 503]
CONFIG = {
    "generation": {"with-security-parameters": False},
    "checks": {"negative_data_rejection": {"expected-statuses": REFUSED}},
}
SCHEMA = schemathesis.openapi.from_dict(Document(ROUTES).content, config=schemathesis.Config.from_dict(CONFIG))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


def takes_nothing(operation):
    return not operation.body and not operation.path_parameters and not operation.query


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(sqlite_template, tmp_path_factory):
    chosen = settings_on_copy(sqlite_template, tmp_path_factory.mktemp("schema"))
    async with running(chosen) as service, on_tcp(service) as client:
        _, made = await service.core.keys.create("ada", {Scope.ADMIN}, expires="1d")
        with requests.Session() as session:
            session.headers[KEY_HEADER] = made.text.get_secret_value()
            yield str(client._base_url), session


@pytest.mark.parametrize("mode", list(EXAMPLES), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
async def test_no_request_breaks_the_service_and_every_answer_keeps_the_document(served, operation, mode):
    if mode is GenerationMode.NEGATIVE and takes_nothing(operation):
        return
    url, session = served

    @seed(0)
    @settings(QUIET, max_examples=EXAMPLES[mode])
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case):
        case.call_and_validate(base_url=url, session=session, checks=CHECKS, timeout=60)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what makes the requests: it looks at the schema in ways of its own
        await asyncio.to_thread(attack)
