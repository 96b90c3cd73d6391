"""HTTP/1.1 on loopback: requests in, the answers of the offline Kimi out."""
