"""What a trained run is worth: on its test films, on external films, beside other runs, and in cross-validation."""
