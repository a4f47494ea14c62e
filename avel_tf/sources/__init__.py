"""Sources of segment features: media files, the official HDF5 files, or a simulation.

A source is a plain description that travels to Beam workers; `open_source` makes a reader there.
"""

from avel_tf.sources.media_source import MediaReader, MediaSource
from avel_tf.sources.official_source import OfficialReader, OfficialSource
from avel_tf.sources.opening import Reader, Source, close_idle_sources, open_source
from avel_tf.sources.release import ave_release, read_release, simulated_release
from avel_tf.sources.simulated_source import SimulatedReader, SimulatedSource

__all__ = [
    "MediaReader",
    "MediaSource",
    "OfficialReader",
    "OfficialSource",
    "Reader",
    "SimulatedReader",
    "SimulatedSource",
    "Source",
    "ave_release",
    "close_idle_sources",
    "open_source",
    "read_release",
    "simulated_release",
]
