"""Imports a plugin's code and makes the tool in it."""

import importlib.util
import inspect
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from codetune_core.errors import PluginError
from codetune_core.plugins.api import AgentTool
from codetune_core.plugins.frames import Load
from codetune_core.plugins.metadata import ToolMetadata


def load_tool(load: Load) -> AgentTool:
    """Make the tool of a file or of a package; raises PluginError for what is none, and what its code raises."""
    made = _class_of_file(Path(load.file)) if load.file else _class_of_package(load.target)
    if not isinstance(made, type) or not issubclass(made, AgentTool):
        raise PluginError(f"{load.target} is no AgentTool (codetune_core.plugins.api)")
    if not isinstance(getattr(made, "METADATA", None), ToolMetadata):
        raise PluginError(f"{made.__name__} has no METADATA = ToolMetadata(...)")
    if inspect.isabstract(made):
        missing = ", ".join(sorted(made.__abstractmethods__))
        raise PluginError(f"{made.__name__} has no {missing}")
    return made()


def _class_of_file(path: Path) -> object:
    module = _imported(path)
    own = [value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == module.__name__]
    tools = [value for value in own if issubclass(value, AgentTool) and "METADATA" in vars(value)]
    if len(tools) != 1:
        raise PluginError(f"{path.name} has {len(tools)} classes with METADATA; a file is one plugin")
    return tools[0]


def _imported(path: Path) -> ModuleType:
    name = f"codetune_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _class_of_package(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
