"""Everything that is remembered as JSON lines, to move it from one database to another. Knows no file and no terminal.

    {"heji": "state", "version": 1, "schema": "0001"}
    {"table": "chats", "row": {"id": 1, "place": "telegram:-100123", …}}        tables in an order that keys allow
    {"rows": 1}                                                                 the end: nothing was cut off

Values are as JSON has them, bytes in base64; numbers and ids stay what they are. The tokens of workspaces are among
them: without these, every workspace would have to install the bot anew after a move. So the file is as secret as the
database.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    Table,
    Text,
    exc,
    func,
    insert,
    select,
    text,
)

from bot.errors import BotError, LineError
from bot.store import tables
from bot.store.database import Database
from bot.store.sql import CHUNK, chunks

FORMAT = "state"
VERSION = 1
_HUGE = 2**63

TABLES: Mapping[str, Table] = {table.name: table for table in tables.metadata.sorted_tables}
"""All of them; what another one points to comes before it."""


class StateNotEmpty(BotError):
    """The database holds something already (*table*), and two states cannot be joined: name a new one in
    DATABASE_URL.
    """

    table: str

    def __init__(self, table: str) -> None:
        super().__init__(table=table)


class _Unfit(Exception):
    """Why a line is no row."""


class _Row(NamedTuple):
    line: int
    table: Table
    values: dict[str, Any]


# Out ------------------------------------------------------------------------------------------------------------------


def export(database: Database, out: BinaryIO) -> int:
    """Write everything that *database* holds at one moment into the file *out*; how many rows. Raises StoreError."""
    return database.read(lambda connection: _export(database, connection, out))


def _export(database: Database, connection: Connection, out: BinaryIO) -> int:
    out.seek(0)  # this may be the second try
    out.truncate()
    if database.is_postgresql:  # SQLite shows a reader one moment whatever others write
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    out.write(_line({"heji": FORMAT, "version": VERSION, "schema": tables.HEAD}))
    rows = 0
    for name, table in TABLES.items():
        encoders = [(column.name, _encoder(column)) for column in table.columns]
        query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=CHUNK)
        for found in connection.execute(query):
            row = {column: encode(value) for (column, encode), value in zip(encoders, found, strict=True)}
            out.write(_line({"table": name, "row": row}))
            rows += 1
    out.write(_line({"rows": rows}))
    return rows


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _encoder(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, LargeBinary):
        return lambda value: base64.b64encode(value).decode("ascii")
    return lambda value: value


# In -------------------------------------------------------------------------------------------------------------------


def load(database: Database, lines: BinaryIO, source: str) -> int:
    """Put the state in the file *lines*, called *source*, into the empty *database*; how many rows. All or nothing.

    Raises LineError, which names the line, StateNotEmpty and StoreError.
    """
    return database.write(lambda connection: _load(database, connection, lines, source))


def _load(database: Database, connection: Connection, lines: BinaryIO, source: str) -> int:
    for name, table in TABLES.items():
        if connection.execute(select(table).limit(1)).first() is not None:
            raise StateNotEmpty(name)
    lines.seek(0)  # this may be the second try
    written = 0
    for chunk in chunks(_rows(lines, source), CHUNK):
        written += len(chunk)
        for table, rows in _runs(chunk):
            _put(connection, table, rows, source)
    if database.is_postgresql:
        _count_on(connection)
    return written


def _runs(rows: Iterable[_Row]) -> Iterator[tuple[Table, list[_Row]]]:
    """Rows of one table after another."""
    run: list[_Row] = []
    for row in rows:
        if run and row.table is not run[0].table:
            yield run[0].table, run
            run = []
        run.append(row)
    if run:
        yield run[0].table, run


def _put(connection: Connection, table: Table, rows: list[_Row], source: str) -> None:
    """Insert *rows*. Where the database refuses them, one by one, to name the first that it does not take."""
    try:
        with connection.begin_nested():
            connection.execute(insert(table), [row.values for row in rows])
    except (exc.IntegrityError, exc.DataError) as error:
        if len(rows) == 1:
            why = "there is such a row already, or what it points to is missing"
            raise LineError(source, rows[0].line, f"the database refuses this row of {table.name}: {why}") from error
        for row in rows:
            _put(connection, table, [row], source)


def _count_on(connection: Connection) -> None:
    """PostgreSQL's sequences go on after the highest id; SQLite does so by itself."""
    for name, table in TABLES.items():
        if (number := table.autoincrement_column) is not None:
            sequence, highest = (
                func.pg_get_serial_sequence(name, number.name),
                select(func.max(number)).scalar_subquery(),
            )
            connection.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))


def _rows(lines: Iterable[bytes], source: str) -> Iterator[_Row]:
    """The rows of the lines; the first and the last line are looked at and left out."""
    number, rows, ended = 0, 0, False
    try:
        for number, line in enumerate(lines, 1):
            value = _object(line)
            if number == 1:
                _check_head(value)
            elif ended:
                raise _Unfit("something stands after the end")
            elif "rows" in value:
                if value["rows"] != rows:
                    raise _Unfit(f"{rows:,} rows came before it, and it counts {value['rows']}")
                ended = True
            else:
                yield _Row(number, *_row(value))
                rows += 1
        if not ended:
            raise _Unfit("the end is missing: the file was cut off" if number else "it is empty")
    except _Unfit as error:
        raise LineError(source, max(number, 1), str(error)) from None


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise _Unfit("it is no JSON") from None
    if not isinstance(value, dict):
        raise _Unfit("it is no JSON object")
    return value


def _check_head(value: Mapping[str, Any]) -> None:
    if value.get("heji") != FORMAT:
        raise _Unfit("this is not what heji export-state writes")
    if value.get("version") != VERSION:
        raise _Unfit(f"its format has the version {value.get('version')}, and this heji reads {VERSION}")
    if value.get("schema") != tables.HEAD:
        why = f"its tables are of version {value.get('schema')}, and this heji's of {tables.HEAD}"
        raise _Unfit(f"{why}: export it with the version of heji that is to import it")


def _row(value: Mapping[str, Any]) -> tuple[Table, dict[str, Any]]:
    table, row = TABLES.get(str(value.get("table"))), value.get("row")
    if table is None or not isinstance(row, dict):
        raise _Unfit('it is no row such as {"table": "chats", "row": {…}}')
    if row.keys() != set(table.columns.keys()):
        odd = sorted(row.keys() ^ set(table.columns.keys()))
        raise _Unfit(f"{table.name} has other columns than these: {', '.join(odd)}")
    return table, {name: _value(table.columns[name], value) for name, value in row.items()}


def _value(column: Column[Any], value: Any) -> Any:
    """*value* as the database takes it: SQLite would keep a text where a number belongs."""
    if value is None:
        if not column.nullable and not isinstance(column.type, JSON):
            raise _Unfit(f"{column.table.name}.{column.name} has to be something")
        return None
    match column.type:
        case JSON():
            return value
        case LargeBinary():
            try:
                return base64.b64decode(value, validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise _Unfit(f"{column.table.name}.{column.name} has to be base64") from None
        case Boolean():
            fits, kind = isinstance(value, bool), "true or false"
        case Integer():
            whole = isinstance(value, int) and not isinstance(value, bool)
            fits, kind = whole and abs(value) < _HUGE, "a whole number"
        case Double():
            fits, kind = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        case Text():
            fits, kind = isinstance(value, str), "a text"
        case _:
            raise AssertionError(column.type)
    if not fits:
        raise _Unfit(f"{column.table.name}.{column.name} has to be {kind}")
    return value
