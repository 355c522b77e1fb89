"""Detectors by entry point, and those declared in settings."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from codetune_core.detectors.isolated import Isolated
from codetune_core.detectors.protocol import Detector
from codetune_core.detectors.sarif import SarifDetector
from codetune_core.domain.review import Notice
from codetune_core.sections import SarifTool
from codetune_core.settings import Settings

GROUP = "codetune.detectors"
_OWN = "codetune"


@dataclass(frozen=True, slots=True)
class Registered:
    """The detectors that run, and why others do not."""

    detectors: tuple[Detector, ...]
    off: tuple[Notice, ...]


def available() -> list[EntryPoint]:
    """Every detector that an installed package offers, by name."""
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def build(settings: Settings) -> Registered:
    """Make the detectors that the settings leave on; one that cannot be loaded is said, the others stand."""
    factories = {point.name: _from_package(point, settings) for point in available()}
    factories |= {name: _from_settings(name, tool) for name, tool in settings.detectors.sarif.items()}
    detectors, off = [], []
    for name, make in factories.items():
        if name in settings.detectors.disabled:
            off.append(Notice(f"off:{name}", f"{name}: switched off by `detectors.disabled`"))
            continue
        try:
            detectors.append(make())
        except Exception as error:  # noqa: BLE001 - a third party's code
            off.append(Notice(f"broken:{name}", f"{name}: cannot be loaded: {error}"))
    return Registered(tuple(detectors), tuple(off))


def _from_package(point: EntryPoint, settings: Settings) -> Callable[[], Detector]:
    def make() -> Detector:
        detector: Detector = point.load()(settings)
        return detector if point.dist and point.dist.name == _OWN else Isolated(detector)

    return make


def _from_settings(name: str, tool: SarifTool) -> Callable[[], Detector]:
    return lambda: SarifDetector(name, tool)
