"""Python objects over a pipe: length-prefixed pickles, with arrays sent separately, uncopied."""

import pickle
import struct
from collections.abc import Callable
from typing import Any, BinaryIO

NUMBER = struct.Struct("<Q")


def send(file: BinaryIO, message: Any) -> None:
    """Writes a message to an unbuffered file.

    Args:
        file: Binary file without a buffer.
        message: Any object that can be pickled.
    Raises:
        BrokenPipeError: If the reading end is closed.
    """
    arrays = []
    parts = [pickle.dumps(message, protocol=5, buffer_callback=arrays.append)]
    parts += [array.raw() for array in arrays]
    _write(file, NUMBER.pack(len(parts)))
    for part in parts:
        _write(file, NUMBER.pack(len(part)))
        _write(file, part)


def receive(read: Callable[[int], bytes | bytearray]) -> Any:
    """Reads a message that `send` wrote.

    Args:
        read: Function that reads exactly the given number of bytes.
    Returns:
        The message.
    """
    (num_parts,) = NUMBER.unpack(read(NUMBER.size))
    parts = [read(*NUMBER.unpack(read(NUMBER.size))) for _ in range(num_parts)]
    return pickle.loads(parts[0], buffers=parts[1:])


def _write(file: BinaryIO, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
