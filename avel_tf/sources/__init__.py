"""Where segment features come from: media files or the official HDF5 files.

A source is a plain description that travels to Beam workers; `open_source` makes a reader there.
"""

from avel_tf.sources.media_source import MediaReader, MediaSource
from avel_tf.sources.official_source import OfficialReader, OfficialSource
from avel_tf.sources.opening import Reader, close_idle_sources, open_source

__all__ = [
    "MediaReader",
    "MediaSource",
    "OfficialReader",
    "OfficialSource",
    "Reader",
    "close_idle_sources",
    "open_source",
]
