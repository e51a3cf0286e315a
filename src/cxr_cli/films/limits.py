"""How large a film may be, and how long it may take: beyond that a file is refused, before its pixels are decoded.

Each limit is an environment variable, so that it also holds for the page, and for the workers of a cluster.
"""

import os
from dataclasses import dataclass

from cxr_cli.errors import UsageError


@dataclass(frozen=True)
class Limit:
    """One limit: its environment variable, its default, and what it counts."""

    variable: str
    default: int
    unit: str

    @property
    def value(self) -> int:
        """The limit as the environment sets it.

        Raises:
            UsageError: the variable isn't a whole number above 0.
        """
        text = os.environ.get(self.variable)
        if not text:
            return self.default
        if not text.isdecimal() or not int(text):
            raise UsageError(f"Expected a whole number above 0 in {self.variable}. Received: {text}.")
        return int(text)

    @property
    def hint(self) -> str:
        """How to raise it."""
        return f"If you trust the file, raise the limit with the environment variable {self.variable}"

    def __str__(self) -> str:
        return f"{self.value:,} {self.unit}"


# The largest films of today have 20 million pixels; one of 35 by 43 cm, digitized at 50 µm, has 60 million.
PIXELS = Limit("CXR_MAX_PIXELS", 64_000_000, "pixels")
BYTES = Limit("CXR_MAX_BYTES", 400_000_000, "bytes")  # of a file, and of what a deflated one holds
FRAMES = Limit("CXR_MAX_FRAMES", 10_000, "frames")
MEMORY = Limit("CXR_MAX_MEMORY", 1_000_000_000, "bytes of memory")  # to decode one film
SECONDS = Limit("CXR_MAX_SECONDS", 5, "seconds of processor time")  # to decode a compressed DICOM film, or JPEG 2000
LIMITS = (PIXELS, BYTES, FRAMES, MEMORY, SECONDS)
