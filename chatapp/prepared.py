"""Statements that a class asks so often that SQLAlchemy's way to the driver costs more than the database's own work:
compiled once for each dialect, then run on the driver's cursor. One costs 10 us where the ORM's costs 100 to 200.

They are written as all others are; types are those of the columns, and errors are SQLAlchemy's.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from chatapp.db import database

Statement = Any
"""A Select, Insert, Update or Delete; Select's own type says its columns, and would have to be repeated here."""
Process = Callable[[Any], Any]


class Prepared:
    """`statement` with its `bindparam`s to be filled in by name. No lists among them: their text would differ."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """The rows of a query, as named tuples. Raises what SQLAlchemy raises."""
        return self._form(connection).rows(connection, values)

    def first(self, connection: Connection, **values: Any) -> Any:
        """The first row of a query, None without one."""
        found = self._form(connection).rows(connection, values)
        return found[0] if found else None

    def run(self, connection: Connection, **values: Any) -> int:
        """Change rows; how many were changed."""
        return self._form(connection).run(connection, values)

    def column(self, connection: Connection, **values: Any) -> list[Any]:
        """The first column of a query's rows, as the driver gives it: of a type that needs no processing, as text."""
        return self._form(connection).column(connection, values)

    def _form(self, connection: Connection) -> _Form:
        name = connection.dialect.name
        form = self._forms.get(name)
        if form is None:
            form = self._forms[name] = _Form(self._statement, connection.dialect)
        return form


class _Form:
    """A statement in the words of one dialect."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        if not isinstance(compiled, SQLCompiler) or compiled.post_compile_params:
            raise TypeError("this statement's text depends on its values")
        self._text = compiled.string
        self._order: list[str] | None = compiled.positiontup if compiled.positional else None
        self._fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._given = _processors(dialect, ((name, bind.type) for name, bind in compiled.binds.items()), "bind")
        self._fixed |= {name: self._given.pop(name)(self._fixed[name]) for name in set(self._given) & set(self._fixed)}
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._row: Process = namedtuple("Row", [str(column.key) for column in columns])._make  # type: ignore[attr-defined]
        self._taken = _processors(dialect, ((place, column.type) for place, column in enumerate(columns)), "result")

    def rows(self, connection: Connection, values: dict[str, Any]) -> list[Any]:
        found = self._executed(connection, values).fetchall()
        return [self._named(given) for given in found]

    def column(self, connection: Connection, values: dict[str, Any]) -> list[Any]:
        if 0 in self._taken:
            raise TypeError("this column's values are not what the driver gives")
        return [given[0] for given in self._executed(connection, values).fetchall()]

    def run(self, connection: Connection, values: dict[str, Any]) -> int:
        changed: int = self._executed(connection, values).rowcount
        return changed

    def _named(self, given: Any) -> Any:
        if not self._taken:
            return self._row(given)
        cells = list(given)
        for place, process in self._taken.items():
            cells[place] = process(cells[place])
        return self._row(cells)

    def _executed(self, connection: Connection, values: dict[str, Any]) -> Any:
        filled = self._fixed | values
        for name, process in self._given.items():
            filled[name] = process(filled[name])
        given = filled if self._order is None else [filled[name] for name in self._order]
        cursor = cursor_of(connection)
        try:
            return cursor.execute(self._text, given)
        except connection.dialect.loaded_dbapi.Error as fault:
            raise _told(connection, cursor, fault) from fault


def cursor_of(connection: Connection) -> Any:
    """A cursor of the driver."""
    return connection.connection.cursor()


def _told(connection: Connection, cursor: Any, fault: Exception) -> Exception:
    """The driver's error as SQLAlchemy tells it, and the connection given up where the error says that it broke."""
    dialect = connection.dialect
    broke = dialect.is_disconnect(fault, connection.connection.dbapi_connection, cursor)  # type: ignore[arg-type]
    if broke:
        connection.invalidate(fault)
    told: Exception = DBAPIError.instance(
        None,
        None,
        fault,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=broke,
        dialect=dialect,
    )
    return told


def _processors(dialect: Dialect, types: Any, way: str) -> dict[Any, Process]:
    found = {}
    for name, kind in types:
        fitted = kind.dialect_impl(dialect)
        process = fitted.bind_processor(dialect) if way == "bind" else fitted.result_processor(dialect, None)
        if process is not None:
            found[name] = process
    return found


@contextmanager
def looking() -> Iterator[Connection]:
    """A connection for `Prepared` reads: each sees what is committed by then, as with `reading`."""
    with database.connection() as connection:
        yield connection


@contextmanager
def still() -> Iterator[Connection]:
    """A connection whose statements all see the same moment, as with `snapshot`. End it before anything waits."""
    with database.connection() as connection:
        if database.is_sqlite:
            cursor = cursor_of(connection)
            cursor.execute("BEGIN")
            yield connection
            cursor.execute("ROLLBACK")
            connection.rollback()  # what SQLAlchemy began where it was asked for more than is prepared
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
