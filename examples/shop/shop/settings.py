"""What the operator can set, read from ``SHOP_...`` environment variables."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

STORE_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


@dataclass(frozen=True)
class Settings:
    """Where the shop keeps its data, what it listens on, and the keys it shares with partners.

    Unless ``online``, no message is sent and neither the carrier nor the payment provider is asked.
    """

    data_dir: Path
    secret_key: str
    partner_key: str
    payment_webhook_key: bytes
    carrier_webhook_key: bytes
    host: str = "0.0.0.0"
    port: int = 5000
    monitoring_host: str = "127.0.0.1"
    mail_host: str = "mail.shop.example"
    newsletter_host: str = "letters.example"
    online: bool = False

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment; keys that are not set are drawn anew at each start."""
        return cls(
            data_dir=Path(os.environ.get("SHOP_DATA_DIR", "instance")),
            secret_key=os.environ.get("SHOP_SECRET_KEY") or secrets.token_hex(32),
            partner_key=os.environ.get("SHOP_PARTNER_KEY") or secrets.token_hex(32),
            payment_webhook_key=_key("SHOP_PAYMENT_WEBHOOK_KEY"),
            carrier_webhook_key=_key("SHOP_CARRIER_WEBHOOK_KEY"),
            online="SHOP_ONLINE" in os.environ,
        )


def _key(name: str) -> bytes:
    return os.environ[name].encode() if name in os.environ else secrets.token_bytes(32)


def current_settings() -> Settings:
    """The settings of the application that answers the current request."""
    settings: Settings = current_app.extensions["shop.settings"]
    return settings
