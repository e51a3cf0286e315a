"""Tests of trained runs: on test films, on films from elsewhere, beside other runs, and in cross-validation."""
