"""Predictions of a trained run through LiteRT, without TensorFlow."""
