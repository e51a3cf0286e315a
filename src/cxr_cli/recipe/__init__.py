"""What a training run is: architectures and options as data, its record, how it decides. No TensorFlow."""
