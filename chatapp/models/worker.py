"""A process start that serves connections. Its beat is its lease on the visits it holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from chatapp.db import Base
from chatapp.models.columns import Count, Id


class Worker(Base):
    """`beat` only ever rises; others watch that it does, by their own clocks."""

    __tablename__ = "workers"

    id: Mapped[Id] = mapped_column(primary_key=True)
    beat: Mapped[Count] = mapped_column(default=0)
    dead: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime]
