"""What a request names by URL, fetched: a URL in, bytes out, under one clock."""
