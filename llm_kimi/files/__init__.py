"""Files that go to Kimi: what they are, and which of them it has already."""
