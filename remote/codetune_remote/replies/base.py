"""What all replies share: how times and money are written, and where descriptions come from."""

import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer


def _in_utc(at: dt.datetime) -> dt.datetime:
    try:
        return at.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("this time is not in the years 1 to 9999 of UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time in UTC, as RFC 3339 writes it; who sends one may write any offset."""
Usd = Annotated[Decimal, PlainSerializer(lambda usd: f"{usd:f}", return_type=str), Field(examples=["0.004200000"])]
"""US dollars as a decimal number in text, for it is exact."""


class Reply(BaseModel):
    """A value that an endpoint gives; read from attributes of the core's values."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)
