"""The table of the service's rate limits."""

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from codetune_core.storage.tables.base import Base


class RateWindowRow(Base):
    """How much one user asked in two fixed windows of time: the one that is numbered, and the one before."""

    __tablename__ = "rate_window"

    user_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    window: Mapped[int] = mapped_column("window_number", BigInteger)
    current: Mapped[int] = mapped_column("current_count")
    previous: Mapped[int] = mapped_column("previous_count")
