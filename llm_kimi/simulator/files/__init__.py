"""The files of the offline Kimi: uploaded, stored, read, removed."""
