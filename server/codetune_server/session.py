"""What the server knows of one editor: its abilities, roots, open documents, and what was found in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import unquote

from codetune_core.domain.document import Document
from codetune_core.domain.review import TIMED_OUT, Notice, Review
from codetune_server.client import Client
from codetune_server.documents import Documents
from codetune_server.folders import Folder, Folders
from codetune_server.follow import follow
from codetune_server.notebooks import Notebooks
from codetune_server.subject import Subject

_LOUD = ("crashed:", TIMED_OUT, "failed:", "broken:", "unknown:", "wrong:", "unreadable:", "only-forbids:", "baseline:")
"""Kinds of notices that are worth interrupting somebody."""


class Voice(Protocol):
    """Says something to the person at the editor."""

    def warn(self, text: str) -> None:
        """Where it is seen."""
        ...

    def log(self, text: str) -> None:
        """Where it can be looked up."""
        ...

    def refused(self, folder: Folder, notices: Sequence[Notice], /) -> None:
        """Something that a workspace sets is not used, because nobody has trusted it; said once for each."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """The last review of a text, and the text it was about.

    Attributes:
        slow: ids of what only the slow detectors found.
        thorough: every detector has answered about this very text.
    """

    subject: Subject
    review: Review
    slow: frozenset[str] = frozenset()
    thorough: bool = False


@dataclass(slots=True)
class Session:
    """One editor window's."""

    voice: Voice
    documents: Documents
    notebooks: Notebooks
    client: Client = field(default_factory=Client)
    folders: Folders = field(default_factory=Folders)
    editor_options: Mapping[str, Any] = field(default_factory=dict)
    """What the editor said when it started the server: the user's own."""
    told_options: Mapping[str, Any] = field(default_factory=dict)
    """What it said later, which may come with a workspace."""
    opened: dict[str, Document] = field(default_factory=dict)
    """By key: the text of what is open, as it was when it was opened."""
    shown: dict[str, dict[str, str]] = field(default_factory=dict)
    """By key and URI of an editor's document: fingerprint of the diagnostics that the editor has of it."""
    _states: dict[str, State] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Keys of what the person was told that it is not used for want of trust."""
    _told: set[str] = field(default_factory=set)

    def key(self, uri: str) -> str:
        """Under what a document is reviewed: its notebook's URI for a cell, its own for any other."""
        return self.notebooks.containing(uri) or uri

    def subject(self, uri: str) -> Subject | None:
        """The present text that a URI stands for; None where it is not open or not known."""
        if notebook := self.notebooks.notebook(self.key(uri)):
            return Subject(notebook.document, notebook)
        document = self.documents.snapshot(uri)
        return Subject(document) if document else None

    def keys(self) -> list[str]:
        """Everything that is open, as ``key`` names it."""
        return list(dict.fromkeys(self.key(uri) for uri in self.documents))

    def keep(self, state: State) -> None:
        """Remember a review."""
        self._states[unquote(state.subject.document.uri)] = state

    def forget(self, key: str) -> State | None:
        """Forget the review of what is reviewed under a key."""
        return self._states.pop(unquote(key), None)

    def state(self, uri: str) -> State | None:
        """The last review, of whatever version."""
        return self._states.get(unquote(self.key(uri)))

    def current(self, uri: str) -> State | None:
        """What is known of the present text: the last review, its findings followed to where their lines are now."""
        state, subject = self.state(uri), self.subject(uri)
        if state is None or subject is None or state.subject.document is subject.document:
            return state if subject else None
        old, new = state.subject.document, subject.document
        findings = follow(state.review.findings, old, new)
        review = replace(state.review, version=new.version, findings=findings)
        return State(subject, review, state.slow)

    def tell(self, notice: Notice) -> None:
        """Say something once."""
        if notice.key in self._told:
            return
        self._told.add(notice.key)
        if notice.key.startswith(_LOUD):
            self.voice.warn(notice.text)
        else:
            self.voice.log(notice.text)

    def untell(self, kinds: tuple[str, ...]) -> None:
        """Forget that notices of these kinds were said."""
        self._told = {key for key in self._told if not key.startswith(kinds)}
