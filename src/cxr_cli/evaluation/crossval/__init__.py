"""Cross-validation: how well a recipe does on films like these, and how much that varies."""
