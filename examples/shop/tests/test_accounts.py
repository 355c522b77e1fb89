import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.models import Customer
from shop.settings import STORE_ID


def test_orders_are_for_those_signed_in(client: FlaskClient) -> None:
    assert client.get("/orders/").status_code == 401


def test_a_customer_signs_in_again_after_signing_out(customer: FlaskClient) -> None:
    customer.post("/account/logout")
    assert customer.get("/orders/").status_code == 401
    customer.post("/account/login", data={"email": "ada@example.org", "password": "wrong"})
    assert customer.get("/orders/").status_code == 401
    customer.post("/account/login", data={"email": "ada@example.org", "password": "analytical"})
    assert customer.get("/orders/").status_code == 200


def test_a_remembered_customer_is_known_in_the_next_visit(customer: FlaskClient) -> None:
    customer.post("/account/login", data={"email": "ada@example.org", "password": "analytical", "remember": "on"})
    customer.delete_cookie("session")
    assert customer.get("/orders/").status_code == 200


def test_a_forgotten_password_is_set_anew_with_the_token_sent(app: Flask, customer: FlaskClient) -> None:
    customer.post("/account/forgot", data={"email": "ada@example.org"})
    with app.extensions["shop.sessions"]() as session:
        token = session.get(Customer, 1).reset_token
    assert customer.get("/account/reset/1/guess").status_code == 404
    customer.post(f"/account/reset/1/{token}", data={"password": "difference"})
    customer.post("/account/logout")
    customer.post("/account/login", data={"email": "ada@example.org", "password": "difference"})
    assert customer.get("/orders/").status_code == 200


@pytest.mark.parametrize("path", ["/account/register", "/account/login"])
def test_forms_answer(client: FlaskClient, path: str) -> None:
    assert "<form" in client.get(path).text


def test_partners_read_orders_with_a_token(client: FlaskClient) -> None:
    token = jwt.encode({"customers": [1]}, "p" * 32, algorithm="HS256")
    assert client.get("/api/orders", headers={"Authorization": f"Bearer {token}"}).json == []
    assert client.get("/api/orders").status_code == 401


def test_monitoring_needs_a_token_for_this_store(client: FlaskClient) -> None:
    token = jwt.encode({"aud": STORE_ID}, "p" * 32, algorithm="HS256")
    assert client.get("/api/health", headers={"Authorization": f"Bearer {token}"}).json == {
        "store": STORE_ID,
        "orders": 0,
    }
    other = jwt.encode({"aud": "another"}, "p" * 32, algorithm="HS256")
    assert client.get("/api/health", headers={"Authorization": f"Bearer {other}"}).status_code == 401


def test_price_comparison_sites_read_all_products(client: FlaskClient) -> None:
    assert {"sku": "MUG-01", "name": "Enamel mug", "cents": 1250} in (client.get("/api/products").json or [])
