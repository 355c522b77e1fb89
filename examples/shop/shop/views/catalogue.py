"""The pages everyone sees: the window, products and the search."""

from flask import Blueprint, Response, abort, render_template, request, send_from_directory

from shop.database import current_session
from shop.models import Product
from shop.services import media, search
from shop.settings import current_settings

blueprint = Blueprint("catalogue", __name__)

_DAY = 24 * 3600


@blueprint.get("/")
def index() -> str:
    """Some products in the window."""
    return render_template("index.html", products=search.shop_window(current_session(), 12))


@blueprint.get("/products/<int:product_id>")
def product(product_id: int) -> str:
    """One product."""
    found = current_session().get(Product, product_id)
    if found is None:
        abort(404)
    return render_template("product.html", product=found)


@blueprint.get("/search")
def results() -> str:
    """Products by name (``q``), or by price in whole euros (``low``, ``high``)."""
    term = request.args.get("q", "")
    if "low" in request.args or "high" in request.args:
        low, high = request.args.get("low", 0, int), request.args.get("high", 10_000, int)
        products = search.products_priced(current_session(), low * 100, high * 100)
    else:
        products = search.products_named(current_session(), term)
    return render_template("search.html", term=term, products=products)


@blueprint.get("/pictures/<path:name>")
def picture(name: str) -> Response:
    """A product's picture."""
    folder = (current_settings().data_dir / "pictures").resolve()
    answer = send_from_directory(folder, name)
    content = (folder / name).read_bytes()
    answer.set_etag(media.etag(content))
    answer.cache_control.max_age = 60 if media.is_placeholder(content) else _DAY
    return answer
