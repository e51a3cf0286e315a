"""Arrays in, numbers and pictures out: metrics, intervals, calibration, operating points, paired tests."""
