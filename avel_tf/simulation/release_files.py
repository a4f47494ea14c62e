"""Video ids and text files of a release, for simulated clips and simulated features."""

import pathlib
import string
from collections.abc import Sequence

import h5py
import numpy as np

from avel_tf.ave import Annotation
from avel_tf.ave.annotations import HEADER

VIDEO_ID_ALPHABET = list(string.ascii_letters + string.digits + "-_")
VIDEO_ID_LENGTH = 11


def draw_video_id(random: np.random.Generator) -> str:
    """Draws a video id like YouTube's."""
    return "".join(random.choice(VIDEO_ID_ALPHABET, VIDEO_ID_LENGTH))


def write_annotations(
    path: pathlib.Path, annotations: Sequence[Annotation], header: bool = False
) -> None:
    """Writes an annotation file with its header line, or a set file without one."""
    lines = [
        f"{item.category}&{item.video_id}&good&{item.start_seconds}&{item.end_seconds}"
        for item in annotations
    ]
    lines = [HEADER, *lines] if header else lines
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_order(path: pathlib.Path, rows: Sequence[int]) -> None:
    """Writes the rows of a split."""
    with h5py.File(path, "w") as file:
        file["order"] = np.array(rows, np.int64)
