"""Where a history is: in the database of the settings, or on the service that runs the user's prompts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from codetune_core.cli.asked_service import AskedService, asked_service, set_of
from codetune_core.cli.core import say
from codetune_core.cli.history_filter import chosen
from codetune_core.domain.execution import Execution
from codetune_core.errors import CodeTuneError
from codetune_core.execution.remote.faults import Gone
from codetune_core.history.protocol import Filter
from codetune_core.history.retention import Deleted
from codetune_core.history.wire import HISTORY_PATH, DeletedExecution, ExecutionReply, Executions
from codetune_core.http.replies import LONGEST_PAGE, Page
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.bootstrap.core import Core

_PROMPTS_PATH = "/api/prompts/"
Options = Mapping[str, Any]
"""The options of ``history_filter.filtered``, by name."""


class HistoryPlace(Protocol):
    """A history, wherever it is.

    Attributes:
        nothing: what to say where no execution is listed.
    """

    nothing: str

    async def page(self, options: Options, before: UUID | None, limit: int, *, content: bool) -> list[Execution]:
        """Return executions, the newest first, from the one before ``before`` on; without ``content`` maybe less."""
        ...

    async def get(self, execution_id: UUID) -> Execution:
        """Return one with all that is kept; raises CodeTuneError where there is none."""
        ...

    async def names(self) -> dict[str, str]:
        """Return names of prompts by id."""
        ...

    async def count(self, ids: Sequence[UUID], options: Options) -> int:
        """Return how many executions `delete` would delete, as far as is known."""
        ...

    async def delete(self, ids: Sequence[UUID], options: Options) -> Deleted:
        """Delete executions by id, or by filter where there is no id."""
        ...

    def left(self, gone: Deleted) -> list[str]:
        """Return what to say of traces that are still there."""
        ...


@asynccontextmanager
async def opened(settings: Settings, *, remote: bool) -> AsyncIterator[HistoryPlace]:
    """Open the service of ``remote.base_url``, or the database."""
    if remote:
        async with asked_service(settings, "history") as service:
            yield _There(service)
        return
    from codetune_core.bootstrap.core import open_core  # noqa: PLC0415 - who asks a service waits for no database

    async with open_core(settings) as core:
        say(core.notices)
        yield _Here(core)


async def names_of_prompts(core: "Core") -> dict[str, str]:
    """Return names of prompts by id; what was purged has none."""
    prompts = [*await core.prompts.list(archived=True), *await core.prompts.list()]
    return {str(prompt.id): prompt.name for prompt in prompts}


class _Here:
    def __init__(self, core: "Core") -> None:
        self._core = core
        self.nothing = "no such execution is recorded"

    async def page(self, options: Options, before: UUID | None, limit: int, *, content: bool) -> list[Execution]:  # noqa: ARG002 - it costs nothing here
        return await self._core.history.page(await chosen(self._core, **options), before, limit)

    async def get(self, execution_id: UUID) -> Execution:
        if found := await self._core.history.get(execution_id):
            return found
        url = self._core.settings.remote.base_url
        there = f"; for what ran on {url}, add --remote" if url else ""
        raise CodeTuneError(f"nothing is kept of an execution {execution_id}: see `codetune history list`{there}")

    async def names(self) -> dict[str, str]:
        return await names_of_prompts(self._core)

    async def count(self, ids: Sequence[UUID], options: Options) -> int:
        return await self._core.history.count(await self._meant(ids, options))

    async def delete(self, ids: Sequence[UUID], options: Options) -> Deleted:
        return await self._core.history.delete(await self._meant(ids, options))

    def left(self, gone: Deleted) -> list[str]:
        from codetune_core.storage.backup import automatic_backups  # noqa: PLC0415 - see `opened`

        path = self._core.database.url.path
        copies = automatic_backups(path) if path else ()
        said = [f"{copy}, which an upgrade or a restore left, still has what was there then" for copy in copies]
        still = "an open transaction still sees them; traces in files are erased once it ended"
        return said if gone.erased else [still, *said]

    async def _meant(self, ids: Sequence[UUID], options: Options) -> Filter:
        return Filter(ids=tuple(ids)) if ids else await chosen(self._core, **options)


class _There:
    def __init__(self, service: AskedService) -> None:
        self._service = service
        self.nothing = f"no such execution is recorded on {service.where}; others' are for a key of scope admin only"

    async def page(self, options: Options, before: UUID | None, limit: int, *, content: bool) -> list[Execution]:
        query = await self._query(options, before=before, content=content)
        found: list[Execution] = []
        cursor: dict[str, str] = {}
        while True:
            size = min(limit - len(found), LONGEST_PAGE)
            said = await self._service.get(HISTORY_PATH, {**query, **cursor, "limit": size})
            page = self._service.read(Page[ExecutionReply], said)
            found += [each.execution for each in page.items]
            if not page.next or len(found) >= limit:
                return found
            cursor = {"cursor": page.next}

    async def get(self, execution_id: UUID) -> Execution:
        said = await self._service.get(f"{HISTORY_PATH}/{execution_id}")
        return self._service.read(ExecutionReply, said).execution

    async def names(self) -> dict[str, str]:
        return {
            str(each.id): each.name for archived in (True, False) for each in await self._prompts(archived=archived)
        }

    async def count(self, ids: Sequence[UUID], options: Options) -> int:  # noqa: ARG002 - as the protocol has it
        return len(set(ids))

    async def delete(self, ids: Sequence[UUID], options: Options) -> Deleted:  # noqa: ARG002 - as the protocol has it
        gone = [each for each in [await self._deleted(each) for each in dict.fromkeys(ids)] if each]
        return Deleted(sum(each.deleted for each in gone), all(each.erased for each in gone))

    def left(self, gone: Deleted) -> list[str]:
        where = self._service.where
        return [] if gone.erased else [f"traces in the files of {where} are erased within the hour"]

    async def _query(self, options: Options, **others: Any) -> dict[str, Any]:
        workspace = options["workspace"] and options["workspace"].absolute()
        try:
            query = Executions(
                prompt=options["prompt"] or "",
                task=options["task"],
                # The outbound gate sends the name of a workspace's folder only.
                workspace=workspace and (workspace.name if self._service.leaves else str(workspace)),
                user=options["user"],
                model=options["model"],
                success=False if options["failed"] else None,
                since=options["since"],
                until=options["until"],
                text=await self._service.sayable(options["text"]),
                **others,
            )
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_input=False)[0]
            raise CodeTuneError(f"--{wrong['loc'][0]}: {wrong['msg']}") from error
        return set_of(query)

    async def _prompts(self, *, archived: bool) -> list["_Named"]:
        query = {"archived": archived, "limit": LONGEST_PAGE}
        page = self._service.read(Page[_Named], await self._service.get(_PROMPTS_PATH, query))
        found: list[_Named] = page.items
        while page.next:
            said = await self._service.get(_PROMPTS_PATH, {**query, "cursor": page.next})
            page = self._service.read(Page[_Named], said)
            found += page.items
        return found

    async def _deleted(self, execution_id: UUID) -> DeletedExecution | None:
        try:
            said = await self._service.delete(f"{HISTORY_PATH}/{execution_id}")
        except Gone:
            return None
        return self._service.read(DeletedExecution, said)


class _Named(BaseModel):
    """What a list of executions shows of a prompt."""

    id: UUID
    name: str
