"""What an upload's owner gets: the output files, how they are written, announced and made to forget."""
