"""An open write transaction, as the rules hold it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from chatapp.contract.hints import Hint
from chatapp.db.tables import now


class Transaction:
    """An open write transaction: its session, and the hints to announce once it is committed.

    The session is made when it is first asked for. The send path, which speaks to the driver, seldom does, and
    making, joining and ending one cost it 60 us a batch.
    """

    def __init__(self, connection: Connection, *, is_prepared: bool = False) -> None:
        self._connection = connection
        self.is_prepared = is_prepared
        """Whether this is the connection of a lane that has its statements prepared."""
        self._session: Session | None = None
        self.hints: list[Hint] = []
        self.moment = now()
        """What everything written here shows as its time: one act, one time."""

    def announce(self, hint: Hint) -> None:
        """Tell delivery after COMMIT; a rolled-back write tells nobody."""
        self.hints.append(hint)

    @property
    def session(self) -> Session:
        """The ORM's session in this transaction."""
        if self._session is None:
            self._session = Session(
                bind=self._connection, expire_on_commit=False, join_transaction_mode="control_fully"
            )
            self._session.connection()  # joins what has begun, so that it ends with the session even when unused
        return self._session

    @property
    def connection(self) -> Connection:
        """The connection of this transaction, for what is `Prepared`: it sees what the session has flushed."""
        return self._connection

    @property
    def cursor(self) -> Any:
        """A cursor of the driver on this transaction's connection, for SQL text where the ORM is too slow."""
        return self._connection.connection.cursor()

    @property
    def script(self) -> Any:
        """A cursor of PostgreSQL's driver that takes several statements at once, the values written into their text: of
        what nobody may read in a database's log, none."""
        from psycopg import ClientCursor

        driver: Any = self._connection.connection.driver_connection
        return ClientCursor(driver)

    @property
    def is_sqlite(self) -> bool:
        """Which of the two dialects the hot SQL should speak."""
        return self._connection.dialect.name == "sqlite"

    def commit(self) -> None:
        """Write what the session holds, and end well."""
        if self._session is not None:
            self._session.flush()
            self._session.commit()
        else:
            self._connection.commit()

    def rollback(self) -> None:
        """End as if nothing had been."""
        if self._session is not None:
            self._session.rollback()
        else:
            self._connection.rollback()

    def close(self) -> None:
        """Let go of the session."""
        if self._session is not None:
            self._session.close()
