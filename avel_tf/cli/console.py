"""The screen of every program: what is shown there, and how errors become messages."""

import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable

from avel_tf.utils.untrusted_text import visible


def quiet() -> None:
    """Shows this project's warnings and all errors; call it before heavy imports."""
    # TensorFlow's logs on start-up, such as a GPU plug-in registered twice, are false alarms; real
    # failures are exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(_is_for_users)
    sys.stdout.reconfigure(errors="backslashreplace")  # file names may not be valid text
    for stream in (sys.stdout, sys.stderr):
        stream.write = functools.partial(_write_visible, stream.write)
    # TensorFlow's functions may fail to free themselves at exit, which does no harm.
    sys.unraisablehook = functools.partial(
        _unless_at_exit_of_tensorflow, sys.is_finalizing, sys.unraisablehook
    )


def _write_visible(write: Callable[[str], int], text: str) -> int:
    return write(visible(text))


def _is_for_users(record: logging.LogRecord) -> bool:
    """Hides warnings of other packages, which are for their developers."""
    return record.levelno >= logging.ERROR or record.name.startswith(("avel_tf", "components"))


def _unless_at_exit_of_tensorflow(finalizing, show, event) -> None:
    # It must only use its arguments, because at exit this module's globals are gone.
    if not (finalizing() and getattr(event.object, "__module__", "").startswith("tensorflow.")):
        show(event)


def report_errors(run: Callable[[], int], as_typed: Callable[[str], str], when_stopped: str) -> int:
    """Runs a command, and turns what the user can do something about into a message.

    Other exceptions are faults of this project and keep their traceback.

    Args:
        run: Function that returns an exit status.
        as_typed: Function that calls settings in a message as the user does.
        when_stopped: String. Sentence for Ctrl-C.
    Returns:
        The status of `run`; 2 after an error, 130 after Ctrl-C.
    """
    try:
        return run()
    except (ValueError, RuntimeError, OSError) as error:  # InputError, MediaError, DeviceError
        print(f"Error: {as_typed(str(error))}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith(("avel_tf", "components", "pipelines")):
            raise
        print(
            f"Error: The package {error.name} is not installed. This command needs the extra "
            "`pipeline`: pip install 'avel_tf[pipeline]'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {when_stopped}".rstrip(), file=sys.stderr)
        return 130
