"""One package a host: its requests in, its answers, streams and exceptions out."""
