"""What every table is made with: times that are aware, and constraints that have names."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, MetaData
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC times in and out; SQLite would give them back naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time, store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time has no place here")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back what was stored as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}
"""Constraints without a name of their own get one: what has none cannot be changed by a migration on SQLite."""


class Base(DeclarativeBase):
    """The base of every model."""

    registry = registry(type_annotation_map={datetime: UTCDateTime}, metadata=MetaData(naming_convention=NAMES))


db = SQLAlchemy(model_class=Base)
"""For Flask-Migrate and the engine's settings; sessions are opened by the functions below, never ambient."""


def now() -> datetime:
    """The time for people; order comes from seq."""
    return datetime.now(UTC)
