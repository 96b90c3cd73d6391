"""What performs an exchange: a sync and an async loop, and the HTTP client they use."""
