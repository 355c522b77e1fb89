"""Finding products."""

import random
from collections.abc import Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from shop.models import Product


def products_named(session: Session, term: str) -> Sequence[Product]:
    """Products whose name contains the term, by name."""
    rows = session.execute(text(f"SELECT id FROM product WHERE name LIKE '%{term}%' ORDER BY name"))
    found = {product.id: product for product in session.scalars(select(Product))}
    return [found[row.id] for row in rows]


def products_priced(session: Session, low: int, high: int) -> Sequence[Product]:
    """Products between two prices in cents, the cheapest first."""
    statement = text("SELECT * FROM product WHERE price_cents BETWEEN :low AND :high ORDER BY price_cents")
    chosen = select(Product).from_statement(statement.bindparams(low=low, high=high))
    return session.scalars(chosen).all()


def shop_window(session: Session, count: int) -> Sequence[Product]:
    """Some products in an order that changes with each visit."""
    products = list(session.scalars(select(Product)))
    random.shuffle(products)
    return products[:count]
