"""Settings of this machine: key, base URL, strictness, and the models that a host serves."""
