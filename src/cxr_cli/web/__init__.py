"""The page of `cxr serve`: user interface only, through Gradio. The answers are `inference`'s."""
