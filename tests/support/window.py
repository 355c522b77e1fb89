"""An editor window beside its server in one loop: what either says takes its time, and what breaks a promise fails."""

import asyncio
import itertools
import json
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gated_model import GatedModel

from codetune_core.domain.editor_scope import editor_scope
from codetune_core.domain.execution import Role, Task
from codetune_core.prompts.files import read_prompt
from codetune_core.prompts.starter import shipped_files
from codetune_server import assembly
from codetune_server.backend import Backend
from codetune_server.framing import Framer
from codetune_server.prompt_runs import PromptRuns
from codetune_server.prompted.catalogue import Catalogue
from codetune_server.prompted.listing import PromptAction

_LINE_END = re.compile(r"\r\n|\r|\n")
ON_THE_WAY = 0.003
"""Seconds that a message is on the way."""
CAPABILITIES = {
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "synchronization": {"didSave": True},
        "inlineCompletion": {},
        "hover": {"contentFormat": ["markdown"]},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
    },
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
}


def action(name: str) -> PromptAction:
    """A starter prompt as the menu has it."""
    prompt = read_prompt(shipped_files()[f"{name}.prompt.md"], name)
    scope = editor_scope(prompt.draft.tags)
    wording = prompt.wording
    schema = wording.decoding.output_schema
    return PromptAction(name, "", Task(prompt.draft.use_case), scope, wording.variables, schema, 1, "m")


class KnownCatalogue(Catalogue):
    """Knows from the start who answers and what is offered, and asks no daemon."""

    def refresh(self) -> None:
        """Nothing to learn."""


def create(model: GatedModel, monkeypatch: Any, *prompts: str) -> Any:
    """A server whose executions this model answers, with these starter prompts in its menu; and its backend."""
    made: list[Backend] = []

    class _Backend(Backend):
        async def prompt_runs(self) -> PromptRuns:
            if self._prompt_runs is None:
                self._prompt_runs = PromptRuns(self.log, self.status, self._loads)
                self._prompt_runs.executor = model
            return self._prompt_runs

        async def learn_prompts(self) -> Any:
            return self.catalogue

    def make(server: Any) -> Backend:
        backend = _Backend(server)
        catalogue = backend.catalogue = KnownCatalogue(backend.status, backend._loads)
        catalogue.actions = tuple(map(action, prompts))
        catalogue.models = dict.fromkeys((Role.REVIEW, Role.GENERATION, Role.COMPLETION), "m")
        made.append(backend)
        return backend

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "Backend", make)
        return assembly.create_server(), made[0]


@dataclass
class Buffer:
    """A document that is open."""

    uri: str
    text: str
    version: int = 1

    def become(self, text: str) -> None:
        self.text, self.version = text, self.version + 1


@dataclass
class Asked:
    """A request of the window's, and what it was about."""

    method: str
    params: Any
    text: str
    answers: list[Any] = field(default_factory=list)
    about: Any = None


class Window:
    """Keeps texts as an editor does, applies or refuses edits, and counts answers.

    Attributes:
        asked: every request, by its id.
        applied: of every edit that was applied, the text before and after.
        refused: how many edits came for another text.
        published: what was last published.
        diagnosed: every text that was diagnosed, and what was found.
        faults: what came that broke a promise.
    """

    def __init__(self, server: Any, on_the_way: float = ON_THE_WAY) -> None:
        self.server, self.on_the_way = server, on_the_way
        self.loop = asyncio.get_running_loop()
        server.protocol.writer = self
        self._framer = Framer()
        self._numbers = itertools.count(1)
        self._toward: deque[tuple[Callable[[], None], bytes]] = deque()
        self._from: deque[Any] = deque()
        self.buffers: dict[str, Buffer] = {}
        self.arrived: dict[str, dict[int, str]] = {}
        """By URI: the texts that the server was sent since it was opened, by their versions; the last is present."""
        self.asked: dict[int, Asked] = {}
        self.applied: list[tuple[str, str]] = []
        self.refused = 0
        self.published: dict[str, Any] = {}
        self.diagnosed: list[tuple[str, Any]] = []
        self.faults: list[Any] = []
        self.seen: Counter[str] = Counter()
        self.logged: list[str] = []

    def renew(self) -> None:
        """Remember nothing of what was asked and seen."""
        self.asked.clear()
        self.applied.clear()
        self.published.clear()
        self.diagnosed.clear()
        self.faults.clear()
        self.seen.clear()
        self.logged.clear()
        self.refused = 0

    # To the server

    def send(self, arrived: Callable[[], None] = lambda: None, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()

        self._toward.append((arrived, body))
        self.loop.call_later(self.on_the_way, self._deliver)

    def _deliver(self) -> None:
        arrived, body = self._toward.popleft()  # timers of one moment come in any order, messages do not
        arrived()
        self.server.protocol.receive(body)

    def notify(self, method: str, params: Any, arrived: Callable[[], None] = lambda: None) -> None:
        self.send(arrived, method=method, params=params)

    def request(self, method: str, params: Any, uri: str = "", about: Any = None) -> int:
        number = next(self._numbers)
        self.asked[number] = Asked(method, params, self.buffers[uri].text if uri else "", about=about)
        self.send(id=number, method=method, params=params)
        return number

    def cancel(self, number: int) -> None:
        self.notify("$/cancelRequest", {"id": number})

    def command(self, name: str, *arguments: Any, uri: str = "", about: Any = None) -> int:
        return self.request("workspace/executeCommand", {"command": name, "arguments": arguments}, uri, about)

    async def answer(self, number: int) -> Any:
        while not self.asked[number].answers:
            await asyncio.sleep(self.on_the_way)
        return self.asked[number].answers[0]

    async def initialize(self, **options: Any) -> Any:
        params = {"processId": None, "rootUri": None, "capabilities": CAPABILITIES, "initializationOptions": options}
        answer = await self.answer(self.request("initialize", params))
        self.notify("initialized", {})
        return answer["result"]

    def open(self, uri: str, text: str) -> None:
        self.buffers[uri] = Buffer(uri, text)
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item}, lambda: self.arrived.update({uri: {1: text}}))

    def close(self, uri: str) -> None:
        del self.buffers[uri]
        self.published.pop(uri, None)
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}}, lambda: self.arrived.pop(uri, None))

    def change(self, uri: str, start: int, end: int, new: str) -> None:
        """Replace what is between two offsets, as keystrokes do: by the range, in UTF-16."""
        buffer = self.buffers[uri]
        place = {"start": place_of(buffer.text, start), "end": place_of(buffer.text, end)}
        buffer.become(buffer.text[:start] + new + buffer.text[end:])
        self._changed(buffer, {"range": place, "text": new})

    def save(self, uri: str) -> None:
        self.notify("textDocument/didSave", {"textDocument": {"uri": uri}})

    def _changed(self, buffer: Buffer, change: Any) -> None:
        uri, version, text = buffer.uri, buffer.version, buffer.text
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
        self.notify("textDocument/didChange", params, lambda: self.arrived[uri].update({version: text}))

    # From the server

    def write(self, data: bytes) -> None:
        """Take what the server sends; it must fit what it had been sent until now."""
        for body in self._framer.feed(data):
            message = json.loads(body)
            self._check_when_sent(message)
            self._from.append(message)
            self.loop.call_later(self.on_the_way, self._take)

    def _check_when_sent(self, message: Any) -> None:
        for change in (edit_in(message) or {"documentChanges": ()})["documentChanges"]:
            named = change["textDocument"]
            if named["version"] != max(self.arrived[named["uri"]]):
                self.faults.append(("an edit for another version was sent", message))
        if message.get("result") and self.asked[message["id"]].method == "textDocument/inlineCompletion":
            asked = self.asked[message["id"]]
            texts = self.arrived[asked.params["textDocument"]["uri"]]
            if asked.text != texts[max(texts)]:
                self.faults.append(("what was proposed is for another text", message))
        if message.get("method") == "textDocument/publishDiagnostics" and "version" in message["params"]:
            params = message["params"]
            self.diagnosed.append((self.arrived[params["uri"]][params["version"]], params["diagnostics"]))

    def _take(self) -> None:
        message = self._from.popleft()
        if "method" not in message:
            self._take_answer(message)
            return
        self.seen[message["method"]] += 1
        match message["method"]:
            case "workspace/applyEdit":
                done = self.apply(message["params"]["edit"])
                self.send(id=message["id"], result={"applied": done})
            case "textDocument/publishDiagnostics":
                self._take_diagnostics(message["params"])
            case "window/showDocument":
                self.send(id=message["id"], result={"success": True})
            case "window/logMessage" | "window/showMessage":
                self.logged.append(message["params"]["message"])
            case _ if "id" in message:
                self.send(id=message["id"], result=None)

    def _take_answer(self, message: Any) -> None:
        asked = self.asked[message["id"]]
        asked.answers.append(message)
        if edit := edit_in(message):
            self.apply(edit)

    def _take_diagnostics(self, params: Any) -> None:
        buffer = self.buffers.get(params["uri"])
        if buffer and params.get("version", 0) <= buffer.version:
            self.published[params["uri"]] = params

    def apply(self, edit: Any) -> bool:
        """Apply an edit, unless a document has another version than it names."""
        changes = edit["documentChanges"]
        versions = [
            (self.buffers.get(each["textDocument"]["uri"]), each["textDocument"]["version"]) for each in changes
        ]
        if any(buffer is None or buffer.version != version for buffer, version in versions):
            self.refused += 1
            return False
        for change, (buffer, _) in zip(changes, versions, strict=True):
            before = buffer.text
            buffer.become(edited(before, change["edits"]))
            self.applied.append((before, buffer.text))
            self._changed(buffer, {"text": buffer.text})
        return True


def edit_in(message: Any) -> Any:
    """The edit that a message brings: a request to apply it, or an entry that was resolved."""
    if message.get("method") == "workspace/applyEdit":
        return message["params"]["edit"]
    return message["result"].get("edit") if isinstance(message.get("result"), dict) else None


def place_of(text: str, offset: int) -> dict[str, int]:
    """A place as the protocol has it, in UTF-16."""
    lines = _LINE_END.split(text[:offset])
    return {"line": len(lines) - 1, "character": _units(lines[-1])}


def offset_of(text: str, place: Mapping[str, int]) -> int:
    """The offset of a place; fails where it lies outside of the text, or inside of a character."""
    starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
    line, units = place["line"], place["character"]
    assert line < len(starts), (place, text)
    content = _LINE_END.split(text[starts[line] :], maxsplit=1)[0]
    assert units <= _units(content), (place, content)
    head = content.encode("utf-16-le")[: 2 * units].decode("utf-16-le")
    return starts[line] + len(head)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def edited(text: str, edits: list[Any]) -> str:
    """A text with edits that do not overlap."""
    spots = sorted(
        (offset_of(text, e["range"]["start"]), offset_of(text, e["range"]["end"]), e["newText"]) for e in edits
    )
    for start, end, new in reversed(spots):
        text = text[:start] + new + text[end:]
    return text


def is_in(text: str, place: Any) -> bool:
    """Whether a range lies in a text, from its start to its end."""
    return offset_of(text, place["start"]) <= offset_of(text, place["end"])
