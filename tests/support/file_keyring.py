"""A keyring in a file, in place of the system's."""

import json
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Keeps what it is given; ``locked`` makes it refuse to be read."""

    priority = 1

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.locked = False

    def held(self) -> dict[str, str]:
        """All keys, by service and name."""
        if self.locked:
            raise KeyringLocked("the keyring is locked")
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self.path.write_text(json.dumps({**self.held(), f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        held = self.held()
        if held.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError("there is none")
        self.path.write_text(json.dumps(held))
