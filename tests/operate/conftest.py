"""What an operator has: the domain on both databases, and a server beside which to type commands."""

from tests.domain.conftest import classroom, engine, postgres, postgresql_engine, sqlite_template

__all__ = ["classroom", "engine", "postgres", "postgresql_engine", "sqlite_template"]
