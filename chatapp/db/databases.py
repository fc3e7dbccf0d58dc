"""The database of a process: its engine, the turn of its one writer, connections at hand and those that are vital."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from chatapp.contract.errors import Code, Refused
from chatapp.contract.hints import Hint
from chatapp.db.engines import connect_args, engine_options
from chatapp.db.tables import now
from chatapp.db.transactions import Transaction

LOCK_WAIT_SECONDS = 5.0
"""How long a write waits for its turn before it answers `unavailable`."""

LANE_LOCK_TIMEOUT_MS = 500
"""One room whose lock another holds must not keep all the others waiting."""

LANE_PLANS = (
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
"""A plan that is made while a table is empty, and kept, must not read the whole of it when it has grown: a lane's
statements are driven by their values, each looked up in an index."""

_is_vital: ContextVar[bool] = ContextVar("vital", default=False)

VITAL_CONNECTIONS = 3
KEPT_OPEN = 4


@contextmanager
def vital() -> Iterator[None]:
    """What is asked inside has connections of its own: a school that comes back all at once takes every one of the
    pool, and a worker that cannot beat for it would fence itself and send them all away again."""
    token = _is_vital.set(True)
    try:
        yield
    finally:
        _is_vital.reset(token)


class Database:
    """One engine, its write lock and its listener: one a process, bound by the composition root."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._vital: Engine | None = None
        self._open: dict[bool, list[Connection]] = {True: [], False: []}
        self._announce: Callable[[list[Hint]], None] = lambda hints: None
        self._write_lock = threading.Lock()

    def bind(self, engine: Engine) -> None:
        """Use `engine` from now on, and tell nobody until `listen` is called."""
        self._engine = engine
        self.release()
        self._announce = lambda hints: None
        self._write_lock = threading.Lock()

    def release(self) -> None:
        """Close what is held beside the engine's pool: the connections at hand and those of `vital`. Whoever needs one
        next opens it."""
        at_hand, self._open = self._open, {True: [], False: []}  # who has one of the old lists closes it
        for connection in (*at_hand[True], *at_hand[False]):
            connection.close()
        vital, self._vital = self._vital, None
        if vital is not None:
            vital.dispose()

    def listen(self, announce: Callable[[list[Hint]], None]) -> None:
        """Call `announce` with the hints of every committed transaction, in the committing greenlet."""
        self._announce = announce

    @property
    def engine(self) -> Engine:
        """The bound engine; inside of `vital` the one that is kept for it."""
        if self._engine is None:
            raise RuntimeError("no database is bound: create_app does it")
        if not _is_vital.get():
            return self._engine
        if self._vital is None:
            url = self._engine.url
            options = engine_options(url.drivername) | {"pool_size": VITAL_CONNECTIONS, "max_overflow": 0}
            self._vital = create_engine(url, **options)
        return self._vital

    @property
    def is_sqlite(self) -> bool:
        """Whether one process and its write lock own the database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def connection(self, *, fleeting: bool = False) -> Iterator[Connection]:
        """A connection for a moment, with no transaction before or after it.

        On SQLite some are kept at hand: taking one out of the pool and putting it back costs 28 us, three statements'
        worth, and every command asks more than once. A `fleeting` one does not wait for the disk.
        """
        if _is_vital.get() or not self.is_sqlite:
            with self.engine.connect() as connection:
                yield connection
            return
        at_hand = self._open[fleeting]
        try:
            connection = at_hand.pop()
        except IndexError:
            connection = self._fleeting() if fleeting else self.engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()  # whatever it was in the middle of ends with it
            raise
        if connection.in_transaction() or at_hand is not self._open[fleeting] or len(at_hand) >= KEPT_OPEN:
            connection.close()
        else:
            at_hand.append(connection)

    def _fleeting(self) -> Connection:
        """A connection to SQLite whose COMMIT does not wait for the disk: of an fsync, 0.15 ms are the processor's. The
        next one that does wait takes along what did not. It is no connection of the pool's, lest it becomes one that
        somebody relies on."""
        connection = self.engine.connect()
        connection.detach()
        connection.connection.cursor().execute("PRAGMA synchronous=NORMAL")
        return connection

    def lane(self, prepared: Sequence[str] = ()) -> Lane:
        """A connection of its own, outside the pool, for a loop that writes all the time; on PostgreSQL with these
        statements `prepared`."""
        url = self.engine.url
        args = connect_args(url.drivername, lock_timeout_ms=LANE_LOCK_TIMEOUT_MS)
        if not self.is_sqlite:
            args["options"] += LANE_PLANS
        return Lane(self, create_engine(url, poolclass=NullPool, connect_args=args), prepared)

    @contextmanager
    def writing(self, connection: Connection, *, is_prepared: bool = False) -> Iterator[Transaction]:
        """A write transaction on `connection`, in the caller's turn; the hints are the caller's to announce.

        Raises Refused(unavailable) when locked out.
        """
        tx = Transaction(connection, is_prepared=is_prepared)
        try:
            begin(connection)
            tx.moment = now()
            yield tx
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        finally:
            tx.close()

    def announce(self, hints: list[Hint]) -> None:
        """Tell delivery what was committed."""
        if hints:
            self._announce(hints)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """SQLite has one writer: wait for the turn here, green, and before a connection is taken out of the pool.

        Raises Refused(unavailable) when it does not come.
        """
        if not self.is_sqlite:
            yield
            return
        if not self._write_lock.acquire(timeout=LOCK_WAIT_SECONDS):
            raise Refused(Code.UNAVAILABLE, "The database is busy.", retry_after=1)
        try:
            yield
        finally:
            self._write_lock.release()


database = Database()


class Lane:
    """A private connection that is opened again when it broke."""

    def __init__(self, owner: Database, engine: Engine, prepared: Sequence[str] = ()) -> None:
        self._owner = owner
        self._engine = engine
        self._prepared = () if owner.is_sqlite else prepared
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Like `transaction`, on this lane's own connection; the hints are the caller's to announce."""
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._connection = self._open()
        try:
            writing = self._owner.writing(self._connection, is_prepared=bool(self._prepared))
            with self._owner.turn(), writing as tx:
                yield tx
        except Exception:
            self.close()  # the hot SQL's errors are the driver's own: SQLAlchemy may not know that the connection broke
            raise

    def _open(self) -> Connection:
        connection = self._engine.connect()
        try:
            for statement in self._prepared:
                connection.exec_driver_sql(statement)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Give the connection back; the next transaction opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def begin(connection: Connection) -> None:
    """Begin a write. On SQLite that takes the database's one write lock, waiting outside of the driver."""
    if not connection.in_transaction():
        connection.begin()
    if connection.dialect.name != "sqlite":
        return
    try:
        connection.connection.cursor().execute("BEGIN IMMEDIATE")
        return
    except connection.dialect.loaded_dbapi.Error:
        pass  # SQLAlchemy's way costs three times as much, and says well what is wrong
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as fault:
            if "locked" not in str(fault.orig) or time.monotonic() > deadline:
                raise Refused(Code.UNAVAILABLE, "The database is busy.", retry_after=1) from fault
            time.sleep(0.02)
