"""What in a prepared dataset tells its classes apart without the disease, and what leaks between its parts."""
