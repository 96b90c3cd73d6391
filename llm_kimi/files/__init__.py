"""Images, videos and documents: fetched, inlined, uploaded, extracted, remembered, deleted."""
