"""Which embedder and reranker the settings name."""

import pytest

from codetune_core.engines.embedding_registry import build_embedder, build_reranker
from codetune_core.engines.huggingface.embedding import HuggingFaceEmbedder, HuggingFaceReranker
from codetune_core.engines.openai.embedder import OpenAIEmbedder
from codetune_core.engines.openai.reranker import OpenAIReranker
from codetune_core.engines.transformers.embedder import LocalEmbedder, LocalReranker
from codetune_core.errors import SettingsError
from codetune_core.settings import Settings

BOX = {"box": {"name": "openai", "base_url": "http://127.0.0.1:9/v1"}}


@pytest.mark.parametrize(
    ("engine", "engines", "embedder", "reranker"),
    [
        ({"name": "transformers"}, {}, LocalEmbedder, LocalReranker),
        ({"name": "auto"}, {}, LocalEmbedder, LocalReranker),
        ({"name": "anthropic"}, {}, LocalEmbedder, LocalReranker),
        ({"name": "openai", "base_url": "http://127.0.0.1:9/v1"}, {}, OpenAIEmbedder, OpenAIReranker),
        ({"name": "box"}, BOX, OpenAIEmbedder, OpenAIReranker),
        ({"name": "huggingface"}, {}, HuggingFaceEmbedder, HuggingFaceReranker),
    ],
)
async def test_the_engine_of_the_settings_embeds_and_reranks_or_this_machine(engine, engines, embedder, reranker):
    settings = Settings.model_validate({"engine": engine, "engines": engines})
    made = build_embedder(settings), build_reranker(settings)
    assert (type(made[0]), type(made[1])) == (embedder, reranker)
    for each in made:
        await each.aclose()


def test_settings_that_cannot_be_used_are_an_error():
    with pytest.raises(SettingsError, match="base_url"):
        build_embedder(Settings.model_validate({"engine": {"name": "openai", "base_url": "ftp://x"}}))
