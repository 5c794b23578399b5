"""What was done with readers as a whole."""
