"""Column types that several nouns share."""

from __future__ import annotations

from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import mapped_column

Id = Annotated[str, mapped_column(String(20))]
Word = Annotated[str, mapped_column(String(32))]
LongText = Annotated[str, mapped_column(Text)]
Count = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"))]

JsonObject = JSON().with_variant(JSONB(), "postgresql")


def reference(target: str, **kwargs: Any) -> Any:
    """A column that refers to `target`, such as `users.id`. Nothing is deleted by cascade."""
    return mapped_column(String(20), ForeignKey(target), **kwargs)
