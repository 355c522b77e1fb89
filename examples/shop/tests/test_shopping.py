import hashlib
import hmac

from flask.testing import FlaskClient


def test_the_window_shows_products(client: FlaskClient) -> None:
    assert "Enamel mug" in client.get("/").text


def test_a_product_has_a_page(client: FlaskClient) -> None:
    assert "12.50 €" in client.get("/products/1").text
    assert client.get("/products/999").status_code == 404


def test_the_search_finds_by_name_and_by_price(client: FlaskClient) -> None:
    assert "Assam tea" in (page := client.get("/search?q=tea").text)
    assert "Enamel mug" not in page
    assert "Cast iron teapot" in (page := client.get("/search?low=50").text)
    assert "Assam tea" not in page


def test_what_is_put_into_the_cart_can_be_ordered(customer: FlaskClient) -> None:
    customer.post("/cart/add/1", data={"quantity": 2})
    assert "25.00 €" in customer.get("/cart/").text
    page = customer.post("/orders/", follow_redirects=True).text
    assert "Order 1" in page
    assert "29.90 €" in page
    assert "29.90 €" in customer.get("/orders/").text


def test_an_empty_cart_cannot_be_ordered(customer: FlaskClient) -> None:
    assert "Your cart is empty." in customer.post("/orders/", follow_redirects=True).text


def test_a_kept_cart_comes_back(client: FlaskClient) -> None:
    client.put("/cart/", data='{"2": 3}')
    client.post("/cart/save")
    client.put("/cart/", data="{}")
    assert "26.70 €" in client.post("/cart/restore", follow_redirects=True).text


def test_signed_messages_change_an_order(customer: FlaskClient) -> None:
    customer.put("/cart/", data='{"1": 1}')
    customer.post("/orders/")
    for path, key, body in [
        ("payment", b"payment", '{"order": 1, "state": "paid"}'),
        ("carrier", b"carrier", '<parcel order="1" status="delivered"/>'),
    ]:
        signature = hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Signature": signature, "Content-Type": "application/json"}
        assert customer.post(f"/webhooks/{path}", data=body).status_code == 403
        assert customer.post(f"/webhooks/{path}", data=body, headers=headers).status_code == 204
    assert "delivered" in customer.get("/orders/1").text
