"""The cache of answers: how much is remembered, and how often it was used."""

from codetune_core.domain.service_key import Scope
from codetune_core.http.replies import Moment, Reply
from codetune_remote.route import Call, Route


class CacheReply(Reply):
    """What the cache holds."""

    enabled: bool
    """Whether answers are remembered (cache.enabled)."""
    entries: int
    """Answers that are remembered."""
    bytes: int
    """Of these answers, as UTF-8."""
    max_bytes: int
    """Beyond this, those that were not used for longest are dropped (cache.max_megabytes)."""
    hits: int
    """How often the remembered answers were used."""
    oldest: Moment | None
    """When the oldest was remembered; null where there is none."""


async def cache_statistics(call: Call) -> CacheReply:
    """Count what is remembered."""
    settings, held = call.service.core.settings.cache, await call.service.core.answers.statistics()
    return CacheReply(
        enabled=settings.enabled,
        entries=held.entries,
        bytes=held.bytes,
        max_bytes=settings.max_megabytes * 1_000_000,
        hits=held.hits,
        oldest=held.oldest,
    )


ROUTES = (
    Route("GET", "/api/cache/stats", cache_statistics, Scope.READ, "Count what the cache holds", reply=CacheReply),
)
