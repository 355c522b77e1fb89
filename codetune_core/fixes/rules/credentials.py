"""Fixes for passwords and keys that stand in the code: read from the environment instead."""

import re
from collections.abc import Iterator

import libcst as cst

from codetune_core.domain.fix import Applicability
from codetune_core.fixes.registry import Proposal, fixes
from codetune_core.fixes.site import Site

_SECRETS = (
    "anthropic-key", "artifactory-token", "aws-key", "azure-storage-key", "bearer-token", "credential",
    "codetune-key", "digitalocean-token", "discord-token", "github-token", "gitlab-token", "google-key", "high-entropy",
    "hugging-face-token", "ibm-cloud-key", "jwt", "mailchimp-key", "npm-token", "openai-key", "password", "private-key",
    "pypi-token", "sendgrid-key", "slack-token", "square-token", "stripe-key", "telegram-token", "twilio-key",
    "url-credentials",
)  # fmt: skip
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_REVOKE = (
    "Whoever has read this file, or any old version of it, knows the value: **revoke it and make a new one**; to take "
    "it out of the code is not enough."
)


@fixes("S105", "S106", "S107", *(f"secret-{name}" for name in _SECRETS))
def hard_coded(site: Site) -> Iterator[Proposal]:
    """``PASSWORD = "..."`` at module level -> ``os.environ["PASSWORD"]``; anywhere else only advice."""
    text = site.nearest(cst.ConcatenatedString) or site.nearest(cst.SimpleString)
    name = _variable(site, text) if text else ""
    environ = site.imports.reference("os", "environ")
    if text is None or not name or environ is None:
        yield Proposal("read it from the environment", Applicability.DISPLAY_ONLY, note=_advice(name))
        return
    note = f"{_REVOKE} Set `{name}` where the program runs; without it the program ends at once with a `KeyError`."
    edits = (site.replace(text, f'{environ.code}["{name}"]'),)
    title = f"read it from the environment variable {name}"
    yield Proposal(title, Applicability.UNSAFE, edits, (environ,), note)


def _advice(name: str) -> str:
    variable = name or "SERVICE_PASSWORD"
    return (
        f'{_REVOKE} Then keep it out of the code: `os.environ["{variable}"]`, a secret store, or a settings file that '
        "is not in the repository. A parameter is better without a default."
    )


def _variable(site: Site, text: cst.BaseExpression) -> str:
    """Name of the environment variable after what a module-level statement assigns to; empty elsewhere."""
    statement = site.parent(text)
    line = site.parent(statement) if isinstance(statement, cst.Assign | cst.AnnAssign) else None
    if line is None or not isinstance(site.parent(line), cst.Module):
        return ""
    match statement:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]) | cst.AnnAssign(target=target):
            return _upper(_named(target))
        case _:
            return ""


def _named(target: cst.BaseExpression) -> str:
    """The last name of a target: of a variable, an attribute, or a key that is a text."""
    match target:
        case cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name)):
            return name
        case cst.Subscript(slice=[cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key))]):
            return str(key.evaluated_value)
        case _:
            return ""


def _upper(name: str) -> str:
    """``dbPassword`` -> ``DB_PASSWORD``."""
    words = [word for word in _WORDS.split(name) if word]
    return "_".join(words).upper() if words and not words[0][0].isdigit() else ""
