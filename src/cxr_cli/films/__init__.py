"""Any image file to pixels, near-duplicate matching, and pictures of films."""
