"""Everything that needs TensorFlow; no other package imports it."""
