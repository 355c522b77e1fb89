"""What is behind one editor's connection ends with it, whatever goes wrong."""

import logging

from codetune_server.backend import Backend
from codetune_server.language_server import CodeTuneServer


async def test_what_cannot_be_ended_keeps_nothing_else_from_being_ended(monkeypatch, caplog):
    ended, backend = [], Backend(CodeTuneServer())

    async def broken():
        raise LookupError("no such thing")

    async def end():
        ended.append("loads")

    monkeypatch.setattr(backend.scheduler, "aclose", broken)
    monkeypatch.setattr(backend._loads, "aclose", end)
    with caplog.at_level(logging.WARNING):
        await backend.aclose()
    assert ended == ["loads"]
    assert "clean-up failed: LookupError" in caplog.text


async def test_everybody_who_asks_for_a_part_gets_the_same():
    backend = Backend(CodeTuneServer())
    try:
        assert await backend.workspace() is await backend.workspace()
        assert await backend.prompt_runs() is await backend.prompt_runs()
        assert await backend.judge() is await backend.judge() is backend.judging
    finally:
        await backend.aclose()
