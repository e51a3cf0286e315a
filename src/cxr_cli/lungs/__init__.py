"""Lung masks of frontal films, and how well masks agree."""
