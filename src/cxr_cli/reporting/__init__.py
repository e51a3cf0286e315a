"""One document about a run, for a paper: from the workspace's records to HTML, Markdown, JSON and a model card."""
