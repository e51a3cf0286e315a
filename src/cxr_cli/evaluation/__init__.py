"""What the numbers of a classifier are, and pictures of them."""
