"""What a person at a terminal reads: notices, progress, tables."""
