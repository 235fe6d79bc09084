"""Collect log messages in fixtures that are shared, where pytest's `caplog` cannot be used."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Collector(logging.Handler):
    """A handler that keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def catch_messages(name: str) -> Iterator[list[str]]:
    """Collect the messages of a logger and of those below it.

    Args:
        name: The name of the logger.

    Yields:
        The messages, in order.
    """
    collector, logger = _Collector(), logging.getLogger(name)
    logger.addHandler(collector)
    try:
        yield collector.messages
    finally:
        logger.removeHandler(collector)
