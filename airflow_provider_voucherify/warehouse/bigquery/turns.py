"""Transactions on BigQuery, which has no connections that end: what a run writes after it took its turn is one
transaction of a session, and whoever comes next ends the session of one that was killed.

A session and its transaction outlive their client for up to a day, and would keep others from the table as long. So
the row by which runs take turns tells the session; it is freed within the transaction, right before it is committed:
a run that lost its turn, since it was slow, cannot commit.
"""

from __future__ import annotations

import logging
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_provider_voucherify.load.errors import StatementFailed
from airflow_provider_voucherify.warehouse.bigquery.client import client_of, driver_errors, run_where_it_is

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from airflow_provider_voucherify.warehouse.bigquery.client import BigQueryClient

log = logging.getLogger(__name__)

#: From when on others end a turn, unless a later try of the same run came before (seconds).
TURN_SECONDS = 600
#: Between two looks whether it is one's turn, each of which is a job, and how many there are: an hour's.
POLL_SECONDS, MOST_LOOKS = 5.0, 720

_TURN, _LEFT = "voucherify_turn", "voucherify_tables_left"
#: First words of the statements that change rows.
_CHANGING = ("INSERT", "UPDATE", "DELETE", "MERGE")
_DEFINING = ("CREATE", "DROP", "ALTER")


@dataclass(slots=True)
class _Turn:
    """A run's turn to write.

    :param lock: the table by which runs take turns.
    :param has_begun: whether its transaction has.
    """

    lock: Table
    session: str
    has_begun: bool = False


class _Cursor(Protocol):
    def execute(
        self, operation: str, parameters: object, *, job_id: str | None = None, job_config: object = None
    ) -> None: ...


class _Context(Protocol):
    root_connection: Connection


def give_transactions(engine: Engine) -> None:
    """Give an engine transactions that begin with the first row changed after a turn was taken; other statements are
    committed each by itself."""
    from sqlalchemy import event

    event.listen(engine, "do_connect", _read_by_rest)
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _roll_back)
    event.listen(engine, "close", _remove_left)


def has_turn(connection: Connection) -> bool:
    """Return whether what the connection writes is in a transaction."""
    return _TURN in connection.info


def remove_at_the_end(connection: Connection, full_name: str) -> None:
    """Let a table be removed when the connection is closed."""
    connection.info.setdefault(_LEFT, []).append(full_name)


def take_turn(connection: Connection, lock: Table, holder: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until no other run writes, and keep others out until the transaction ends.

    :param lock: a table of one row: holder, session, taken_at.
    :param holder: names the run: the turn of an earlier try of it, if it was killed, is ended at once; empty for none.
    :raises StatementFailed: if others write for longer than an hour.
    """
    if has_turn(connection):
        return
    run_where_it_is(connection, lock.schema)
    session = _new_session(connection)
    for _ in range(MOST_LOOKS):
        if _is_taken(connection, lock, holder, session):
            connection.info[_TURN] = _Turn(lock, session)
            return
        sleep(POLL_SECONDS)
    _end_session(client_of(connection), session)
    raise StatementFailed(
        f"other runs were writing to {lock.schema or 'the dataset'} for {MOST_LOOKS * POLL_SECONDS:.0f} s: try again "
        "later",
        is_passing=True,
    )


def _is_taken(connection: Connection, lock: Table, holder: str, session: str) -> bool:
    from sqlalchemy import func, select, text, update

    is_old = lock.c.taken_at < func.timestamp_sub(func.current_timestamp(), text(f"INTERVAL {TURN_SECONDS} SECOND"))
    before, held_by, is_over = connection.execute(select(lock.c.session, lock.c.holder, is_old)).one()
    is_own = holder != "" and held_by == holder
    if before and not (is_own or is_over):
        return False
    if before:  # first: what it changed and did not commit keeps us from changing the row
        _end_session(client_of(connection), before)
    now = {"session": session, "holder": holder, "taken_at": func.current_timestamp()}
    return connection.execute(update(lock).where(lock.c.session == before).values(now)).rowcount == 1


def _new_session(connection: Connection) -> str:
    from google.cloud.bigquery import QueryJobConfig

    with driver_errors(connection):
        job = client_of(connection).query("SELECT 1", job_config=QueryJobConfig(create_session=True))
        job.result()
    return job.session_info.session_id


def _end_session(client: BigQueryClient, session: str) -> None:
    """End a session and roll back what it did not commit; one that is over already is no matter."""
    from google.api_core.exceptions import GoogleAPIError
    from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

    config = QueryJobConfig(query_parameters=[ScalarQueryParameter("session", "STRING", session)])
    try:
        client.query("CALL BQ.ABORT_SESSION(@session)", job_config=config).result()
    except (GoogleAPIError, OSError) as error:
        log.debug("BigQuery did not end a session: %s", type(error).__name__)


def _read_by_rest(_dialect: object, _record: object, _args: object, options: dict[str, object]) -> None:
    """Let results come as the jobs' own: the Storage API would need one more right, and a channel a connection."""
    options["prefer_bqstorage_client"] = False


def _execute(cursor: _Cursor, statement: str, parameters: object, context: _Context) -> bool:
    """Send a statement, as part of the transaction if there is one."""
    connection = context.root_connection
    turn: _Turn | None = connection.info.get(_TURN)
    word = statement.split(None, 1)[0].upper()
    if turn is not None and not turn.has_begun and word in _CHANGING:
        turn.has_begun = True
        connection.exec_driver_sql("BEGIN TRANSACTION")
    with driver_errors(connection):
        # What defines tables is no part of transactions there.
        if turn is None or not turn.has_begun or word in _DEFINING:
            cursor.execute(statement, parameters)
        else:
            # A job that fails rolls the transaction back. The client runs it anew unseen, unless it was given its name:
            # then that, and all statements behind it, would be committed each by itself.
            name = f"voucherify_{uuid.uuid4().hex}"
            cursor.execute(statement, parameters, job_id=name, job_config=_in_session(turn.session))
    return True


def _in_session(session: str) -> object:
    from google.cloud.bigquery import ConnectionProperty, QueryJobConfig

    return QueryJobConfig(connection_properties=[ConnectionProperty("session_id", session)])


def _commit(connection: Connection) -> None:
    from sqlalchemy import update

    turn: _Turn | None = connection.info.get(_TURN)
    if turn is None:
        return
    if not turn.has_begun:
        _give_up(connection)
        return
    own = update(turn.lock).where(turn.lock.c.session == turn.session).values(session="", holder="")
    if connection.execute(own).rowcount != 1:
        raise StatementFailed(
            f"writing took longer than {TURN_SECONDS} s, and another run took the turn: nothing was changed. A retry "
            "tries again",
            is_passing=True,
        )
    connection.exec_driver_sql("COMMIT TRANSACTION")
    del connection.info[_TURN]
    _end_session(client_of(connection), turn.session)


def _roll_back(connection: Connection) -> None:
    if has_turn(connection):
        _give_up(connection)


def _give_up(connection: Connection) -> None:
    """End a turn of which nothing is kept, past SQLAlchemy, whose transaction may be a failed one."""
    from google.api_core.exceptions import GoogleAPIError
    from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

    turn: _Turn = connection.info.pop(_TURN)
    client = client_of(connection)
    _end_session(client, turn.session)
    name = connection.dialect.identifier_preparer.format_table(turn.lock)
    config = QueryJobConfig(query_parameters=[ScalarQueryParameter("session", "STRING", turn.session)])
    text = f"UPDATE {name} SET session = '', holder = '' WHERE session = @session"  # noqa: S608 - the name is quoted
    try:
        client.query(text, job_config=config).result()
    except (GoogleAPIError, OSError) as error:
        log.debug("BigQuery did not take a turn back, it passes by itself: %s", type(error).__name__)


def _remove_left(dbapi_connection: DBAPIConnection, record: _Record) -> None:
    from google.api_core.exceptions import GoogleAPIError

    for name in record.info.pop(_LEFT, []):
        with suppress(GoogleAPIError, OSError):  # they go by themselves within a day
            dbapi_connection._client.delete_table(name, not_found_ok=True)  # noqa: SLF001 - as the dialect does


class _Record(Protocol):
    info: dict[str, list[str]]
