"""Buying what is in the cart, and looking at what was bought."""

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from shop.database import current_session
from shop.models import Order
from shop.services import carts, mail, payments, shipping
from shop.settings import current_settings
from shop.views.accounts import required_customer

blueprint = Blueprint("orders", __name__)

_GRAMS_PER_ARTICLE = 400
_FLAT_SHIPPING_CENTS = 490


@blueprint.get("/")
def mine() -> str:
    """The customer's orders, the newest first."""
    customer = required_customer()
    statement = select(Order).where(Order.customer_id == customer.id).order_by(Order.placed_at.desc())
    return render_template("orders.html", orders=current_session().scalars(statement).all())


@blueprint.get("/<int:order_id>")
def show(order_id: int) -> str:
    """One of the customer's orders."""
    order = current_session().get(Order, order_id)
    if order is None or order.customer_id != required_customer().id:
        abort(404)
    return render_template("order.html", order=order)


@blueprint.post("/")
def place() -> Response:
    """Order what is in the cart, and go on to the payment."""
    customer, database = required_customer(), current_session()
    lines = carts.lines_of(carts.current_cart(session), database)
    if not lines:
        flash("Your cart is empty.")
        return redirect(url_for("cart.show"))
    articles = sum(line.quantity for line in lines)
    order = Order(customer=customer, lines=lines, shipping_cents=_shipping(articles, request.form.get("country", "DE")))
    database.add(order)
    database.commit()
    session.pop("cart")
    return redirect(_payment_page(order))


def _shipping(articles: int, country: str) -> int:
    if not current_settings().online:
        return _FLAT_SHIPPING_CENTS
    return shipping.shipping_cents(articles * _GRAMS_PER_ARTICLE, country)


def _payment_page(order: Order) -> str:
    settings = current_settings()
    if not settings.online:
        return url_for("orders.show", order_id=order.id)
    mail.send(mail.receipt(order), settings.mail_host)
    return payments.start_payment(order.id, order.total_cents)
