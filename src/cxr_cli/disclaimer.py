"""What a person reads beside every result."""

DISCLAIMER = "For research and teaching only, never a diagnosis."
