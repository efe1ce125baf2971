"""What the log says when something fails that no client is to blame for."""

import logging

logger = logging.getLogger(__name__)


def log_failure(what: str, error: BaseException) -> None:
    """Never with keys or names: those stay out of logs, and an error's text may hold them."""
    frames = "".join(_places(error))
    logger.error("%s failed: %s at %s", what, type(error).__name__, frames)


def _places(error: BaseException) -> list[str]:
    places, trace = [], error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno} ")
        trace = trace.tb_next
    return places
