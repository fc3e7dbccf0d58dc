"""The database as the rest knows it: transactions that write, snapshots that read, and what is announced after COMMIT.

No rules and no rows of a particular kind here. SQLite and PostgreSQL differ in this folder and in the hot SQL alone.
"""

from chatapp.db.databases import Database, Lane, begin, database, vital
from chatapp.db.engines import OUTAGES, connect_args, engine_options, is_outage, keep_private
from chatapp.db.sessions import database_now, reading, snapshot, transaction
from chatapp.db.tables import Base, UTCDateTime, db, now
from chatapp.db.transactions import Transaction

__all__ = [
    "OUTAGES",
    "Base",
    "Database",
    "Lane",
    "Transaction",
    "UTCDateTime",
    "begin",
    "connect_args",
    "database",
    "database_now",
    "db",
    "engine_options",
    "is_outage",
    "keep_private",
    "now",
    "reading",
    "snapshot",
    "transaction",
    "vital",
]
