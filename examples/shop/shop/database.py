"""The engine, one session per request, and the products a new shop starts with."""

from flask import Flask, current_app, g
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session, sessionmaker

from shop.models import Base, Product
from shop.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Open the database, create what is missing, and close each request's session."""
    engine = create_engine(f"sqlite:///{settings.data_dir.resolve() / 'shop.sqlite'}")
    Base.metadata.create_all(engine)
    app.extensions["shop.sessions"] = sessions = sessionmaker(engine, expire_on_commit=False)
    app.teardown_appcontext(_close)
    with sessions.begin() as session:
        if session.scalar(select(Product).limit(1)) is None:
            session.add_all(_first_products())


def current_session() -> Session:
    """The session of the current request; views commit it themselves."""
    if "session" not in g:
        g.session = current_app.extensions["shop.sessions"]()
    session: Session = g.session
    return session


def _close(_error: BaseException | None) -> None:
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()


def _first_products() -> list[Product]:
    return [
        Product(sku="MUG-01", name="Enamel mug", price_cents=1250, description="Holds 350 ml."),
        Product(sku="TEA-02", name="Assam tea", price_cents=890, description="Loose leaf, 250 g."),
        Product(sku="POT-03", name="Cast iron teapot", price_cents=5400, description="Holds 1.2 l."),
        Product(sku="TIN-04", name="Tea tin", price_cents=1490, description="Keeps 500 g fresh."),
    ]
