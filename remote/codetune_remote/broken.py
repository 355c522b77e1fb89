"""Connections on which what is no HTTP gets the shape of answer that everything else has."""

from aiohttp import web


class Connection(web.RequestHandler):
    """One connection; what its parser refuses is answered with a problem and closes it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what was sent, which may be a key
    ) -> web.StreamResponse:
        from codetune_remote.connections import answer_to  # noqa: PLC0415 - the first answers come before its imports

        return answer_to(request, status, exc)


class Connections(web.Server):
    """Makes a Connection of each that is accepted."""

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)
