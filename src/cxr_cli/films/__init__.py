"""Films: finding and reading them, matching near-duplicates, and drawing on them."""
