"""The address of a server: what may stand in it, whose it is, and which proxy leads to it."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from codetune_core.errors import SettingsError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """``base_url`` has no slash at its end, ``root`` is it without a ``/v1`` there.

    ``section`` of the settings says whose address it is.
    """

    base_url: str
    host: str
    origin: str
    section: str = "engine"

    @property
    def root(self) -> str:
        """Where a server's own interface begins, beside the one that it shares with others."""
        return self.base_url.removesuffix("/v1")

    @property
    def is_this_machine(self) -> bool:
        """Whether nothing leaves this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody between here and there can read along."""
        return self.origin.startswith("https:")

    def proxy(self, asked: str) -> str | None:
        """Return the proxy that was asked for, else that of the environment, which never leads to this machine.

        Raises SettingsError for one that does not speak HTTP.
        """
        found = asked
        if not found and not self.is_this_machine and not proxy_bypass(self.host):
            proxies = getproxies()
            found = proxies.get(self.origin.partition(":")[0]) or proxies.get("all") or ""
        if found and "://" not in found:
            found = f"http://{found}"
        if found and urlsplit(found).scheme not in _PORTS:
            scheme = urlsplit(found).scheme
            raise SettingsError(
                f"the proxy speaks {scheme}, and only http works: set {self.section}.proxy to such a one"
            )
        return found or None


def parse_address(base_url: str, section: str = "engine") -> Address:
    """Read the address of a server; a ``/v1`` is added where there is no path. Raises SettingsError."""
    try:
        parts = urlsplit(base_url.strip())
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{section}.base_url: {base_url!r} is no address: {error}") from error
    _check(parts, section)
    host = (parts.hostname or "").rstrip(".")
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")
    path = parts.path.rstrip("/") or "/v1"
    return Address(origin + path, host, origin, section)


def _check(parts: SplitResult, section: str) -> None:
    # The address is not repeated, because what is wrong in it may be a password.
    if parts.username or parts.password:
        raise SettingsError(f"{section}.base_url holds a password: keep it with `codetune keys set`, or use key_env")
    if parts.scheme not in _PORTS or not parts.hostname:
        example = "https://host" if section == "remote" else "http://localhost:8000/v1 or https://host/v1"
        raise SettingsError(f"{section}.base_url must be an address such as {example}")
    if parts.query or parts.fragment:
        raise SettingsError(
            f"{section}.base_url must have no `?` or `#`: a key belongs in `codetune keys set` or key_env"
        )
