"""The visitor's cart."""

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from shop.database import current_session
from shop.services import carts

blueprint = Blueprint("cart", __name__)

_MONTH = 30 * 24 * 3600


@blueprint.get("/")
def show() -> str:
    """What is in the cart."""
    lines = carts.lines_of(carts.current_cart(session), current_session())
    return render_template("cart.html", lines=lines)


@blueprint.post("/add/<int:product_id>")
def add(product_id: int) -> AnyResponse:
    """Put a product into the cart."""
    cart = carts.current_cart(session)
    cart[str(product_id)] = cart.get(str(product_id), 0) + max(1, request.form.get("quantity", 1, int))
    session.modified = True
    return redirect(url_for("cart.show"))


@blueprint.put("/")
def replace() -> AnyResponse:
    """Take over the cart of the mobile application, sent as JSON."""
    session["cart"] = carts.from_json(request.get_data(as_text=True))
    return Response(status=204)


@blueprint.post("/save")
def save() -> AnyResponse:
    """Keep the cart in the browser for a month."""
    answer = make_response(redirect(url_for("cart.show")))
    packed = carts.pack(carts.current_cart(session))
    answer.set_cookie("cart_session", packed, max_age=_MONTH, secure=True, httponly=True, samesite="Lax")
    flash("Your cart is kept for a month.")
    return answer


@blueprint.post("/restore")
def restore() -> AnyResponse:
    """Take the kept cart out again."""
    if packed := request.cookies.get("cart_session"):
        session["cart"] = carts.unpack(packed)
    return redirect(url_for("cart.show"))
