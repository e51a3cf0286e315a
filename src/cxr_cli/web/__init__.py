"""The page of `cxr serve`: the user interface, drawn by Gradio. Predictions come from `prediction`."""
