"""The sections of the settings about processes and services: who runs executions, who may ask, what may leave."""

from typing import ClassVar, Literal

from pydantic import Field

from codetune_core.sections import Section, ServerSettings


class RemoteSettings(ServerSettings):
    """The service of your team, which runs executions instead of this machine.

    The key (``codetune keys create`` on the service) is that of ``key_env``, ``key_command``,
    ``CODETUNE_REMOTE_KEY`` or the keyring (``codetune keys set remote``).
    """

    section: ClassVar[str] = "remote"
    base_url: str = ""
    """Address of the service, such as ``https://team-codetune.hf.space``; empty for none."""
    space: str = ""
    """``owner/name`` of the Hugging Face Space that is the service, whose state is asked when it does not answer."""
    when_unavailable: Literal["wait", "local"] = "wait"
    """Where the service sleeps or cannot be reached: wait for it, or let the engine of this machine answer."""
    wake_seconds: float = Field(default=600, gt=0)
    """How long to wait for a service that wakes up."""


class DaemonSettings(Section):
    """The process of yours that all editors and terminals share."""

    enabled: bool = True
    """Start it when it is first needed; otherwise each program runs executions itself."""
    idle_seconds: float = Field(default=3600, gt=0)
    """It ends when nobody asked it anything for this long; models are unloaded earlier (models.keep_loaded_seconds)."""


class ServeSettings(Section):
    """What ``codetune serve`` allows."""

    concurrent: int = Field(default=32, gt=0)
    """Executions that run at the same time; others wait."""
    queue: int = Field(default=256, ge=0)
    """Executions that wait at most, half of them of priority background; beyond that, 429."""
    queue_per_user: int = Field(default=64, ge=0)
    """Of these, by one user."""
    requests_per_minute: int | None = Field(default=None, gt=0)
    """Executions, embeddings and rerankings by each user, over all replicas that share a database; unset for no
    limit."""
    max_body_megabytes: float = Field(default=8, gt=0)
    """Largest request, decompressed, in 10^6 bytes."""
    execution_seconds: float = Field(default=900, gt=0)
    """Longest time of one execution, waiting included."""
    resume_seconds: float = Field(default=120, gt=0)
    """How long the events of an execution can be picked up after its connection dropped."""
    drain_seconds: float = Field(default=25, gt=0)
    """How long streams may go on after SIGTERM."""
    allowed_hosts: tuple[str, ...] = ()
    """Names under which browsers may reach it, besides those of this machine and the address it listens on."""
    allowed_origins: tuple[str, ...] = ()
    """Origins whose pages may ask it (CORS)."""
    trust_proxy: bool = False
    """It stands behind a reverse proxy of yours, which says in X-Forwarded-For who asks; one hop is believed."""
    log_format: Literal["auto", "console", "json"] = "auto"
    """``auto`` writes for people into a terminal, and JSON elsewhere."""
    traces_endpoint: str = ""
    """Where OpenTelemetry traces go (OTLP over HTTP); empty for nowhere."""


class OutboundSettings(Section):
    """What may leave this machine.

    A workspace's own files can make it less, trusted or not: they can set ``local_only`` and add to ``ignore``.
    """

    local_only: bool = False
    """Nothing leaves: what needs a server that is not on this machine is refused."""
    ignore: tuple[str, ...] = ()
    """Globs in the manner of ``.gitignore`` of files whose text never leaves, besides those of ``.codetuneignore``."""
    git_ignored: tuple[str, ...] = ()
    """Globs of files whose text may leave although git ignores them."""
    redact: bool = True
    """Replace secrets by placeholders before anything leaves."""
    ledger_days: int = Field(default=90, gt=0)
    """How long it is remembered what left."""
