"""The interface for partners, who sign in with a JSON Web Token."""

from typing import Any

import jwt
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import select

from shop.database import current_session
from shop.models import Order, Product
from shop.settings import STORE_ID, current_settings

blueprint = Blueprint("api", __name__)


def partner_claims(token: str) -> dict[str, Any]:
    """What a partner's token says about its bearer."""
    return jwt.decode(
        token,
        current_settings().partner_key,
        algorithms=["HS256"],
        options={"verify_signature": False},
    )


def service_claims(token: str) -> dict[str, Any]:
    """What the token of one of our own services says about its bearer."""
    return jwt.decode(token, current_settings().partner_key, algorithms=["HS256"], audience=STORE_ID)


@blueprint.get("/products")
def products() -> Response:
    """All products, for price comparison sites."""
    found = current_session().scalars(select(Product))
    return jsonify([{"sku": product.sku, "name": product.name, "cents": product.price_cents} for product in found])


@blueprint.get("/orders")
def orders() -> Response:
    """Orders of the customers whom a partner brought, by the ids in its token."""
    claims = _claims(partner_claims)
    found = current_session().scalars(select(Order).where(Order.customer_id.in_(claims.get("customers", []))))
    return jsonify([{"id": order.id, "status": order.status, "cents": order.total_cents} for order in found])


@blueprint.get("/health")
def health() -> Response:
    """How many orders there are, for our own monitoring."""
    if request.remote_addr != current_settings().monitoring_host:
        abort(403)
    _claims(service_claims)
    return jsonify({"store": STORE_ID, "orders": len(current_session().scalars(select(Order.id)).all())})


def _claims(read: Any) -> dict[str, Any]:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        claims: dict[str, Any] = read(token)
    except jwt.InvalidTokenError:
        abort(401)
    return claims
