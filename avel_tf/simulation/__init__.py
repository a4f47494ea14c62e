"""Simulated clips and features that resemble AVE's, for use without the real dataset."""

from avel_tf.simulation.config import SimulationConfig
from avel_tf.simulation.dataset import render_dataset
from avel_tf.simulation.feature_dataset import (
    FeatureSimulationConfig,
    read_simulation,
    simulate_features,
)

__all__ = [
    "FeatureSimulationConfig",
    "SimulationConfig",
    "read_simulation",
    "render_dataset",
    "simulate_features",
]
