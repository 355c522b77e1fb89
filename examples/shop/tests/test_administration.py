import io
import tarfile
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shop.models import Customer, Order, OrderLine, Product
from shop.services import mail
from shop.settings import Settings

YAML = "[{sku: KET-05, name: Kettle, price_cents: 3900}]"
CSV = "sku,name,price_cents,attributes\nKET-05,Kettle,3900,{'colour': 'red'}\n"
XML = '<feed><product sku="KET-05" price="3900"><name>Kettle</name></product></feed>'


def upload(admin: FlaskClient, path: str, name: str, body: str | bytes, field: str = "file") -> TestResponse:
    stream = io.BytesIO(body.encode() if isinstance(body, str) else body)
    return admin.post(path, data={field: (stream, name)}, follow_redirects=True)


def archive(name: str, body: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(body)
        tar.addfile(member, io.BytesIO(body))
    return packed.getvalue()


def test_customers_do_not_administrate(customer: FlaskClient) -> None:
    assert customer.get("/admin/").status_code == 403


@pytest.mark.parametrize(("name", "body"), [("a.yaml", YAML), ("a.csv", CSV), ("a.xml", XML)])
def test_products_are_imported(admin: FlaskClient, name: str, body: str) -> None:
    assert "Updated 1 products" in upload(admin, "/admin/products", name, body).text
    assert "39.00 €" in admin.get("/search?q=Kettle").text


def test_prices_are_imported(admin: FlaskClient) -> None:
    upload(admin, "/admin/prices", "prices.csv", 'sku,prices\nMUG-01,"(1250, 1150)"\n')
    assert "11.50 €" in admin.get("/products/1").text


def test_deliveries_raise_the_stock(admin: FlaskClient) -> None:
    assert "<td>10</td>" in upload(admin, "/admin/deliveries", "delivery.yaml", "{MUG-01: A7}").text


def test_themes_are_unpacked(admin: FlaskClient, settings: Settings) -> None:
    upload(admin, "/admin/theme", "theme.tar", archive("shop.css", b"body {}"), "archive")
    assert (settings.data_dir / "theme" / "shop.css").read_bytes() == b"body {}"


def test_pictures_are_unpacked_and_served(admin: FlaskClient) -> None:
    upload(admin, "/admin/pictures", "pictures.tar", archive("mug.png", b"not a picture"), "archive")
    with admin.get("/pictures/mug.png") as answer:
        assert answer.data == b"not a picture"


def test_orders_reach_the_accountants_and_the_printer(admin: FlaskClient, settings: Settings) -> None:
    admin.put("/cart/", data='{"1": 1}')
    admin.post("/orders/")
    admin.post("/admin/ledger")
    admin.post("/admin/labels/1")
    for path in (Path("ledger/orders.csv"), Path("spool/1.csv")):
        assert "ada@example.org" in (settings.data_dir / path).read_text()


def test_a_refund_shows_in_the_order(admin: FlaskClient) -> None:
    admin.put("/cart/", data='{"1": 1}')
    admin.post("/orders/")
    admin.post("/admin/refunds/1")
    assert "refunded" in admin.get("/orders/1").text


def test_no_newsletter_is_sent_while_not_online(admin: FlaskClient) -> None:
    assert "Sent 0 messages." in admin.post("/admin/newsletter", follow_redirects=True).text


def test_messages_name_what_was_bought() -> None:
    lines = [OrderLine(product=Product(name="Enamel mug"), quantity=2, price_cents=1250)]
    order = Order(id=1, customer=Customer(email="ada@example.org"), lines=lines, shipping_cents=490)
    assert "2 × Enamel mug" in mail.receipt(order).get_content()
    assert "29.90" in mail.receipt(order).get_content()
    assert "<p>Tea &lt;3</p>" in mail.newsletter(order.customer, "News", "Tea <3").get_content()
    assert "ada@example.org" in mail.reset_notice(order.customer, "https://shop.example/reset").get_content()
