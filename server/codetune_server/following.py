"""Lets an editor follow an answer while it is written: by its length, and by its text where it asked for that."""

from lsprotocol import types

from codetune_server.commands import partial_result_token
from codetune_server.language_server import CodeTuneServer
from codetune_server.progress import Progress


class Followed:
    """A listener to the running command's answer: its length goes into the progress, its text under the client's token.

    The token is the command's ``partialResultToken``, and each ``$/progress`` has what is new: ``{"text": ...}``, with
    ``"again": true`` where what was sent before is void.
    """

    def __init__(self, server: CodeTuneServer, progress: Progress) -> None:
        self._server = server
        self._progress = progress
        self._token = partial_result_token()
        self._sent = ""

    def told(self, text: str) -> None:
        """Show how far the answer is."""
        self._progress.report(text)

    def grown(self, output: str) -> None:
        """Send what is new of the answer."""
        if self._token is None or output == self._sent:
            return
        goes_on = output.startswith(self._sent)
        value = {"text": output[len(self._sent) :]} if goes_on else {"text": output, "again": True}
        self._sent = output
        self._server.progress(types.ProgressParams(token=self._token, value=value))
