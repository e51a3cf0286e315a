"""A recipe, trained and tested in folds: what it is worth on films like these, and how much that varies."""
