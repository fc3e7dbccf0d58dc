"""A task that only one worker does at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Id, Word


class Lease(Base):
    """Until `until`, by the database's clock, `name` is `holder`'s to do."""

    __tablename__ = "leases"

    name: Mapped[Word] = mapped_column(primary_key=True)
    holder: Mapped[Id]
    until: Mapped[datetime]
