"""How the bytes of objects lie on the disk, and under which names."""
