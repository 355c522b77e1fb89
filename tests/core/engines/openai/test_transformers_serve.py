"""The engine ``openai`` and a real server that others wrote: ``transformers serve`` with the small model."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from codetune_core.domain.execution import Message
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.engines.protocol import Chunk, Done, Generation, Infill
from codetune_core.errors import EngineUnusable
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

pytestmark = pytest.mark.slow
FIXTURE = Path(__file__).parents[3] / "fixtures" / "tiny-code-model"
NAME = "local/tiny-code-model"
REVISION = "0" * 40


@pytest.fixture(scope="module")
def base_url(tmp_path_factory):
    """Address of a server that has the small model in its cache."""
    home = tmp_path_factory.mktemp("huggingface")
    repository = home / "hub" / f"models--{NAME.replace('/', '--')}"
    shutil.copytree(FIXTURE, repository / "snapshots" / REVISION)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    port = _free_port()
    command = [str(Path(sys.executable).parent / "transformers"), "serve", "--device", "cpu", "--port", str(port)]
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    log = (home / "log").open("wb")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        _await(f"http://localhost:{port}/health", server, home / "log")
        yield f"http://localhost:{port}/v1"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _await(url: str, server: subprocess.Popen, log: Path) -> None:
    while server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(log.read_text())


@asynccontextmanager
async def running(base_url: str):
    engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=base_url), Settings())
    try:
        yield engine
    finally:
        await engine.aclose()


async def question(engine: OpenAIEngine, **changed: object) -> Generation:
    words = (Message("system", "Write Python."), Message("user", "def add(a, b):"))
    return replace(Generation(await engine.model(""), words, 0, 24, Decoding()), **changed)


async def answer(engine: OpenAIEngine, asked: Generation) -> tuple[list[Chunk], Done]:
    async with aclosing(engine.generate(asked)) as stream:
        *chunks, done = [item async for item in stream]
    return chunks, done


async def test_its_model_is_found_and_streams_and_counts(base_url):
    async with running(base_url) as engine:
        asked = await question(engine)
        chunks, done = await answer(engine, asked)
        again, _ = await answer(engine, asked)
        prompt = "".join(message.content for message in asked.messages)
        bound = engine.count_tokens(asked.model, prompt)
    assert asked.model.name == NAME
    assert len(chunks) > 3
    assert chunks == again
    assert (done.usage.completion_tokens, done.finish_reason) == (24, "length")
    assert 0 < done.usage.prompt_tokens <= bound + 16  # the chat template's own


async def test_it_stops_where_it_was_told_to(base_url):
    async with running(base_url) as engine:
        whole, _ = await answer(engine, await question(engine))
        text = "".join(chunk.text for chunk in whole)
        stop = text[5:8]
        cut, done = await answer(engine, await question(engine, decoding=Decoding(stop=(stop,))))
    assert done.finish_reason == "stop"
    assert len("".join(chunk.text for chunk in cut)) < len(text)


async def test_that_it_ignores_a_schema_is_noticed(base_url):
    schema = {"type": "object", "properties": {"line": {"type": "integer"}}, "required": ["line"]}
    async with running(base_url) as engine:
        free, _ = await answer(engine, await question(engine))
        constrained, _ = await answer(engine, await question(engine, output_schema=schema))
    assert constrained == free


async def test_it_continues_a_prefix(base_url):
    async with running(base_url) as engine:
        infill = Infill("import os\n\n\ndef read(path):\n    ")
        chunks, done = await answer(engine, await question(engine, messages=(), infill=infill))
    assert chunks
    assert done.usage.completion_tokens > 0


async def test_leaving_an_answer_frees_it_for_the_next(base_url):
    async with running(base_url) as engine:
        for _ in range(5):
            async with aclosing(engine.generate(await question(engine, max_tokens=1500))) as stream:
                assert isinstance(await anext(stream), Chunk)
        async with asyncio.timeout(60):
            await answer(engine, await question(engine))


async def test_a_model_that_it_does_not_have_is_said(base_url):
    async with running(base_url) as engine:
        asked = await question(engine)
        with pytest.raises(EngineUnusable, match=f"has no model no/such; it has {NAME}"):
            await answer(engine, replace(asked, model=replace(asked.model, name="no/such")))
