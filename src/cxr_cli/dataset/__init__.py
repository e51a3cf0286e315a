"""From metadata and images to a manifest, split by patient."""
