"""The only code that opens audio and video files."""

from avel_tf.choices import VIDEO_SUFFIXES
from avel_tf.media.clips import AUDIO_SUFFIXES, Clip, count_segments, describe_choice, read_clip
from avel_tf.media.decoder_process import DecoderProcess
from avel_tf.media.frames import read_frames, segment_frame_indices
from avel_tf.media.waveforms import read_waveform
from avel_tf.media.writing import write_clip

__all__ = [
    "AUDIO_SUFFIXES",
    "Clip",
    "DecoderProcess",
    "VIDEO_SUFFIXES",
    "count_segments",
    "describe_choice",
    "read_clip",
    "read_frames",
    "read_waveform",
    "segment_frame_indices",
    "write_clip",
]
