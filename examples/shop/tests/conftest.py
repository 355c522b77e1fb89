from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop import create_app
from shop.models import Customer
from shop.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        secret_key="k" * 32,
        partner_key="p" * 32,
        payment_webhook_key=b"payment",
        carrier_webhook_key=b"carrier",
    )


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.fixture
def customer(client: FlaskClient) -> FlaskClient:
    """A browser whose user is signed in as the first customer."""
    client.post("/account/register", data={"email": "ada@example.org", "password": "analytical"})
    return client


@pytest.fixture
def admin(app: Flask, customer: FlaskClient) -> FlaskClient:
    """The same browser, its user now an administrator."""
    with app.extensions["shop.sessions"].begin() as session:
        session.get(Customer, 1).is_admin = True
    return customer
