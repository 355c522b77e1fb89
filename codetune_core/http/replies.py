"""What all replies of the service share: how times and money are written, and how lists are paged."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Generic

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from typing_extensions import TypeVar

Item = TypeVar("Item")


def _in_utc(at: dt.datetime) -> dt.datetime:
    try:
        return at.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("this time is not in the years 1 to 9999 of UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time in UTC, as RFC 3339 writes it; who sends one may write any offset."""
Usd = Annotated[Decimal, PlainSerializer(lambda usd: f"{usd:f}", return_type=str), Field(examples=["0.004200000"])]
"""US dollars as a decimal number in text, for it is exact."""

LONGEST_PAGE = 200
"""Most items that a list gives at once."""


class Reply(BaseModel):
    """A value that an endpoint gives; read from attributes of the core's values."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Cursor(BaseModel):
    """Which page of a list: ``cursor`` is what the page before gave as ``next``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str = ""
    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE)


class Page(BaseModel, Generic[Item]):
    """Part of a list; ``next`` is empty on the last one."""

    items: list[Item]
    next: str = ""
