"""One execution from request to record, on the scripted engine and a real database."""

import pytest
from running import SAYS, TOKENS, running, text, types


async def test_events_come_in_their_order_and_the_answer_token_by_token(database):
    async with running(database) as core:
        events = await core.run()
        assert types(events) == ["started", *["token"] * 5, "usage", "finished"]
        assert [event.text for event in events if event.type == "token"] == TOKENS
        assert events[-1].output == SAYS
        assert (events[0].prompt, events[0].version, events[0].model) == ("explain", 1, "tiny")
