"""From CodeTune's values to the protocol's, in the units that the client counts columns in."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Severity, Standing, Step, Verdict
from codetune_core.domain.fix import Applicability, Fix
from codetune_core.domain.text import Edit, Encoding, Position, Range, to_units, without_end
from codetune_server.client import Client
from codetune_server.explain import cwe_page
from codetune_server.offers import Deed, Offer
from codetune_server.subject import Subject

SOURCE = "codetune"
"""What CodeTune's diagnostics name as their source."""
_SEVERITIES = {
    Severity.CRITICAL: types.DiagnosticSeverity.Error,
    Severity.HIGH: types.DiagnosticSeverity.Error,
    Severity.MEDIUM: types.DiagnosticSeverity.Warning,
    Severity.LOW: types.DiagnosticSeverity.Information,
    Severity.INFO: types.DiagnosticSeverity.Hint,
}
_TAGS = {477: types.DiagnosticTag.Deprecated, 561: types.DiagnosticTag.Unnecessary}
"""By weakness: use of an obsolete function, dead code."""
_RISKY = "codetune.risky"
_STALE = "(As of the last text that parsed; the present one does not.)"


def position(document: Document, place: Position, encoding: Encoding) -> types.Position:
    """A place in a document; one beyond the text means its end."""
    if place.line >= len(document.lines):
        last = len(document.lines) - 1
        place = Position(last, len(document.lines[last]))
    content = without_end(document.lines[place.line])
    return types.Position(place.line, to_units(content, place.column, encoding))


def range_(document: Document, place: Range, encoding: Encoding) -> types.Range:
    """A range of a document."""
    return types.Range(position(document, place.start, encoding), position(document, place.end, encoding))


def text_edit(document: Document, edit: Edit, encoding: Encoding) -> types.TextEdit:
    """An edit of a document."""
    return types.TextEdit(range_(document, edit.range, encoding), edit.new_text)


def diagnostics(
    subject: Subject, part: Document, findings: Iterable[Finding], client: Client, encoding: Encoding
) -> list[types.Diagnostic]:
    """What was found in one of the editor's documents of a text."""
    here = subject.of(part, tuple(findings))
    return [_diagnostic(subject, part, finding, client, encoding) for finding in here]


def _diagnostic(
    subject: Subject, part: Document, finding: Finding, client: Client, encoding: Encoding
) -> types.Diagnostic:
    page = cwe_page(finding)
    place = subject.locate(finding.range)
    fixes = [fix.label for fix in finding.fixes]
    evidence = dict.fromkeys((*finding.evidence, *(finding.verdict.evidence if finding.verdict else ())))
    return types.Diagnostic(
        range=range_(part, place[1] if place else finding.range, encoding),
        message=_message(finding),
        severity=_severity(finding),
        code=finding.rule.id,
        code_description=types.CodeDescription(page) if page and client.code_descriptions else None,
        source=SOURCE,
        tags=_tags(finding, client),
        related_information=_related(subject, evidence, encoding) if client.related_information else None,
        data={"id": finding.id, "uri": part.uri, "version": part.version, "fixes": fixes, **_verdict(finding.verdict)},
    )


def _message(finding: Finding) -> str:
    """The finding's message, and what a model says of it: one line of plain text."""
    parts = [finding.message, said_of(finding.verdict) if finding.verdict else "", _STALE if finding.stale else ""]
    return " ".join(part for part in parts if part)


def _severity(finding: Finding) -> types.DiagnosticSeverity:
    """How it is shown; what a model refutes stays, but out of the way."""
    own = _SEVERITIES[finding.severity]
    if finding.verdict and finding.verdict.standing is Standing.DOUBTFUL:
        return max(own, types.DiagnosticSeverity.Information, key=int)
    return own


def said_of(verdict: Verdict) -> str:
    """What a model says of a finding, in plain text."""
    who = verdict.model or "a model"
    match verdict.standing:
        case Standing.NEW:
            return f"(found by {who})"
        case Standing.CONFIRMED:
            return f"(confirmed by {who}: {verdict.reason})"
        case Standing.DOUBTFUL:
            return f"(doubted by {who}: {verdict.reason})"


def _verdict(verdict: Verdict | None) -> dict[str, object]:
    """What clients may show of it in ways of their own, and by which execution it can be rated."""
    if verdict is None:
        return {}
    said = {"standing": verdict.standing.value, "reason": verdict.reason, "model": verdict.model}
    return {"verdict": {**said, "executionId": verdict.execution_id}}


def _tags(finding: Finding, client: Client) -> list[types.DiagnosticTag] | None:
    tags = [_TAGS[number] for number in finding.rule.cwe if number in _TAGS]
    return [tag for tag in tags if tag in client.tags] or None


def _related(
    subject: Subject, evidence: Iterable[Step], encoding: Encoding
) -> list[types.DiagnosticRelatedInformation] | None:
    places = ((step, _location(subject, step, encoding)) for step in evidence)
    return [types.DiagnosticRelatedInformation(at, step.message) for step, at in places if at] or None


def _location(subject: Subject, step: Step, encoding: Encoding) -> types.Location | None:
    if step.uri:  # that file's text is not at hand: its columns are given as code points
        start, end = step.range.start, step.range.end
        place = types.Range(types.Position(start.line, start.column), types.Position(end.line, end.column))
        return types.Location(step.uri, place)
    found = subject.locate(step.range)
    return types.Location(found[0].uri, range_(*found, encoding)) if found else None


def risk_of(fix: Fix) -> str:
    """What a person should know before a fix is applied, empty where it keeps the meaning."""
    return "" if fix.applicability is Applicability.SAFE else fix.note or "May change behaviour."


def code_action(offer: Offer, diagnostics: list[types.Diagnostic] | None, client: Client) -> types.CodeAction:
    """An entry of the menu, without edit and command."""
    return types.CodeAction(
        title=offer.title,
        kind=offer.kind,
        diagnostics=diagnostics,
        is_preferred=True if offer.preferred and client.preferred_actions else None,
        tags=_by_model(client) if offer.wanted.deed is Deed.MEND else None,
        data=asdict(offer.wanted),
    )


def entry(
    command: types.Command, kind: str, client: Client, *, by_model: bool = False
) -> types.CodeAction | types.Command:
    """An entry of the menu that runs a command, as the editor knows it; ``by_model`` where a model is asked."""
    if not client.action_literals:
        return command
    return types.CodeAction(command.title, kind=kind, command=command, tags=_by_model(client) if by_model else None)


def _by_model(client: Client) -> list[types.CodeActionTag] | None:
    return [types.CodeActionTag.LlmGenerated] if client.model_actions else None


def command(offer: Offer) -> types.Command:
    """An entry of the menu for an editor that knows commands only, or cannot add an edit later."""
    wanted = offer.wanted
    match wanted.deed:
        case Deed.EXPLAIN:
            return types.Command(offer.title, "codetune.explain", arguments=[wanted.uri, wanted.finding])
        case Deed.ACCEPT:
            arguments = [wanted.uri, wanted.finding, *([wanted.reason] if wanted.reason else [])]
            return types.Command(offer.title, "codetune.acceptInBaseline", arguments=arguments)
        case Deed.MEND:
            of = wanted.uri, wanted.version, wanted.finding
            return types.Command(offer.title, "codetune.fixWithModel", arguments=list[Any](of))
        case _:
            return types.Command(offer.title, "codetune.apply", arguments=[asdict(wanted)])


def workspace_edit(
    spread: Iterable[tuple[Document, list[Edit]]],
    client: Client,
    encoding: Encoding,
    risk: str = "",
    label: str = "CodeTune: may change behaviour",
) -> types.WorkspaceEdit:
    """Edits of documents, for their versions where the editor understands that; a risk asks for confirmation."""
    if not client.document_changes:
        plain = {document.uri: [text_edit(document, edit, encoding) for edit in edits] for document, edits in spread}
        return types.WorkspaceEdit(changes=plain)
    ask = bool(risk) and client.change_annotations
    changes = [_versioned(document, edits, encoding, ask=ask) for document, edits in spread]
    annotation = types.ChangeAnnotation(label, needs_confirmation=True, description=risk)
    return types.WorkspaceEdit(document_changes=changes, change_annotations={_RISKY: annotation} if ask else None)


def _versioned(document: Document, edits: Iterable[Edit], encoding: Encoding, *, ask: bool) -> types.TextDocumentEdit:
    where = types.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    plain = [text_edit(document, edit, encoding) for edit in edits]
    return types.TextDocumentEdit(
        where, [types.AnnotatedTextEdit(_RISKY, edit.range, edit.new_text) for edit in plain] if ask else plain
    )
