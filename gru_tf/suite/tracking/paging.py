"""All that a search of MLflow finds, which it gives a page at a time."""

from collections.abc import Callable, Iterator
from typing import Any

PAGE = 1000  # the most that every kind of store gives at once


def every(search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """What a search of MLflow's client finds, page by page.

    Args:
        search: one of `MlflowClient.search_…`.
        arguments: its own, without `max_results` and `page_token`.
    """
    token = None
    while True:
        page = search(max_results=PAGE, page_token=token, **arguments)
        yield from page
        token = page.token
        if not token:
            return
