"""The administration area: importing and exporting, pictures, and the warehouse."""

from pathlib import Path
from subprocess import CalledProcessError

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from shop.database import current_session
from shop.models import Customer, Order, Product
from shop.services import exports, imports, mail, media, payments, shipping
from shop.services.stock import Warehouse
from shop.settings import current_settings
from shop.views.accounts import required_customer

blueprint = Blueprint("admin", __name__)

_READERS = {
    ".yaml": imports.records_from_yaml,
    ".csv": imports.records_from_csv,
    ".xml": imports.records_from_feed,
}


@blueprint.before_request
def require_admin() -> None:
    """Answer 403 to everyone else."""
    if not required_customer().is_admin:
        abort(403)


@blueprint.get("/")
def index() -> str:
    """Products with what is left of them."""
    products = current_session().scalars(select(Product).order_by(Product.sku)).all()
    warehouse = _warehouse()
    left = {product.sku: warehouse.quantity(product.sku) for product in products} if warehouse else {}
    return render_template("admin.html", products=products, left=left)


@blueprint.post("/products")
def import_products() -> Response:
    """Create or change products from an uploaded YAML, CSV or XML file."""
    upload = request.files["file"]
    reader = _READERS.get(Path(upload.filename or "").suffix) or abort(415)
    count = imports.store(reader(upload.read().decode()), current_session())
    flash(f"Updated {count} products from {upload.filename}.")
    return redirect(url_for("admin.index"))


@blueprint.post("/prices")
def import_prices() -> Response:
    """Change prices from an uploaded CSV file."""
    prices = imports.prices_from_csv(request.files["file"].read().decode())
    for product in current_session().scalars(select(Product).where(Product.sku.in_(prices))):
        product.price_cents = prices[product.sku]
    current_session().commit()
    return redirect(url_for("admin.index"))


@blueprint.post("/deliveries")
def receive_delivery() -> Response:
    """Write down a delivery: an uploaded YAML mapping of products to shelves, ten pieces each."""
    warehouse = Warehouse(_warehouse_path())
    for sku, shelf in imports.shelves_from_yaml(request.files["file"].read().decode()).items():
        warehouse.receive(sku, shelf, 10)
    return redirect(url_for("admin.index"))


@blueprint.post("/pictures")
def upload_pictures() -> Response:
    """Unpack an archive of pictures, and scale each of them."""
    folder = _folder("pictures")
    names = media.unpack_pictures(request.files["archive"].stream, folder)
    try:
        for name in names:
            media.make_thumbnail(folder / name, folder / f"small-{secure_filename(name)}")
            flash(f"{name}: {media.picture_size(folder / name)}")
    except (CalledProcessError, OSError) as error:
        flash(f"A picture could not be scaled: {error}")
    return redirect(url_for("admin.index"))


@blueprint.post("/theme")
def upload_theme() -> Response:
    """Unpack an archive of style sheets."""
    names = media.unpack_theme(request.files["archive"].stream, _folder("theme"))
    flash(f"Unpacked {len(names)} files.")
    return redirect(url_for("admin.index"))


@blueprint.post("/ledger")
def publish_ledger() -> Response:
    """Put all orders where the accountants read them."""
    orders = current_session().scalars(select(Order))
    exports.publish_ledger(exports.orders_as_csv(orders), _folder("ledger") / "orders.csv")
    return redirect(url_for("admin.index"))


@blueprint.post("/labels/<int:order_id>")
def print_label(order_id: int) -> Response:
    """Send an order and its label to the warehouse's printer."""
    order = current_session().get(Order, order_id) or abort(404)
    spool = _folder("spool")
    exports.publish_labels(exports.orders_for_printer([order]), spool / f"{order.id}.csv")
    if current_settings().online:
        (spool / f"{order.id}.pdf").write_bytes(shipping.order_label(order.id, order.customer.email))
    return redirect(url_for("admin.index"))


@blueprint.post("/refunds/<int:order_id>")
def refund(order_id: int) -> Response:
    """Give a customer the money back."""
    order = current_session().get(Order, order_id) or abort(404)
    if current_settings().online:
        payments.refund(order.id, order.total_cents)
    order.status = "refunded"
    current_session().commit()
    return redirect(url_for("admin.index"))


@blueprint.post("/newsletter")
def send_newsletter() -> Response:
    """Write to all customers."""
    settings = current_settings()
    customers = current_session().scalars(select(Customer)).all() if settings.online else []
    for customer in customers:
        mail.relay(mail.newsletter(customer, request.form["subject"], request.form["text"]), settings.newsletter_host)
    flash(f"Sent {len(customers)} messages.")
    return redirect(url_for("admin.index"))


def _warehouse_path() -> Path:
    return current_settings().data_dir / "warehouse.sqlite"


def _warehouse() -> Warehouse | None:
    return Warehouse(_warehouse_path()) if _warehouse_path().exists() else None


def _folder(name: str) -> Path:
    folder = current_settings().data_dir / name
    folder.mkdir(exist_ok=True)
    return folder
