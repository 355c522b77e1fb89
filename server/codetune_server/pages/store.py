"""The pages that editors read from the server, under ``codetune:``."""

import re
from itertools import count

SCHEME = "codetune"
_KEPT = 32
_GONE = "_This page is gone with the server that made it. Ask again._\n"


class Pages:
    """The newest pages, by URI."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._numbers = count(1)

    def add(self, name: str) -> str:
        """Make room for a page; its URI."""
        uri = f"{SCHEME}:/{next(self._numbers)}/{file_name(name)}.md"
        self._texts[uri] = ""
        if len(self._texts) > _KEPT:
            del self._texts[next(iter(self._texts))]
        return uri

    def write(self, uri: str, markdown: str) -> None:
        """Let a page say something else, where it is still kept."""
        if uri in self._texts:
            self._texts[uri] = f"{markdown}\n"

    def read(self, uri: str) -> str:
        """Return a page; one that is not kept says so."""
        return self._texts.get(uri, _GONE)


def file_name(name: str) -> str:
    """Return a name with nothing but letters, digits and dashes of ASCII."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80] or "page"
