"""Program that `DecoderProcess` starts: requests on standard input, replies on a given pipe.

It loads nothing heavier than NumPy and PyAV, and so starts in a fraction of a second.
"""

import contextlib
import os
import resource
import signal
import sys
import traceback
from typing import BinaryIO

from avel_tf.errors import MediaError
from avel_tf.media.clips import Clip, count_segments, describe_choice, read_clip
from avel_tf.media.messages import receive, send

MAX_MEMORY_BYTES = 4 * 2**30  # of address space
READS = {
    "read": read_clip,
    "count_segments": count_segments,
    "describe_choice": describe_choice,
}
GRACE_SECONDS = 5.0  # beyond the time limit, which the parent enforces as long as it lives


def main() -> None:
    """Answers requests until standard input ends."""
    requests = sys.stdin.buffer
    replies = os.fdopen(int(sys.argv[1]), "wb", buffering=0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no gigabytes on disk after a crash
    with contextlib.suppress(EOFError, BrokenPipeError):  # the parent has ended
        _serve(requests, replies)


def _serve(requests: BinaryIO, replies: BinaryIO) -> None:
    def read(num_bytes: int) -> bytes:
        data = requests.read(num_bytes)
        if len(data) < num_bytes:
            raise EOFError
        return data

    limits = receive(read)
    send(replies, "ready")
    while True:
        name, path, settings = receive(read)
        # Ends this process if it hangs and its parent is gone.
        signal.setitimer(signal.ITIMER_REAL, limits.max_read_seconds + GRACE_SECONDS)
        send(replies, _read(name, path, **settings, limits=limits))
        signal.setitimer(signal.ITIMER_REAL, 0)


def _read(name: str, path: str, **settings) -> Clip | int | str | MediaError | RuntimeError:
    try:
        return READS[name](path, **settings)
    except MediaError as error:
        return error
    except MemoryError:
        gibibytes = MAX_MEMORY_BYTES / 2**30
        return MediaError("memory_limit", path, f"reading it took over {gibibytes:g} GiB of memory")
    except Exception:
        return RuntimeError(f"The decoder process failed on {path}:\n{traceback.format_exc()}")


if __name__ == "__main__":
    main()
