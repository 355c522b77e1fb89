"""A model that somebody fetched is noticed by its folder alone."""

import hub_cache
import pytest

from codetune_core.models.catalogue import read_catalogue
from codetune_core.models.likely_here import is_any_model_likely_here
from codetune_core.settings import Settings

FIRST = next(iter(read_catalogue(Settings().models).models.values()))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine with no model and all parts of ``codetune[local]``."""
    for name in ("HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("codetune_core.models.likely_here.missing_parts", tuple)
    return tmp_path


def check(*, found):
    assert is_any_model_likely_here(Settings()) is found


def test_a_machine_without_models_has_none(home):
    hub_cache.put(home / "cache" / "huggingface" / "hub", "somebody/unknown", {"config.json": "{}"})
    check(found=False)


@pytest.mark.parametrize(
    ("variable", "folder"), [("", "cache/huggingface/hub"), ("HF_HOME", "other/hub"), ("HF_HUB_CACHE", "own")]
)
def test_a_fetched_model_is_noticed_wherever_the_cache_is(home, monkeypatch, variable, folder):
    if variable:
        monkeypatch.setenv(variable, str(home / folder.partition("/")[0]))
    hub_cache.put(home / folder, FIRST.id, {"config.json": "{}"})
    check(found=True)


def test_a_converted_copy_is_noticed(home):
    (home / "data" / "codetune" / "models" / FIRST.name.replace("/", "--")).mkdir(parents=True)
    check(found=True)


def test_without_what_runs_models_none_is_looked_for(home, monkeypatch):
    hub_cache.put(home / "cache" / "huggingface" / "hub", FIRST.id, {"config.json": "{}"})
    monkeypatch.setattr("codetune_core.models.likely_here.missing_parts", lambda: ("torch",))
    check(found=False)
