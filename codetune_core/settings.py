"""Options become Settings: what was written in several places becomes what holds, and mistakes are said once.

Sources, the later one wins: defaults, the user's ``codetune.toml`` (platformdirs), ``[tool.codetune]`` in the
workspace's ``pyproject.toml``, the workspace's ``codetune.toml``, the editor's settings, the command line.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import BaseModel, Field, ValidationError

from codetune_core.domain.finding import Severity
from codetune_core.domain.review import Notice
from codetune_core.sections import (
    BudgetSettings,
    CacheSettings,
    CompletionSettings,
    DetectorSettings,
    EditorSettings,
    EngineSettings,
    FileSettings,
    FixSettings,
    HistorySettings,
    ModelSettings,
    OutcomeSettings,
    PluginSettings,
    ReviewSettings,
    RuleSettings,
    SarifTool,
    Section,
    StorageSettings,
)
from codetune_core.service_sections import DaemonSettings, OutboundSettings, RemoteSettings, ServeSettings

FILE_NAME = "codetune.toml"
_USERS_OWN = {
    "detectors.sarif": "it names commands to run",
    "storage": "it says where your data is kept",
    "engine": "it says who is sent your code",
    "engines": "it says who is sent your code",
    "models": "it says whose weights and code are loaded",
    "plugins": "it says whose code runs",
    "fixes": "it says what of the workspace runs on your machine",
    "review": "it says when models are asked",
    "completion": "it says when models are asked",
    "cache": "it says what is kept of your code",
    "history": "it says what is kept of your code",
    "outcomes": "it says what is recorded of your work",
    "budget": "it says how much may be spent",
    "remote": "it says who is sent your code",
    "daemon": "it says which processes run",
    "serve": "it says who may ask your models",
}
"""What files that come with a workspace cannot set until it is trusted, and why."""
UNTRUSTED = "untrusted:"
"""How the keys of notices begin that say what was not used for want of trust."""
_FORBIDDING = frozenset(("local_only", "ignore"))
"""What they can set of ``outbound``, trusted or not."""


class Settings(Section):
    """What holds."""

    detectors: DetectorSettings = DetectorSettings()
    rules: RuleSettings = RuleSettings()
    files: FileSettings = FileSettings()
    editor: EditorSettings = EditorSettings()
    completion: CompletionSettings = CompletionSettings()
    fixes: FixSettings = FixSettings()
    review: ReviewSettings = ReviewSettings()
    storage: StorageSettings = StorageSettings()
    engine: EngineSettings = EngineSettings()
    engines: dict[str, EngineSettings] = Field(default={})
    """Engines by a name of your own, each with the settings of ``engine``."""
    models: ModelSettings = ModelSettings()
    plugins: PluginSettings = PluginSettings()
    cache: CacheSettings = CacheSettings()
    history: HistorySettings = HistorySettings()
    outcomes: OutcomeSettings = OutcomeSettings()
    budget: BudgetSettings = BudgetSettings()
    remote: RemoteSettings = RemoteSettings()
    daemon: DaemonSettings = DaemonSettings()
    serve: ServeSettings = ServeSettings()
    outbound: OutboundSettings = OutboundSettings()
    baseline: str = "codetune-baseline.toml"
    """Path relative to the workspace."""
    fail_on: Severity = Severity.LOW
    """``codetune review`` exits with 1 where a finding is at least this severe."""

    @property
    def key(self) -> str:
        """Equal for equal settings."""
        return self.model_dump_json()


@dataclass(frozen=True, slots=True)
class Options:
    """What one source says, as written.

    ``trusted`` is False for files that come with a workspace that is not: they cannot set what ``_USERS_OWN`` names.
    ``in_workspace`` says that it comes with a workspace, trusted or not: of ``outbound`` it can only forbid.
    ``workspace`` is what is to be trusted, where that is not the folder that the source lies in.
    """

    source: str
    values: Mapping[str, Any]
    trusted: bool = True
    in_workspace: bool = False
    workspace: Path | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What holds, and what was wrong in what was written."""

    settings: Settings
    notices: tuple[Notice, ...] = ()


def resolve(options: Iterable[Options]) -> Resolved:
    """Merge sources, the later one winning key by key; what is wrong is left out and said, the rest holds."""
    merged: dict[str, Any] = {}
    notices: list[Notice] = []
    for option in options:
        values, wrong = _usable(option)
        notices += wrong
        forbidden = _forbidden(merged, values)
        _merge(merged, values)
        _merge(merged, forbidden)
    return Resolved(Settings.model_validate(merged), tuple(notices))


def read_options(workspace: Path | None, *, trusted: bool) -> tuple[list[Options], list[Notice]]:
    """What the user's and the workspace's files say; a file that is not TOML is left out and said."""
    sources: list[tuple[Path, bool, tuple[str, ...]]] = [(user_config_path("codetune") / FILE_NAME, True, ())]
    if workspace:
        sources += [(workspace / "pyproject.toml", trusted, ("tool", "codetune")), (workspace / FILE_NAME, trusted, ())]
    options, notices = [], []
    for path, trust, table in sources:
        try:
            values: Any = tomllib.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            notices.append(Notice(f"unreadable:{path}", f"{path}: not used, because it cannot be read: {error}"))
            continue
        for name in table:
            values = values.get(name, {}) if isinstance(values, dict) else {}
        if isinstance(values, dict) and values:
            options.append(Options(str(path), values, trusted=trust, in_workspace=path.parent == workspace))
    return options, notices


def _usable(option: Options) -> tuple[dict[str, Any], list[Notice]]:
    values = _known_names(option.values, Settings)
    notices: list[Notice] = []
    if not option.trusted:
        notices += _without_users_own(values, option)
    if option.in_workspace or not option.trusted:
        notices += _only_forbidding(values, option.source)
    while True:
        try:
            Settings.model_validate(values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                notices.append(_mistake(option.source, detail))
                _drop(values, detail["loc"])
        else:
            return values, notices


def _without_users_own(values: dict[str, Any], option: Options) -> list[Notice]:
    notices, source = [], option.source
    folder = option.workspace or Path(source).parent
    for name, why in _USERS_OWN.items():
        section, _, key = name.rpartition(".")
        holder = values.get(section, {}) if section else values
        if isinstance(holder, dict) and holder.pop(key, None):
            text = (
                f"{source}: {name} is not used, because {why} and this workspace is not trusted. "
                f"Read it, then run `codetune trust {folder}`."
            )
            notices.append(Notice(f"{UNTRUSTED}{source}:{name}", text))
    return notices


def _only_forbidding(values: dict[str, Any], source: str) -> list[Notice]:
    """Leave of ``outbound`` what lets less leave the machine."""
    holder = values.get("outbound")
    if not isinstance(holder, dict):
        return []
    own = [name for name in holder if name in OutboundSettings.model_fields and name not in _FORBIDDING]
    for name in own:
        del holder[name]
    return [
        Notice(
            f"only-forbids:{source}:outbound.{name}",
            f"{source}: outbound.{name} is not used: a workspace can only forbid what leaves. Set it in your own "
            f"{FILE_NAME}.",
        )
        for name in own
    ]


def _forbidden(merged: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two sources together forbid to leave: what one of them forbids, the other cannot allow."""
    sections = [source.get("outbound", {}) for source in (merged, values)]
    ignore = tuple(dict.fromkeys(glob for section in sections for glob in section.get("ignore", ())))
    local_only = any(section.get("local_only", False) for section in sections)
    return {"outbound": {**({"local_only": True} if local_only else {}), **({"ignore": ignore} if ignore else {})}}


def _mistake(source: str, detail: Any) -> Notice:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(detail["loc"][-1]), _names(detail["loc"][:-1]), n=1, cutoff=0.5)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return Notice(f"unknown:{source}:{where}", f"{source}: unknown setting `{where}`{hint}")
    return Notice(f"wrong:{source}:{where}", f"{source}: `{where}` is not used: {detail['msg'].lower()}")


def _names(location: tuple[Any, ...]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in location:
        inner = _section_of(section, str(part))
        if inner is None:
            return list(SarifTool.model_fields) if "sarif" in location else []
        section = inner
    return list(section.model_fields)


def _section_of(section: type[BaseModel], name: str) -> type[BaseModel] | None:
    kind = section.model_fields[name].annotation if name in section.model_fields else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _known_names(values: Mapping[str, Any], section: type[BaseModel]) -> dict[str, Any]:
    """Accept ``max-kilobytes`` and ``maxKilobytes`` for ``max_kilobytes``; keys of free tables stay as written."""
    renamed: dict[str, Any] = {}
    for key, value in values.items():
        name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", key).replace("-", "_").lower()
        name = name if name in section.model_fields else key
        inner = _section_of(section, name)
        renamed[name] = _known_names(value, inner) if inner and isinstance(value, Mapping) else _plain(value)
    return renamed


def _plain(value: Any) -> Any:
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _drop(values: dict[str, Any], location: tuple[Any, ...]) -> None:
    """Leave out the innermost thing written at a location; for something missing that is what it is missing from."""
    holder, last = values, ""
    inner: Any = values
    for part in location:
        if not isinstance(inner, dict) or part not in inner:
            break
        holder, last, inner = inner, part, inner[part]
    del holder[last]


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = _plain(value)
