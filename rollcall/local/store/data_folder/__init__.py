"""The folder in which a store keeps everything: who uses it, the files of its database, and copies of it."""
