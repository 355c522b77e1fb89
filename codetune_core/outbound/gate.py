"""The outbound gate: policy, redaction, ledger, and the way back for what was replaced."""

import asyncio
import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePath

from codetune_core.errors import OutboundRefused
from codetune_core.http.passage import Answered, Sending
from codetune_core.outbound.ledger import Entry, Ledger, ledger_folder
from codetune_core.outbound.origin import Origin
from codetune_core.outbound.placeholders import Placeholders, user_key
from codetune_core.outbound.policy import Policy
from codetune_core.outbound.redact import redacted
from codetune_core.outbound.restore import Restorer
from codetune_core.service_sections import OutboundSettings


class Gate:
    """What all that leaves this machine goes through; one for a core."""

    def __init__(self, settings: OutboundSettings, folder: Path | None = None) -> None:
        """``folder`` holds the ledger and the key of the placeholders; None for the user's own."""
        self._folder = folder or ledger_folder()
        self._settings = settings
        self.policy = Policy(settings)
        self.ledger = Ledger(self._folder, settings.ledger_days)

    @cached_property
    def placeholders(self) -> Placeholders:
        """Names of secrets; raises OutboundRefused where the user's key cannot be read or made."""
        return Placeholders(user_key(self._folder))

    def passage(self, origin: Origin) -> "GatePassage":
        """Open the way for one purpose."""
        return GatePassage(self, origin, redact=self._settings.redact)


class GatePassage:
    """The way out for one purpose, and back; see `codetune_core.http.passage.Passage`.

    ``replaced`` maps placeholder to secret, for all that was sent until now.
    """

    def __init__(self, gate: Gate, origin: Origin, *, redact: bool) -> None:
        self._gate = gate
        self._origin = origin
        self._redact = redact
        self._counts: dict[str, Mapping[str, int]] = {}
        self.replaced: dict[str, str] = {}

    async def check(self) -> None:
        """Raise OutboundRefused where the policy lets nothing of this leave."""
        if reason := await asyncio.to_thread(self._gate.policy.refusal, self._origin):
            raise OutboundRefused(reason)

    async def prepare(self, destination: str, body: bytes | None) -> bytes | None:
        await self.check()
        if not body or not self._redact:
            return body
        return await asyncio.to_thread(self._redacted, destination, body)

    @contextmanager
    def note(self, sending: Sending) -> Iterator[Answered]:
        entry = self._gate.ledger.begin(lambda name, at: self._entry(name, at, sending))
        began, status = time.perf_counter(), ""

        def answered(code: int) -> None:
            nonlocal status
            status = str(code)

        try:
            yield answered
        except BaseException as error:
            status = status or f"no answer ({type(error).__name__})"
            raise
        finally:
            self._gate.ledger.end(entry, status, (time.perf_counter() - began) * 1000)

    def restorer(self, *, as_json: bool = False) -> Restorer:
        """Return what restores an answer to what was sent until now."""
        return Restorer(self.replaced, as_json=as_json)

    def restored(self, error: Exception) -> None:
        """Restore what an error says, which is shown to its user."""
        if self.replaced and error.args and isinstance(error.args[0], str):
            error.args = (self.restorer().text(error.args[0]), *error.args[1:])

    def _redacted(self, destination: str, body: bytes) -> bytes:
        # detect-secrets imports requests: a quarter of a second, and only who sends something waits for it.
        from codetune_core.outbound.find import secrets_of  # noqa: PLC0415

        try:
            content = json.loads(body)
        except ValueError as error:
            raise OutboundRefused(f"nothing is sent to {destination}: the body is not JSON") from error
        found = redacted(content, secrets_of, self._gate.placeholders)
        if not found.replaced:
            return body
        self.replaced |= found.replaced
        sent = json.dumps(found.body, ensure_ascii=False).encode("utf-8", "replace")
        self._counts[_sha256(sent)] = found.counts
        return sent

    def _entry(self, name: str, at: dt.datetime, sending: Sending) -> Entry:
        digest, origin = _sha256(sending.body), self._origin
        return Entry(
            id=name,
            at=at,
            destination=sending.destination,
            method=sending.method,
            path=sending.path,
            bytes=len(sending.body),
            sha256=digest,
            replaced=dict(self._counts.get(digest, ())),
            purpose=origin.purpose,
            prompt=origin.prompt,
            execution=origin.execution,
            workspace=PurePath(origin.workspace).name,
        )


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
