"""Answers of a trained run through LiteRT, without TensorFlow."""
