"""What this machine remembers of uploaded files: an SQLite database and the cache in it."""
