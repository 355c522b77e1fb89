"""What an editor says of its settings, and which of it may come with a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """Settings as the editor says them, the later one wins.

    Attributes:
        own: said when it started the server, by the user's own configuration.
        told: said later. Editors mix files of the workspace into it (``.vscode/settings.json``, ``.dir-locals.el``).
    """

    own: tuple[Mapping[str, Any], ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
