"""What is in an image, read from the image itself: sizes, a bill of materials (CycloneDX 1.5) and licenses."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

STATUS = "var/lib/dpkg/status.d"
PACKAGES = "usr/local/lib/python3.11/dist-packages"
MODELS = "opt/models"
DISTRIBUTION = "Debian"
MEGABYTE = 1_000_000
# where the copyright file is prose, or lists parts that are not built
NAMED_HERE = {
    "base-files": "GPL-2.0-or-later",
    "ffmpeg": "LGPL-2.1-or-later",  # docker/ffmpeg.txt enables none of the parts that Debian builds under the GPL
    "gcc-12-base": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libc6": "LGPL-2.1-or-later",
    "libcrypt1": "LGPL-2.1-or-later",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libpython3.11-minimal": "PSF-2.0",
    "libpython3.11-stdlib": "PSF-2.0",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "python3-minimal": "PSF-2.0",
    "python3.11": "PSF-2.0",
    "python3.11-minimal": "PSF-2.0",
}
# uncompressed, in MB
AIMS = {"video_split": 250, "face_recognition": 400, "lookup": 150, "api": 420, "server": 470}
_LICENSE_FIELD = re.compile(r"^License: *(\S.*)$", re.MULTILINE)
_HASHED_NAME = re.compile(r"-[0-9a-f]{8}(?=\.so)")  # wheels rename the libraries that they bring


@dataclass(frozen=True, kw_only=True)
class Material:
    kind: str  # CycloneDX's: library, machine-learning-model
    name: str
    version: str
    license: str
    origin: str
    purl: str | None = None
    sha256: str | None = None
    brings: tuple[str, ...] = field(default=())  # libraries inside a wheel that are somebody else's


def write_materials(folder: Path, component: str) -> None:
    materials = sorted(_materials(folder / "root"), key=lambda material: (material.origin, material.name.lower()))
    (folder / "sbom.cdx.json").write_text(json.dumps(bill_of_materials(component, materials), indent=2) + "\n")
    (folder / "licenses.md").write_text(_license_table(component, materials))


def write_sizes(out: Path) -> None:
    """Writes the sizes of every image under `out`, and prints them."""
    sizes = {name: _sizes(out / name / "root") for name in AIMS if (out / name / "root").is_dir()}
    (out / "sizes.json").write_text(json.dumps({"unit": "bytes, uncompressed", "images": sizes}, indent=2) + "\n")
    print(f"{'image':<18}{'MB':>7}{'aim':>7}   of it")
    for name, parts in sizes.items():
        shares = ", ".join(f"{part} {size / MEGABYTE:.0f}" for part, size in parts.items() if part != "total")
        print(f"{name:<18}{parts['total'] / MEGABYTE:>7.0f}{AIMS[name]:>7}   {shares}")


def bill_of_materials(component: str, materials: list[Material]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"rollcall-{component}", "bom-ref": component}},
        "components": [_component(material) for material in materials],
    }


def _component(material: Material) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": material.kind,
        "bom-ref": material.purl or f"{material.name}@{material.version}",
        "name": material.name,
        "version": material.version,
        "licenses": [{"license": {"name": material.license}}],
    }
    if material.purl:
        described["purl"] = material.purl
    if material.sha256:
        described["hashes"] = [{"alg": "SHA-256", "content": material.sha256}]
    if material.brings:
        described["components"] = [{"type": "library", "name": library} for library in material.brings]
    return described


def _materials(root: Path) -> Iterator[Material]:
    for description in sorted((root / STATUS).iterdir()):
        yield _debian_package(HeaderParser().parsestr(description.read_text()), root)
    for metadata in sorted((root / PACKAGES).glob("*.dist-info/METADATA")):
        yield _python_package(HeaderParser().parsestr(metadata.read_text()), metadata.parent)
    if (root / MODELS).is_dir():
        manifest = json.loads((root / MODELS / "manifest.json").read_text())
        for name, entry in sorted(manifest["files"].items()):
            yield _model_file(name, entry, root)


def _debian_package(fields: Message, root: Path) -> Material:
    name, version = fields["Package"], fields["Version"]
    architecture = quote(fields["Architecture"])
    return Material(
        kind="library",
        name=name,
        version=version,
        license=NAMED_HERE.get(name) or _debian_license(root / "usr/share/doc" / name / "copyright"),
        origin=DISTRIBUTION,
        purl=f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro=debian-12",
    )


def _debian_license(copyright_file: Path) -> str:
    named = dict.fromkeys(_LICENSE_FIELD.findall(copyright_file.read_text(errors="replace")))
    return "; ".join(named) or f"see /usr/share/doc/{copyright_file.parent.name}/copyright"


def _python_package(fields: Message, folder: Path) -> Material:
    name, version = fields["Name"], fields["Version"]
    libraries = folder.parent.glob(f"{name.replace('-', '_')}.libs/*.so*")
    return Material(
        kind="library",
        name=name,
        version=version,
        license=_python_license(fields),
        origin="Python",
        purl=f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        brings=tuple(sorted(_HASHED_NAME.sub("", library.name) for library in libraries)),
    )


def _python_license(fields: Message) -> str:
    classified = [
        value.rpartition(" :: ")[2]
        for value in fields.get_all("Classifier", [])
        if value.startswith("License :: ") and not value.endswith("OSI Approved")
    ]
    first_line = (fields["License"] or "").strip().partition("\n")[0]
    license = fields["License-Expression"] or "; ".join(classified) or first_line or "see its dist-info folder"
    return str(license)


def _model_file(name: str, entry: dict[str, Any], root: Path) -> Material:
    digest = hashlib.sha256((root / MODELS / name).read_bytes()).hexdigest()
    if digest != entry["sha256"]:
        raise SystemExit(f"error: {name} in the image is not the file that its manifest describes")
    source = entry["source"]
    return Material(
        kind="machine-learning-model",
        name=name,
        version=str(source.get("version", "")) if isinstance(source, dict) else "",
        license=entry["license"],
        origin="weights",
        sha256=digest,
    )


def _license_table(component: str, materials: list[Material]) -> str:
    rows = [
        f"# What the image of {component} is made of\n",
        "| from | what | version | license | brings |",
        "|" + "---|" * 5,
    ]
    for material in materials:
        cells = (material.origin, material.name, material.version, material.license, ", ".join(material.brings))
        rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    texts = f"\nTexts: `/usr/share/doc/*/copyright` and `/{PACKAGES}/*.dist-info/` in the image."
    return "\n".join([*rows, texts]) + "\n"


def _sizes(root: Path) -> dict[str, int]:
    parts = {
        "packages": _bytes(root / PACKAGES, "**/*"),
        "weights": _bytes(root / MODELS, "**/*"),
        "ffmpeg": sum(_bytes(root / "usr", pattern) for pattern in ("bin/ff*", "lib/lib*", "lib/*/libdav1d*")),
        "code": _bytes(root / "var/task", "**/*"),
    }
    total = _bytes(root, "**/*")
    return {"total": total, "system": total - sum(parts.values())} | {
        part: size for part, size in parts.items() if size
    }


def _bytes(folder: Path, pattern: str) -> int:
    """Each file once, however many names it has."""
    if not folder.is_dir():
        return 0
    found = {(status.st_dev, status.st_ino): status.st_size for status in map(Path.lstat, folder.glob(pattern))}
    return sum(found.values())
