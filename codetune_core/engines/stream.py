"""One generation from an engine, within its time, to its proper end."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from codetune_core.engines.protocol import Done, Engine, Generation
from codetune_core.errors import EngineLost, EngineTimeout


async def stream(engine: Engine, generation: Generation, seconds: float, push: Callable[[str], None]) -> Done:
    """Hand on each piece of an answer, and return its end; the engine's stream is closed however this ends.

    Raises what the engine raises, EngineTimeout after ``seconds``, and EngineLost where it stops without an end.
    """
    done = None
    try:
        async with asyncio.timeout(seconds), aclosing(engine.generate(generation)) as items:
            async for item in items:
                if isinstance(item, Done):
                    done = item
                else:
                    push(item.text)
    except TimeoutError as error:
        raise EngineTimeout(f"there was no answer within {seconds:g} seconds (engine.timeout_seconds)") from error
    if done is None:
        raise EngineLost("the engine hung up before its answer was complete")
    return done
