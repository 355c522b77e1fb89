"""The sections of the settings, their meanings and their defaults."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codetune_core.domain.execution import Keep, Task
from codetune_core.domain.finding import Confidence, Severity

_TEST_RULES = ("S101", "S105", "S106", "S107", "S108", "S311")


class Section(BaseModel):
    """Names are checked: an unknown key is a mistake to be said."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SarifTool(Section):
    """A command that writes SARIF, used as a detector."""

    command: tuple[str, ...] = Field(min_length=1)
    """Program and arguments. ``{file}`` is replaced by the path of a copy of the document's text (added as the last
    argument where it is missing); where ``{output}`` stands, SARIF is read from the file of that path, else from the
    standard output. The program runs in a temporary folder: give absolute paths."""
    languages: tuple[str, ...] = ("python",)
    """Language identifiers of the documents it is asked about."""
    timeout_seconds: float = Field(default=60, gt=0)
    """Time limit for one run."""


class DetectorSettings(Section):
    """Which detectors run."""

    disabled: tuple[str, ...] = ()
    """Names of detectors that are switched off."""
    timeout_seconds: float = Field(default=10, gt=0)
    """Time limit for one detector on one document."""
    sarif: dict[str, SarifTool] = {}
    """Detectors by name; from a workspace's own files only once that workspace is trusted."""


class RuleSettings(Section):
    """Which findings are shown."""

    ignore: tuple[str, ...] = ()
    """Rule ids, aliases or ``CWE-n``."""
    severity: dict[str, Severity] = {}
    """Rule -> info, low, medium, high or critical."""
    ignore_in: dict[str, tuple[str, ...]] = {
        "**/tests/**": _TEST_RULES,
        "**/test_*.py": _TEST_RULES,
        "**/*_test.py": _TEST_RULES,
        "**/conftest.py": _TEST_RULES,
    }
    """Glob of paths relative to the workspace -> rules not shown there."""
    min_severity: Severity = Severity.INFO
    """Less severe findings are set aside."""
    min_confidence: Confidence = Confidence.LOW
    """Less sure findings are set aside."""


class FileSettings(Section):
    """Which files are looked at."""

    exclude: tuple[str, ...] = ()
    """Globs in the manner of ``.gitignore``."""
    respect_gitignore: bool = True
    """Skip what git ignores."""
    max_kilobytes: int = Field(default=1024, gt=0)
    """Larger files are skipped."""
    include_generated: bool = False
    """Also look at generated, minified and vendored files."""


class EditorSettings(Section):
    """How the language server behaves."""

    review_on: Literal["change", "save"] = "change"
    """Review while you type, or only on open and save."""
    debounce_min_ms: int = Field(default=75, ge=0)
    """Shortest pause in typing after which a review starts; it adapts to your speed up to the longest."""
    debounce_max_ms: int = Field(default=1000, ge=0)
    """Longest pause."""
    code_lens: bool = False
    """Count the findings of each function above it."""


class FixSettings(Section):
    """How the edits that a model proposes are found and checked."""

    candidates: int = Field(default=1, ge=1, le=8)
    """How many fixes a model is asked for at once; the one that comes through most checks is taken."""
    tests: bool = False
    """Run your tests that reach the changed code; only in workspaces that you trust."""
    seconds: float = Field(default=60, gt=0)
    """Time limit for one run of your linter, type checker or tests on a copy of the workspace."""
    memory_megabytes: int = Field(default=4096, gt=0)
    """Memory that tests may take, in 10^6 bytes."""


class CompletionSettings(Section):
    """What is proposed while you type, where a model completes."""

    enabled: bool = True
    """Propose code at the cursor."""
    max_lines: int = Field(default=12, ge=1)
    """Longest proposal."""


class ReviewSettings(Section):
    """What a model is asked about the findings and the code in an editor."""

    model: Literal["save", "command", "off"] = "save"
    """When a model judges findings and looks for more: after each save, only when told to, or never."""
    most_new: int = Field(default=5, ge=0)
    """How many new findings of a model one review may add."""


class StorageSettings(Section):
    """Where prompts, executions and the cache are kept."""

    database_url: str = ""
    """``sqlite:///path`` or ``postgresql://user@host/name``; empty for a SQLite file in the user's data
    folder. The environment variable ``CODETUNE_DATABASE_URL`` goes before it."""
    fall_back_to_sqlite: bool = False
    """Where the PostgreSQL server cannot be reached, go on with the SQLite file, and say so each time."""
    connect_seconds: float = Field(default=15, gt=0)
    """How long to keep trying to reach the database server."""


class ServerSettings(Section):
    """How a server is asked over HTTP; ``section`` is what messages call where that is written."""

    section: ClassVar[str] = "engine"

    base_url: str = ""
    """Address of the server, such as ``http://localhost:11434/v1``; empty for the engine's own."""
    key_env: str = ""
    """Environment variable that holds the key; empty for the engine's usual one."""
    key_command: tuple[str, ...] = ()
    """Program and arguments that print the key, such as a password manager's."""
    connect_seconds: float = Field(default=10, gt=0)
    """Longest time to reach the server."""
    first_token_seconds: float = Field(default=300, gt=0)
    """Longest time from the question to the first piece of the answer."""
    gap_seconds: float = Field(default=60, gt=0)
    """Longest time between two pieces of an answer."""
    ca_file: Path | None = None
    """Certificates to trust besides the system's, in PEM."""
    proxy: str = ""
    """Address of the proxy; empty for the one of ``HTTPS_PROXY`` and ``HTTP_PROXY``."""


class EngineSettings(ServerSettings):
    """What runs the model."""

    name: str = "auto"
    """The engine's name, or that of one of ``engines``; ``auto`` for the best that is here, ``none`` for none."""
    model: str = ""
    """The model it is asked for; empty for the one of ``models`` that fits the task."""
    timeout_seconds: float = Field(default=600, gt=0)
    """Longest time for one answer."""
    script: Path | None = None
    """For the engine ``scripted``: the file with its answers."""
    provider: str = "auto"
    """For the engine ``huggingface``: which of its providers answers."""
    chain: tuple[str, ...] = ()
    """For the engine ``fallback``: names of engines, or of ``engines``, in the order in which they are asked."""


class ModelSettings(Section):
    """Which models run on this machine, and in how much memory."""

    review: str = "auto"
    """Model for reviews, explanations and questions; ``auto`` chooses by the hardware."""
    generation: str = "auto"
    """Model that writes code."""
    completion: str = "auto"
    """Model that completes while you type."""
    embedding: str = "auto"
    """Model that makes vectors for search."""
    rerank: str = "auto"
    """Model that orders what a search found."""
    catalogue: Path | None = None
    """Your own catalogue; unset for ``models.yaml`` in the user's configuration folder."""
    quantization: Literal["auto", "fp32", "bf16", "fp16", "int8", "nf4"] = "auto"
    """How weights are held in memory; ``auto`` for the most exact that leaves room for other models (on a processor,
    the smallest of a large one), and for a model that is not offered as you say."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What computes."""
    context_tokens: int | None = Field(default=None, gt=0)
    """Longest prompt and answer together; unset for what the model can and its share of the memory holds."""
    memory_gigabytes: float | None = Field(default=None, gt=0)
    """Memory of the device that models may take together, in 10^9 bytes; unset for nineteen twentieths of a graphics
    processor's, or nine tenths of the main memory."""
    keep_loaded_seconds: float = Field(default=900, gt=0)
    """A model that nobody used for this long is unloaded."""
    adapters: dict[str, Path] = {}
    """Name -> folder of a LoRA adapter; a model is asked for with one as ``model+adapter``."""
    remote_code: dict[str, str] = {}
    """Hugging Face id -> the one revision (a commit) whose own code may run; no model of the catalogue needs it."""


class PluginSettings(Section):
    """Which plugins run, and within which limits."""

    disabled: tuple[str, ...] = ()
    """Names of plugins that are switched off."""
    folder: Path | None = None
    """Where plugins are that are single files; unset for ``plugins`` in the user's data folder."""
    timeout_seconds: float = Field(default=120, gt=0)
    """Longest time for one run; the time in which a model answers is not counted."""
    memory_megabytes: int = Field(default=1024, gt=0)
    """Memory that a plugin's process may take, in 10^6 bytes."""


class CacheSettings(Section):
    """Which answers are remembered."""

    enabled: bool = True
    """Answer an equal request from memory."""
    sampled: bool = False
    """Also remember answers drawn at a temperature above 0."""
    days: int = Field(default=30, gt=0)
    """Entries older than this are not used."""
    max_megabytes: int = Field(default=256, gt=0)
    """Beyond this, the entries that were not used for longest are dropped; the vectors of searches may take as much."""


class HistorySettings(Section):
    """What is kept of each execution."""

    keep: Keep = Keep.FULL
    """``full``, ``metadata`` (hashes and counts, no code) or ``nothing``."""
    tasks: dict[Task, Keep] = {}
    """Task -> what is kept of it; the stricter of all that apply holds."""
    workspaces: dict[str, Keep] = {}
    """Folder -> what is kept of executions for files in it."""
    content_days: int = Field(default=30, ge=0)
    """After this many days only metadata remains."""
    metadata_days: int | None = Field(default=None, ge=0)
    """After this many days nothing remains; unset for no limit."""


class OutcomeSettings(Section):
    """What is recorded of what you do with answers."""

    record: bool = True
    """Note in the history whether an answer was applied, edited, undone or kept, and count which claims you dismiss."""


class ModelPrice(Section):
    """What a model costs, in US dollars for a million tokens."""

    model: str = Field(min_length=1)
    """Glob of its names, in capitals or not."""
    engine: str = "*"
    """Glob of the engine's name."""
    prompt: Decimal | None = Field(default=None, ge=0)
    """Of what it reads; with ``completion``, or both unset for a price that is not known."""
    completion: Decimal | None = Field(default=None, ge=0)
    """Of what it writes."""
    cached_prompt: Decimal | None = Field(default=None, ge=0)
    """Of what it had read before; unset for the price of the rest of the prompt."""
    above_prompt_tokens: int = Field(default=0, ge=0)
    """Only for prompts longer than this."""
    valid_from: dt.date = dt.date(1970, 1, 1)
    """First UTC day."""
    source: str = "your settings"
    """Where the price comes from, with a date."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.prompt is None) != (self.completion is None):
            raise ValueError("prompt and completion belong together")
        return self


class BudgetSettings(Section):
    """How much may be spent on models, by the prices known and by UTC day."""

    per_day_usd: Decimal | None = Field(default=None, ge=0)
    """By everybody together; unset for no limit."""
    per_user_per_day_usd: Decimal | None = Field(default=None, ge=0)
    """By each user; unset for no limit."""
    when_spent: Literal["stop", "fallback"] = "stop"
    """Refuse, or ask ``fallback_model`` instead."""
    fallback_model: str = ""
    """A model that costs nothing, for ``when_spent = "fallback"``."""
    gpu_usd_per_hour: Decimal | None = Field(default=None, ge=0)
    """What an hour of your own GPU costs, for models that no price list knows."""
    prices: tuple[ModelPrice, ...] = ()
    """Tables ``model``, ``engine``, ``prompt``, ``completion``, ``cached_prompt`` (USD for a million tokens),
    ``valid_from`` and ``source``; they go before the prices that come with CodeTune."""
