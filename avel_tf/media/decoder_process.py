"""Reading clips in a separate process, so that a crash costs only one clip."""

import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media.clips import Clip
from avel_tf.media.containers import DEFAULT_LIMITS
from avel_tf.media.messages import receive, send

START_SECONDS = 120.0  # to import NumPy and PyAV from a slow disk


class DecoderProcess:
    """Reads clips in a child process, which a hostile or broken file may crash, hang or bloat.

    The child starts with the first clip, serves many and is replaced after a crash. It ends with
    its parent, however that ends, at the latest after the clip it is reading. It guards against
    bugs in decoders and is not a sandbox: the child has all rights of its parent. Not
    thread-safe: use one per thread. The child is a plain program rather than a `multiprocessing`
    one, because daemonic workers may not have children.

    Args:
        limits: `MediaLimits`.
    Example:

    ```python
    with DecoderProcess() as decoder:
        clip = decoder.read("clip.mp4")
    ```
    """

    def __init__(self, limits: MediaLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._child = self._replies = None

    def read(self, path: str | os.PathLike[str], **settings: Any) -> Clip:
        """Reads a clip as `read_clip` does.

        Args:
            path: String or path. The media file.
            **settings: As for `read_clip`, except the limits.
        Returns:
            `Clip`.
        Raises:
            MediaError: As `read_clip` does; also if the child crashes (`decoder_crashed`), needs
                more memory than `decoder_child.MAX_MEMORY_BYTES` (`memory_limit`) or more time
                than `max_read_seconds` (`time_limit`).
            RuntimeError: If the child fails in any other way, which is a bug and not the file's
                fault.
        """
        return self._ask("read", path, settings)

    def count_segments(self, path: str | os.PathLike[str], **settings: Any) -> int:
        """Counts segments as `media.count_segments` does; arguments and errors as for `read`."""
        return self._ask("count_segments", path, settings)

    def describe_choice(self, path: str | os.PathLike[str], **settings: Any) -> str:
        """Describes as `media.describe_choice` does; arguments and errors as for `read`."""
        return self._ask("describe_choice", path, settings)

    def close(self) -> None:
        """Ends the child; the next request starts another."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child.stdin.close()
            self._replies.close()
            self._child = self._replies = None

    def __enter__(self) -> "DecoderProcess":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def _ask(self, name: str, path: str | os.PathLike[str], settings: dict) -> Any:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._start()
        seconds = self._limits.max_read_seconds
        try:
            # Absolute, because the child keeps the working directory it started in.
            reply = self._exchange((name, os.path.abspath(path), settings), seconds)
        except TimeoutError:
            self.close()
            raise MediaError(
                "time_limit", path, f"reading it took longer than {seconds:g} s"
            ) from None
        except EOFError:
            how = _describe_end(self._child.wait())
            self.close()
            raise MediaError("decoder_crashed", path, f"its decoder {how}") from None
        except BaseException:
            self.close()  # or the next clip would receive this one's reply
            raise
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _start(self) -> None:
        # The parent may have found its packages where a fresh interpreter would not look.
        path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
        replies, child_end = os.pipe()  # not its standard output, where libraries print
        self._replies = os.fdopen(replies, "rb", buffering=0)
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "avel_tf.media.decoder_child", str(child_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                bufsize=0,
                pass_fds=(child_end,),
                env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            )
        finally:
            os.close(child_end)
        try:
            self._exchange(self._limits, START_SECONDS)
        except (EOFError, TimeoutError):
            self.close()
            raise RuntimeError(
                "The process that decodes media files does not start. See its error message in the "
                "error output of this process."
            ) from None

    def _exchange(self, request: Any, seconds: float) -> Any:
        """Sends a request and returns the reply; raises EOFError if the child ends first."""
        deadline = time.monotonic() + seconds
        try:
            send(self._child.stdin, request)
        except BrokenPipeError:
            raise EOFError from None
        return receive(lambda num_bytes: self._read_bytes(num_bytes, deadline))

    def _read_bytes(self, num_bytes: int, deadline: float) -> bytearray:
        data = bytearray(num_bytes)
        rest = memoryview(data)
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        while rest:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            received = self._replies.readinto(rest)
            if not received:
                raise EOFError
            rest = rest[received:]
        return data


def _describe_end(status: int) -> str:
    """Describes how a child ended, from its return code."""
    if status < 0:
        return f"was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"ended with status {status}"
