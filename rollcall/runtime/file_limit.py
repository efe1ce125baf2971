"""How many files and connections this process may have open."""

import resource


def allow_files(wanted: int) -> int:
    """Raise the limit to `wanted`, as far as this machine allows; returns how many may be open then."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if files > now:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return files
