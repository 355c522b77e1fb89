"""Errors as RFC 9457 says them: ``application/problem+json`` with the id that stands in the log."""

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from codetune_core.execution.headers import REQUEST_HEADER

PROBLEM_TYPE = "application/problem+json"


class Problem(BaseModel):
    """The body of every error (RFC 9457, 3.1).

    ``type`` is a relative reference that names the kind of error; ``instance`` the request's id; ``kind`` why an
    execution failed, where it is that.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""


def title_of(kind: str) -> str:
    """Return a kind in words."""
    return kind.replace("-", " ").capitalize()


class Refusal(Exception):  # noqa: N818 - not every one is an error of who asked
    """Ends a request with a problem.

    ``kind`` is one of `codetune_remote.problem_kinds`; ``extra`` are members of its own, ``headers`` of the response.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def response(self, request_id: str) -> web.Response:
        """Return what is sent."""
        body = Problem(
            type=f"/problems/{self.kind}",
            title=title_of(self.kind),
            status=self.status,
            detail=self.detail,
            instance=request_id,
            **self.extra,
        )
        headers = {**self.headers, REQUEST_HEADER: request_id}
        return web.Response(status=self.status, text=body.model_dump_json(), content_type=PROBLEM_TYPE, headers=headers)
