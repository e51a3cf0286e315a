"""What ships with the package beside its code: trained models."""
