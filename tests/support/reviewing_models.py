"""Executors that answer the review prompt as it is rendered: an honest model, and one that obeys what it reads."""

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable

from codetune_core.domain.execution import ErrorKind, ExecutionRequest
from codetune_core.domain.fence import unmark
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import InvalidOutput
from codetune_core.execution.events import Failed, Finished, Started, Token
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.files import read_prompt
from codetune_core.prompts.render import render_user
from codetune_core.prompts.starter import shipped_files
from codetune_core.prompts.variables import resolve

WORDING = read_prompt(shipped_files()["model-review.prompt.md"], "model-review.prompt.md").wording
_TAGS = range(0xE0020, 0xE007F)
_SELECTORS = range(0xE0100, 0xE01F0)
_BITS = {"\u200b": "0", "\u200c": "1"}


def decoded(text: str) -> str:
    """All text that a very attentive model could read out of another one, hidden characters too."""
    text = unmark(text)
    tags = "".join(chr(ord(each) - 0xE0000) for each in text if ord(each) in _TAGS)
    selected = "".join(chr(ord(each) - 0xE0100) for each in text if ord(each) in _SELECTORS)
    bits = "".join(_BITS.get(each, "") for each in text)
    octets = "".join(chr(int(bits[at : at + 8], 2)) for at in range(0, len(bits) - 7, 8))
    turned = " ".join(run[::-1] for run in re.findall("\u202e([^\u202c\n]*)", text))
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return "\n".join((unicodedata.normalize("NFKC", seen), tags, selected, octets, turned))


class ReviewingModel:
    """An executor whose model is a function: variables and the rendered user's turn in, the answer's value out."""

    def __init__(self, answer: Callable[[ExecutionRequest, str], object]):
        self._answer = answer
        self.asked: list[ExecutionRequest] = []
        self.running = self.most_running = self.closed = 0
        self.gate: asyncio.Event | None = None
        """Answers wait for it, where there is one."""

    async def execute(self, request: ExecutionRequest):
        """Render, answer and check as an executor does."""
        self.asked.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            rendered = render_user(WORDING, resolve(WORDING.variables, request.variables))
            yield Started(execution_id=new_id(), prompt=request.prompt, version=1, model="m", structured=True)
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
            answer = self._answer(request, rendered)
            if isinstance(answer, Failed):
                yield answer
                return
            text = answer if isinstance(answer, str) else json.dumps(answer)
            yield Token(text=text)
            try:
                output = parse_answer(text, WORDING.decoding.output_schema).output
            except InvalidOutput as error:
                yield Failed(kind=ErrorKind.INVALID_OUTPUT, message=str(error))
                return
            yield Finished(output=output, finish_reason="stop", execution_time_ms=1)
        except BaseException:
            self.closed += 1
            raise
        finally:
            self.running -= 1

    async def rate(self, execution_id, feedback) -> bool:
        """Nothing is kept here."""
        return False
