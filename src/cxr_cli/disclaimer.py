"""The disclaimer that is shown with every result."""

DISCLAIMER = "For research and teaching only, never a diagnosis."
