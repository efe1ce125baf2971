"""What the stages exchange: events, keys, jobs, packs and errors."""
