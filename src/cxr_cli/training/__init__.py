"""Everything that needs TensorFlow: networks, fitting, checkpoints, export."""
