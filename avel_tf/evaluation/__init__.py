"""Scores, intervals, trivial baselines and the gate."""
