"""Films: from any image file to pixels, and back to pictures."""
