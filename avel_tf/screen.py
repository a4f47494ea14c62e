"""What the programs of this project let onto the screen."""

import functools
import logging
import os
import sys
import warnings


def quiet() -> None:
    """Shows this project's warnings and everybody's errors; call it before heavy imports."""
    # What TensorFlow logs on start-up (that a GPU plug-in is registered twice) are false alarms;
    # real failures are exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(_is_for_users)
    # TensorFlow's functions may fail to free themselves at exit, which harms nobody.
    sys.unraisablehook = functools.partial(
        _unless_at_exit_of_tensorflow, sys.is_finalizing, sys.unraisablehook
    )


def _is_for_users(record: logging.LogRecord) -> bool:
    """Warnings of other packages are for their makers."""
    return record.levelno >= logging.ERROR or record.name.startswith(("avel_tf", "components"))


def _unless_at_exit_of_tensorflow(finalizing, show, event) -> None:
    # Its arguments are all it may use: at exit this module's globals are gone.
    if not (finalizing() and getattr(event.object, "__module__", "").startswith("tensorflow.")):
        show(event)
