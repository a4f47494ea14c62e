"""Clips that look like AVE's, for demos, tests and benchmarks without the real dataset."""

from avel_tf.simulation.config import SimulationConfig
from avel_tf.simulation.dataset import render_dataset

__all__ = ["SimulationConfig", "render_dataset"]
