"""Documents that strangers send, read into a plain tree: no entities, no DOCTYPE, bounded depth and count."""

from dataclasses import dataclass, field
from xml.parsers import expat

from rollcall.local.store.s3.s3_errors import S3Error

MOST_BYTES = 4 * 1024 * 1024  # 10,000 parts with two checksums each are 2.5 MB
MOST_ELEMENTS = 100_000
MOST_DEPTH = 32


@dataclass(slots=True)
class Element:
    name: str
    children: list["Element"] = field(default_factory=list)
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def parse(document: bytes) -> Element:
    """Raises: S3Error (MalformedXML)."""
    reader = _Reader()
    try:
        reader.parser.Parse(document, True)
    except (expat.ExpatError, UnicodeError, ValueError, LookupError) as error:
        raise S3Error("MalformedXML") from error
    return reader.root.children[0]


class _Reader:
    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MOST_DEPTH or self._count > MOST_ELEMENTS:
            self._refuse()
        element = Element(_local(name), attributes={_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse(self, *_: object) -> None:
        raise S3Error("MalformedXML")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
