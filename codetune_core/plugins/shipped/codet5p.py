"""CodeT5+: code and comments by a model that knows no instructions, only source code and how it goes on."""

from codetune_core.errors import InvalidInput
from codetune_core.plugins.api import SAMPLING, Answer, CodeGenPlugin, Request, Sampling, sampling
from codetune_core.plugins.metadata import ToolMetadata

_COMMENTS = {
    "python": "#", "ruby": "#", "shellscript": "#", "javascript": "//", "typescript": "//", "java": "//", "go": "//",
    "c": "//", "cpp": "//", "csharp": "//", "php": "//", "rust": "//",
}  # fmt: skip
"""Language -> how a comment begins. CodeT5+ was trained on nine of them; the rest is close to one of those."""
_OPTIONS = ("language", *SAMPLING)


class CodeT5Plus(CodeGenPlugin):
    """Code by CodeT5+: what is asked for is written as the comment or the docstring that stands before it.

    Arguments of all tasks: ``language``, ``model`` (codet5p-16b, codet5p-770m, codet5p-220m), ``max_tokens``,
    ``temperature``, ``seed``; of generate also ``signature``, of complete also ``suffix``.
    """

    METADATA = ToolMetadata(
        name="codet5p",
        description="Writes, continues, summarizes and tests code with CodeT5+.",
        version="1.0",
        author="The CodeTune maintainers",
        tags=("generation", "completion"),
        tasks=("generate", "complete", "summarize", "tests"),
        capabilities=("model",),
        model="codet5p-16b",
    )

    def generate(self, request: Request) -> Answer:
        """Return code for a description; with a ``signature``, that function."""
        request.expect("signature", *_OPTIONS)
        comment, signature = _comment(request), request.option("signature", "").strip()
        if not signature:
            return self._continue(request, f"{_commented(request.text, comment)}\n", stop=())
        if comment == "#" and request.option("language", "python") == "python":
            lead = f'{signature.removesuffix(":")}:\n    """{_quotable(request.text)}"""\n'
        else:
            lead = f"{_commented(request.text, comment)}\n{signature}"
        return self._continue(request, lead, stop=("\n\n\n",), kept=lead)

    def complete(self, request: Request) -> Answer:
        """Return what follows a code; with a ``suffix``, what stands between the two."""
        request.expect("suffix", *_OPTIONS)
        suffix = request.option("suffix", "")
        return self.engine.complete(request.text, suffix, **_sampling(request, 128), on_piece=self.show)

    def summarize(self, request: Request) -> Answer:
        """Return one sentence on a code, as the comment that follows it."""
        request.expect(*_OPTIONS)
        comment = _comment(request)
        lead = f"{request.text.rstrip()}\n\n{comment} In one sentence, the code above"
        return self._continue(request, lead, stop=("\n",), kept="The code above", usual=64)

    def tests(self, request: Request) -> Answer:
        """Return tests of a code, as what follows it in a file."""
        request.expect(*_OPTIONS)
        comment = _comment(request)
        opening = "def test_" if comment == "#" and request.option("language", "python") == "python" else ""
        lead = f"{request.text.rstrip()}\n\n\n{comment} Tests of the code above.\n{opening}"
        return self._continue(request, lead, stop=("\nif __name__",), kept=opening)

    def _continue(
        self, request: Request, lead: str, *, stop: tuple[str, ...], kept: str = "", usual: int = 512
    ) -> Answer:
        """Ask for what follows ``lead``; ``kept`` stands before it in the answer."""
        unshown = kept

        def show(piece: str) -> None:
            nonlocal unshown
            self.show(unshown + piece)
            unshown = ""

        said = self.engine.generate(lead, **_sampling(request, usual), stop=stop, on_piece=show)
        return Answer(kept + said.text, said.usage, said.model, said.finish_reason)


def _sampling(request: Request, max_tokens: int) -> Sampling:
    return sampling(request, model=CodeT5Plus.METADATA.model, max_tokens=max_tokens)


def _comment(request: Request) -> str:
    language = request.option("language", "python").lower()
    if language not in _COMMENTS:
        raise InvalidInput(f"CodeT5+ knows no {language!r}; it knows {', '.join(_COMMENTS)}")
    return _COMMENTS[language]


def _commented(text: str, comment: str) -> str:
    return "\n".join(f"{comment} {each}".rstrip() for each in text.strip().splitlines())


def _quotable(text: str) -> str:
    """Return a text that cannot end the docstring around it."""
    escaped = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"').replace("\n", "\n    ")
    return f'{escaped[:-1]}\\"' if escaped.endswith('"') and not escaped.endswith('\\"') else escaped
