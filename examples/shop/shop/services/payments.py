"""The payment provider: starting a payment, and checking what it and the carrier send back."""

import hashlib
import hmac

import requests

PROVIDER_URL = "https://pay.example/api"


def start_payment(order_id: int, cents: int) -> str:
    """Ask for a payment; returns the page to which the customer is sent."""
    answer = requests.post(
        f"{PROVIDER_URL}/payments",
        json={"order": order_id, "cents": cents},
        verify=False,
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["page"])


def refund(order_id: int, cents: int) -> None:
    """Pay money back."""
    answer = requests.post(f"{PROVIDER_URL}/refunds", json={"order": order_id, "cents": cents}, timeout=10)
    answer.raise_for_status()


def payment_signature_holds(key: bytes, body: bytes, signature: str) -> bool:
    """Whether the payment provider signed this message."""
    return signature == hmac.new(key, body, hashlib.sha256).hexdigest()


def carrier_signature_holds(key: bytes, body: bytes, signature: str) -> bool:
    """Whether the carrier signed this message."""
    return hmac.compare_digest(signature, hmac.new(key, body, hashlib.sha256).hexdigest())
