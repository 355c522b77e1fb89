"""How a Space's own service is asked, besides the Hub about it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said: ``status`` is 0 where nobody answered, and ``problem`` why then."""

    status: int
    content: dict[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Space's service is."""

    url: str
    token: str

    @property
    def host(self) -> str:
        """The name that a request to it has in ``Host``."""
        return urlsplit(self.url).netloc

    def ask(self, path: str) -> Answer:
        """Ask for JSON, once; never raises for what the network or the service does."""
        from httpx2 import HTTPError  # noqa: PLC0415 - `--help` does not wait for it
        from huggingface_hub import get_session  # noqa: PLC0415

        try:
            # A private Space wants the token; the key of the service is another, and these paths need none.
            answer = get_session().get(
                f"{self.url}{path}", headers={"Authorization": f"Bearer {self.token}"}, timeout=_SECONDS
            )
        except HTTPError as error:
            return Answer(0, {}, str(error) or type(error).__name__)
        try:
            content = answer.json()
        except ValueError:
            content = None
        return Answer(answer.status_code, content if isinstance(content, dict) else {})


def find_place(hub: "HfApi", space: str) -> Place:
    """Ask the Hub where a Space is reached."""
    found = hub.space_info(space)
    return Place((found.host or f"https://{found.subdomain or usual_host(space)}").rstrip("/"), str(hub.token or ""))


def usual_host(space: str) -> str:
    """Return the name that a Space has where its name is short: the Hub knows it better once it is there."""
    return f"{re.sub('[^a-z0-9]+', '-', space.lower()).strip('-')}.hf.space"
