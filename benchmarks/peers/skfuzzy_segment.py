"""The peer of `cxr segment --method fcm`: scikit-fuzzy's C-means on all pixels of a film.

In: a film, and the .npy file to write. Out: the seconds of the clustering alone, on stdout; the memberships,
(4, H * W) float64 from the darkest cluster to the brightest, in the file.
"""
# ruff: noqa: T201, TID253 - a script

import sys
import time

import numpy as np
import skfuzzy as fuzz
from PIL import Image

pixels = np.asarray(Image.open(sys.argv[1]).convert("L"), dtype=np.float64).reshape(1, -1)
started = time.perf_counter()
centers, memberships, *_ = fuzz.cluster.cmeans(pixels, c=4, m=2, error=0.005, maxiter=1000, seed=0)
print(time.perf_counter() - started)
np.save(sys.argv[2], memberships[np.argsort(centers[:, 0])])
