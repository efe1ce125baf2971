"""S3 for one machine: objects are files, everything else is in the store's database."""
