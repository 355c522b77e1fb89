"""The tables, as SQLAlchemy declares them; migrations make them."""
