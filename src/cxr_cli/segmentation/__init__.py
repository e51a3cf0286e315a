"""Lungs in a film: clusters of gray, and a prior of where lungs are."""
