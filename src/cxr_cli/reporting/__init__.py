"""One document about a run, for a paper: HTML, Markdown and JSON from the workspace's records, and a model card."""
