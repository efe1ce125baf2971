"""Where the faces on a picture are."""
