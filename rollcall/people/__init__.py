"""Who is enrolled, and who is seen: gallery, records, tracks and identities."""
