"""The embedders that a user may choose from. Names and numbers only, so that whoever asks loads no runtime."""

from dataclasses import dataclass
from typing import Literal

EmbedderName = Literal["dlib-resnet", "facenet"]
DEFAULT_EMBEDDER: EmbedderName = "dlib-resnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderKind:
    """`file`: in the model folder. `dimension`: numbers in an embedding. `chip`: which picture of a face it was trained
    on (see `model.chips`), of `chip_side` pixels. `optional`: its weights are the user's to bring.
    """

    name: EmbedderName
    file: str
    dimension: int
    chip: Literal["aligned", "boxed"]
    chip_side: int
    optional: bool


EMBEDDERS: dict[str, EmbedderKind] = {
    kind.name: kind
    for kind in (
        EmbedderKind(
            name=DEFAULT_EMBEDDER,
            file="embedder-dlib-resnet.onnx",
            dimension=128,
            chip="aligned",
            chip_side=150,
            optional=False,
        ),
        EmbedderKind(
            name="facenet",
            file="embedder-facenet.onnx",
            dimension=512,
            chip="boxed",
            chip_side=160,
            optional=True,
        ),
    )
}


def embedder_kind(name: str) -> EmbedderKind:
    """Errors: ValueError for a name that no embedder has."""
    if name not in EMBEDDERS:
        raise ValueError(f"no embedder is named {name!r}; there are {', '.join(EMBEDDERS)}")
    return EMBEDDERS[name]
