"""A small online shop: catalogue, cart, orders, accounts, and an administration area."""

from flask import Flask

from shop import database
from shop.settings import Settings
from shop.views import accounts, admin, api, cart, catalogue, orders, webhooks


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application; without settings they are read from the environment."""
    settings = settings or Settings.from_environment()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
    )
    app.extensions["shop.settings"] = settings
    database.init_app(app, settings)
    app.register_blueprint(catalogue.blueprint)
    app.register_blueprint(cart.blueprint, url_prefix="/cart")
    app.register_blueprint(orders.blueprint, url_prefix="/orders")
    app.register_blueprint(accounts.blueprint, url_prefix="/account")
    app.register_blueprint(admin.blueprint, url_prefix="/admin")
    app.register_blueprint(api.blueprint, url_prefix="/api")
    app.register_blueprint(webhooks.blueprint, url_prefix="/webhooks")
    app.add_template_filter(_money, "money")
    return app


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f} €"
