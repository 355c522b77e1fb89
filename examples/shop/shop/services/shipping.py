"""Prices and labels from the parcel carrier's HTTP interface."""

from typing import Any

import requests

CARRIER_URL = "https://api.parcels.example/v2"
CARRIER_ACCOUNT = "0f8fad5b-d9cb-469f-a165-70867728950e"
CARRIER_API_KEY = "9Zi9nYT1YgkyttJuH9pbCg6hoasHYv4K6Gh5DSBo"


def shipping_cents(weight_grams: int, country: str) -> int:
    """What the carrier asks for a parcel."""
    answer = requests.get(
        f"{CARRIER_URL}/rates",
        params={"weight": str(weight_grams), "country": country},
        headers=_headers(),
    )
    answer.raise_for_status()
    return int(answer.json()["cents"])


def order_label(order_id: int, address: str) -> bytes:
    """The label for a parcel, as PDF."""
    answer = requests.post(
        f"{CARRIER_URL}/labels",
        json={"reference": order_id, "address": address},
        headers=_headers(),
        timeout=10,
    )
    answer.raise_for_status()
    return answer.content


def _headers() -> dict[str, Any]:
    return {"X-Account": CARRIER_ACCOUNT, "Authorization": f"Key {CARRIER_API_KEY}"}
