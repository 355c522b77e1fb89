"""What the payment provider and the carrier tell us."""

from flask import Blueprint, Response, abort, request

from shop.database import current_session
from shop.models import Order
from shop.services import imports, payments
from shop.settings import current_settings

blueprint = Blueprint("webhooks", __name__)


@blueprint.post("/payment")
def payment() -> Response:
    """``{"order": 1, "state": "paid"}``, signed in the header ``X-Signature``."""
    if not payments.payment_signature_holds(current_settings().payment_webhook_key, request.get_data(), _signature()):
        abort(403)
    message = request.get_json()
    return _set_status(int(message["order"]), str(message["state"]))


@blueprint.post("/carrier")
def carrier() -> Response:
    """``<parcel order="1" status="delivered"/>``, signed in the same way."""
    if not payments.carrier_signature_holds(current_settings().carrier_webhook_key, request.get_data(), _signature()):
        abort(403)
    return _set_status(*imports.tracking_status(request.get_data(as_text=True)))


def _signature() -> str:
    return request.headers.get("X-Signature", "")


def _set_status(order_id: int, status: str) -> Response:
    order = current_session().get(Order, order_id) or abort(404)
    order.status = status
    current_session().commit()
    return Response(status=204)
