"""What MLflow's back ends raise, as one line that names the store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from gru_tf.foundation.errors import UserError, one_line


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
        reason = one_line(root(error))
        raise StoreError(f"the tracking store {uri} does not respond: {reason}") from error


def _of_a_back_end(error: Exception) -> bool:
    """MLflow wraps most of its back ends' errors, not all."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, (MlflowException, SQLAlchemyError, OSError))


def root(error: BaseException) -> BaseException:
    """The database's own error, which MLflow and SQLAlchemy wrap in their words on sessions and statements."""
    from sqlalchemy.exc import DBAPIError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, DBAPIError) and cause.orig is not None:
            return cause.orig
        cause = cause.__cause__ or cause.__context__
    return error


Method = TypeVar("Method", bound=Callable[..., Any])


def guarded(method: Method) -> Method:
    """A method of what has a `uri`, whose failures to reach the server there are a StoreError."""

    @wraps(method)
    def inner(self: Any, *args: Any, **kwargs: Any) -> Any:
        with answering(self.uri):
            return method(self, *args, **kwargs)

    return cast("Method", inner)
