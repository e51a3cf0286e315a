"""The page of `cxr serve`: a viewer for films in plain modules, and its server. Predictions come from `prediction`."""
