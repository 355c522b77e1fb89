"""Products from files: YAML from our own editors, CSV and XML from suppliers."""

import ast
import csv
import io
from typing import Any
from xml.etree import ElementTree

import yaml
from defusedxml.ElementTree import fromstring as parse_untrusted
from sqlalchemy import select
from sqlalchemy.orm import Session

from shop.models import Product

Record = dict[str, Any]


def records_from_yaml(body: str) -> list[Record]:
    """A list of mappings with ``sku``, ``name`` and ``price_cents``."""
    records: list[Record] = yaml.load(body, Loader=yaml.Loader)
    return records


def shelves_from_yaml(body: str) -> dict[str, str]:
    """Which product lies on which shelf."""
    shelves: dict[str, str] = yaml.safe_load(body)
    return shelves


def records_from_csv(body: str) -> list[Record]:
    """Rows with ``sku``, ``name``, ``price_cents`` and ``attributes``, such as ``{'colour': 'red'}``."""
    records = []
    for row in csv.DictReader(io.StringIO(body)):
        attributes = eval(row["attributes"])
        records.append({**row, "price_cents": int(row["price_cents"]), "colour": attributes.get("colour")})
    return records


def prices_from_csv(body: str) -> dict[str, int]:
    """Rows with ``sku`` and ``prices``, a tuple of which the last is today's."""
    rows = csv.DictReader(io.StringIO(body))
    return {row["sku"]: int(ast.literal_eval(row["prices"])[-1]) for row in rows}


def records_from_feed(body: str) -> list[Record]:
    """``<product sku="..." price="..."><name>...</name></product>`` elements of a supplier's feed."""
    feed = ElementTree.fromstring(body)
    return [
        {
            "sku": product.attrib["sku"],
            "name": product.findtext("name", ""),
            "price_cents": int(product.attrib["price"]),
        }
        for product in feed.iter("product")
    ]


def tracking_status(body: str) -> tuple[int, str]:
    """Order number and status from a carrier's ``<parcel order="..." status="..."/>``."""
    parcel = parse_untrusted(body)
    return int(parcel.attrib["order"]), parcel.attrib["status"]


def store(records: list[Record], session: Session) -> int:
    """Create or change the products; returns how many there were."""
    for record in records:
        product = session.scalar(select(Product).where(Product.sku == record["sku"]))
        if product is None:
            product = Product(sku=record["sku"])
            session.add(product)
        product.name = record["name"]
        product.price_cents = record["price_cents"]
        product.colour = record.get("colour")
    session.commit()
    return len(records)
