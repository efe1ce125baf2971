"""Unpacks Debian packages into a root file system that can neither install nor compile anything.

python3 docker/system.py ROOT PACKAGE…     inside the build; PACKAGE may also be a file that lists packages

Each package's description goes to var/lib/dpkg/status.d, where vulnerability scanners look for it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # links into usr/, as Debian's own installer sets them
# of the standard library: its tests, tools, terminal, mail and database modules
UNUSED_MODULES = (
    "_pyio.py",
    "curses",
    "dbm",
    "distutils",
    "doctest.py",
    "ensurepip",
    "idlelib",
    "imaplib.py",
    "lib2to3",
    "mailbox.py",
    "nntplib.py",
    "pdb.py",
    "poplib.py",
    "pydoc.py",
    "pydoc_data",
    "smtpd.py",
    "smtplib.py",
    "sqlite3",
    "telnetlib.py",
    "test",
    "tkinter",
    "turtle.py",
    "turtledemo",
    "unittest",
    "venv",
    "wsgiref",
    "xmlrpc",
)
# codecs for text of other times and places: what people upload and what AWS answers is UTF-8
UNUSED_CODECS = (
    "big5*",
    "cp[15-9]*",
    "euc_*",
    "gb*",
    "hz.py",
    "iso2022*",
    "iso8859_[2-9]*",
    "johab*",
    "koi8*",
    "mac_*",
    "shift*",
)
UNWANTED = (
    "./usr/share/doc/*/[!c]*",  # all but the copyright files
    "./usr/share/doc/*/changelog*",
    "./usr/share/info",
    "./usr/share/lintian",
    "./usr/share/locale",
    "./usr/share/man",
    "./usr/share/applications",
    "./usr/share/pixmaps",
    "./usr/share/binfmts",
    *(f"./usr/lib/python3.11/{module}" for module in UNUSED_MODULES),
    *(f"./usr/lib/python3.11/encodings/{codec}" for codec in UNUSED_CODECS),
    "./usr/lib/*/gconv",  # conversions between old character sets
    "./lib/*/libmvec*",  # vector mathematics that nothing here links with
    *(f"./{folder}" for folder in ("boot", "home", "media", "mnt", "root", "srv")),
    *(f"./var/{folder}" for folder in ("backups", "local", "mail", "opt", "spool")),
    "./etc/default",
    "./etc/update-motd.d",
    *(
        f"./usr/bin/{program}"
        for program in ("pdb*", "py*clean*", "py*compile*", "pydoc*", "pygettext*", "py*versions")
    ),
)
# extension modules whose libraries are not in the list of packages, and those of the interpreter's own tests
UNUSED_EXTENSIONS = (
    *("_codecs_cn", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw"),
    *("_ctypes_test", "_curses*", "_dbm", "_gdbm", "_sqlite3", "_test*", "_tkinter", "_xxtestfuzz"),
    *("audioop", "nis", "ossaudiodev", "readline", "xxlimited*"),
)
USER = 1000
ACCOUNTS = {
    "etc/passwd": f"root:x:0:0:root:/root:/nonexistent\nrollcall:x:{USER}:{USER}:rollcall:/tmp:/nonexistent\n",
    "etc/group": f"root:x:0:\nrollcall:x:{USER}:\n",
}


def main(root: Path, names: list[str]) -> None:
    for folder in MERGED:
        (root / "usr" / folder).mkdir(parents=True, exist_ok=True)
        if not (root / folder).is_symlink():
            (root / folder).symlink_to(f"usr/{folder}")
    with tempfile.TemporaryDirectory() as scratch:
        download = ["apt-get", "download", "--quiet=2", "-o", "APT::Sandbox::User=root"]
        subprocess.run([*download, *names], cwd=scratch, check=True)
        for package in sorted(Path(scratch).glob("*.deb")):
            unpack(package, root)
    for path, content in ACCOUNTS.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)
    for module in UNUSED_EXTENSIONS:
        for file in root.glob(f"usr/lib/python3.11/lib-dynload/{module}.*.so"):
            file.unlink()
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)


def unpack(package: Path, root: Path) -> None:
    content = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
    excludes = [f"--exclude={pattern}" for pattern in UNWANTED]
    subprocess.run(
        ["tar", "--extract", "--keep-directory-symlink", f"--directory={root}", "--wildcards", *excludes],
        stdin=content.stdout,
        check=True,
    )
    if content.wait() != 0:
        raise SystemExit(f"error: {package.name} cannot be unpacked")
    described = subprocess.run(["dpkg-deb", "--field", str(package)], capture_output=True, text=True, check=True).stdout
    status = root / "var/lib/dpkg/status.d" / package.name.split("_")[0]
    status.parent.mkdir(parents=True, exist_ok=True)
    status.write_text(described)


def listed(argument: str) -> list[str]:
    if not Path(argument).is_file():
        return [argument]
    lines = [line.partition("#")[0].strip() for line in Path(argument).read_text().splitlines()]
    return [line for line in lines if line]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [name for argument in sys.argv[2:] for name in listed(argument)])
