"""Opens the lineage's database, an SQLite file, MySQL or PostgreSQL, or says why it cannot."""

import pathlib
import re
import urllib.parse

import ml_metadata
from ml_metadata.proto import metadata_store_pb2 as mlmd

LOCKED = (
    "Another program keeps the lineage database locked. Wait for it or end it (for an SQLite file "
    "`fuser FILE` or `lsof FILE` shows which one it is), and run again: finished work is kept."
)
# A scheme, or user and password; a drive's letter is neither.
LOOKS_LIKE_URL = re.compile(r"[\w+.-]{2,}:/|[^/\\]*:[^/\\]*@")


def parse_connection(connection: str) -> mlmd.ConnectionConfig:
    """Reads the path of an SQLite file, whose folder is made, or the URL of a server's database.

    Raises:
        ValueError: If it is a URL of another form. The message shows nothing of it.
    """
    config = mlmd.ConnectionConfig()
    if not LOOKS_LIKE_URL.match(connection):
        path = pathlib.Path(connection).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        config.sqlite.filename_uri = str(path)
        config.sqlite.connection_mode = config.sqlite.READWRITE_OPENCREATE
        return config
    try:
        url = urllib.parse.urlsplit(connection)
        port, database = url.port, url.path.removeprefix("/")
        whole = all([url.username, url.hostname, port, database])
    except ValueError:  # its message may hold part of the password
        whole = False
    if not whole or url.scheme not in ("mysql", "postgresql") or url.query or url.fragment:
        raise ValueError(
            "The `lineage` database must be the path of an SQLite file, "
            '"mysql://user:password@host:port/database" or '
            '"postgresql://user:password@host:port/database". '
            "Received: what looks like another URL."
        )
    server = getattr(config, url.scheme)
    # The MySQL client connects to "localhost" by a socket file, whatever the port.
    server.host = "127.0.0.1" if url.hostname == "localhost" else url.hostname
    server.user = urllib.parse.unquote(url.username)
    server.password = urllib.parse.unquote(url.password or "")
    server.skip_db_creation = True
    if url.scheme == "mysql":
        server.port, server.database = port, database
    else:
        server.port, server.dbname = str(port), database
    return config


def open_store(config: mlmd.ConnectionConfig) -> ml_metadata.MetadataStore:
    """Connects to a database of `parse_connection`.

    Raises:
        ConnectionError: If it cannot be opened, or later stays locked. The message says what to do.
    """
    try:
        return _Store(config)
    except (RuntimeError, ml_metadata.errors.StatusError) as error:
        raise ConnectionError(_explain(config, str(error))) from None


class _Store(ml_metadata.MetadataStore):
    """A store that says what to do when another program keeps the database locked."""

    def _call(self, *arguments, **keywords):  # retries for some 20 s
        try:
            return super()._call(*arguments, **keywords)
        except ml_metadata.errors.AbortedError:
            raise ConnectionError(LOCKED) from None


def _explain(config: mlmd.ConnectionConfig, message: str) -> str:
    kind = config.WhichOneof("config")
    if kind == "sqlite":
        path = config.sqlite.filename_uri
        if "Concurrent writes aborted" in message:
            return f"Cannot open the lineage database {path}. {LOCKED}"
        return f"Cannot open the lineage database {path}: {message}"
    server = getattr(config, kind)
    return (
        f"Cannot open the lineage database {kind}://{server.user}:***@{server.host}:{server.port}. "
        "Check that the server is running, that the database exists and that user and password "
        "are right."
    )
