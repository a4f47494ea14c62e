"""Dual Attention Matching for audio-visual event localization."""

__version__ = "0.1.0"
