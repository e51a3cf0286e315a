"""Rendered radiographs for the demo, the samples and the tests."""
