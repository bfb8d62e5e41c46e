"""What MLflow's back ends raise, as one line that names the store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from socket import gaierror
from typing import Any, TypeVar, cast

from gru_tf.foundation.errors import UserError, one_line

DRIVERS = ("psycopg2", "psycopg", "MySQLdb", "pymysql", "pyodbc")  # of databases that MLflow keeps runs in


class StoreError(UserError):
    """The tracking server does not take or give what it is asked."""


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Turn whatever MLflow's back ends raise into a StoreError in one line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not _of_a_back_end(error):
            raise
        reason = _network(error) or _driver(error) or one_line(root(error))
        raise StoreError(f"the tracking store {uri} does not respond: {reason}") from error


def _of_a_back_end(error: Exception) -> bool:
    """MLflow wraps most of its back ends' errors, not all."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, (MlflowException, SQLAlchemyError, OSError)) or bool(_driver(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and, one after the other, what it was raised for."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _network(error: BaseException) -> str:
    """What the system says of the connection, which MLflow and urllib3 wrap in their words; "" for any other failure."""
    refused = [e for e in _chain(error) if isinstance(e, (ConnectionError, TimeoutError, gaierror)) and e.strerror]
    return f"{refused[-1].strerror}. Is the server running, and is this its address?" if refused else ""


def _driver(error: BaseException) -> str:
    """Which package is missing that speaks with the database; "" for any other failure."""
    if not isinstance(error, ModuleNotFoundError) or error.name not in DRIVERS:
        return ""
    return f"its driver is not installed, {error.name}; for PostgreSQL: pip install psycopg2-binary, for MySQL: pymysql"


def root(error: BaseException) -> BaseException:
    """The database's own error, which MLflow and SQLAlchemy wrap in their words on sessions and statements."""
    from sqlalchemy.exc import DBAPIError

    wrapped = (e.orig for e in _chain(error) if isinstance(e, DBAPIError) and e.orig is not None)
    return next(wrapped, error)


Method = TypeVar("Method", bound=Callable[..., Any])


def guarded(method: Method) -> Method:
    """A method of what has a `uri`, whose failures to reach the server there are a StoreError."""

    @wraps(method)
    def inner(self: Any, *args: Any, **kwargs: Any) -> Any:
        with answering(self.uri):
            return method(self, *args, **kwargs)

    return cast("Method", inner)
