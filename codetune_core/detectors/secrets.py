"""Finds credentials written in the text of any language, in process and without a network."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from codetune_core.detectors.protocol import Detection, Pace
from codetune_core.detectors.rule_pack import finding_of, load_rules
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding
from codetune_core.domain.text import Range, without_end
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.detectors.secret_matches import Match

_UNQUOTED = frozenset(("yaml", "toml", "ini", "dotenv", "properties"))
_LONGEST_LINE = 5_000
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:(?:RSA|DSA|EC|OPENSSH|PGP|SSH2 ENCRYPTED) )?PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"(?:\\r|\\n|[\s\"'#*+,|>(]|\bb(?=[\"']))*(?:[A-Za-z0-9+/]{16}|Proc-Type:|Version:|Comment:)")
_PLAIN = re.compile(r"EXAMPLE|example|(.)\1{7}")


class SecretsDetector:
    """Known tokens, private keys, passwords and random strings, by the plugins of detect-secrets.

    Test files, lock files, translations and minified files are searched only for tokens whose prefix says who issued
    them. Lines of more than 5,000 characters are passed over. A message never holds the secret.
    """

    name = "secrets"
    pace = Pace.LIVE

    def __init__(self, _settings: Settings) -> None:
        pass

    def handles(self, document: Document) -> bool:  # noqa: ARG002 - a secret can stand in any text
        return True

    async def detect(self, document: Document) -> Detection:
        return Detection(tuple(await asyncio.to_thread(lambda: list(_findings(document)))))

    async def aclose(self) -> None:
        pass

    def describe(self) -> str:
        return f"detect-secrets {version('detect-secrets')}, in process, no network"


def _findings(document: Document) -> Iterator[Finding]:
    # detect-secrets imports requests: a quarter of a second that the language server's own process does not spend.
    from codetune_core.detectors.secret_filters import is_quiet_file  # noqa: PLC0415
    from codetune_core.detectors.secret_matches import matches  # noqa: PLC0415

    quiet = is_quiet_file(PurePosixPath(unquote(urlsplit(document.uri).path)))
    unquoted = document.language in _UNQUOTED
    for number, line in enumerate(document.lines):
        content = without_end(line)
        if len(content) > _LONGEST_LINE:
            continue
        if not quiet and "PRIVATE KEY" in content:
            yield from _private_keys(document, number, content)
        for match in matches(content, unquoted=unquoted):
            if match.issued or not quiet:
                yield _finding(document, number, match, in_test=quiet)


def _finding(document: Document, number: int, match: "Match", *, in_test: bool) -> Finding:
    place = Range.of(number, match.start, number, match.end)
    finding = finding_of(load_rules("secrets")[match.rule], document, place, SecretsDetector.name)
    return replace(finding, confidence=Confidence.MEDIUM) if in_test else finding


def _private_keys(document: Document, number: int, content: str) -> Iterator[Finding]:
    for match in _PRIVATE_KEY.finditer(content):
        following = "".join([content[match.end() :], "\n", *document.lines[number + 1 : number + 2]])
        body = _KEY_BODY.match(following)
        if body and not _PLAIN.search(following[: body.end()]):
            place = Range.of(number, match.start(), number, match.end())
            yield finding_of(load_rules("secrets")["secret-private-key"], document, place, SecretsDetector.name)
