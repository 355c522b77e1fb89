"""The cart: product ids and quantities, kept in the visitor's session and in a cookie for later."""

import base64
import json
import pickle
from collections.abc import MutableMapping
from typing import Any

from sqlalchemy.orm import Session

from shop.models import OrderLine, Product

Cart = dict[str, int]


def current_cart(visit: MutableMapping[str, Any]) -> Cart:
    """The cart of this visit, which changes with it."""
    cart: Cart = visit.setdefault("cart", {})
    return cart


def lines_of(cart: Cart, session: Session) -> list[OrderLine]:
    """The cart as order lines at today's prices; products that are gone are left out."""
    products = {key: session.get(Product, int(key)) for key in cart}
    return [
        OrderLine(product=product, quantity=cart[key], price_cents=product.price_cents)
        for key, product in products.items()
        if product is not None
    ]


def pack(cart: Cart) -> str:
    """A cart as text that fits into a cookie."""
    return base64.urlsafe_b64encode(pickle.dumps(cart)).decode()


def unpack(packed: str) -> Cart:
    """The cart that was packed."""
    cart: Cart = pickle.loads(base64.urlsafe_b64decode(packed))
    return cart


def from_json(body: str) -> Cart:
    """A cart as the mobile application sends it: ``{"product id": quantity}``."""
    return {str(key): int(quantity) for key, quantity in json.loads(body).items()}
