"""The embedders that a user may choose from. It holds names and numbers only: importing it loads no runtime and no
NumPy.
"""

from dataclasses import dataclass, replace
from typing import Literal

EmbedderName = Literal["fused", "dlib-resnet", "sface", "facenet"]
DEFAULT_EMBEDDER: EmbedderName = "fused"
UNNAMED_EMBEDDER: EmbedderName = "dlib-resnet"
"""The embedder of embeddings that name none: foreign galleries, and galleries from before there was a second one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """`file`: in the model folder. `dimension`: numbers that it gives for a face. `chip`: which picture of a face it
    was trained on (see `rollcall.engine.chips`), of `chip_side` pixels. `unit`: its numbers are compared by angle, and
    so scaled to a length of 1. `factor`: they are multiplied by it then. `gains_by_variations`: the mean over
    variations of a face tells people apart better (see `rollcall.engine.variations`). `sure_lengths`: of its numbers
    as they come; they are the shorter the less a network sees of what tells people apart. Up to the first length a
    face counts as unsure, from the second on as sure.
    """

    file: str
    dimension: int
    chip: Literal["aligned", "five-points", "boxed"]
    chip_side: int
    unit: bool = False
    factor: float = 1.0
    gains_by_variations: bool = False
    sure_lengths: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderKind:
    """An embedding is what the `networks` give, one after the other; all are compared by Euclidean distance.

    `optional`: the user brings its weights.
    """

    name: EmbedderName
    networks: tuple[Network, ...]
    optional: bool = False

    @property
    def dimension(self) -> int:
        return sum(network.dimension for network in self.networks)

    @property
    def files(self) -> list[str]:
        return [network.file for network in self.networks]


SFACE_SIDE = 112  # pixels of a chip
_RESNET = Network(file="embedder-dlib-resnet.onnx", dimension=128, chip="aligned", chip_side=150)
_SFACE = Network(
    file="embedder-sface.onnx",
    dimension=128,
    chip="five-points",
    chip_side=SFACE_SIDE,
    unit=True,
    gains_by_variations=True,
    sure_lengths=(10.0, 10.5),
)
_FACENET = Network(file="embedder-facenet.onnx", dimension=512, chip="boxed", chip_side=160)
# squared distance: 0.6 times the ResNet's, and twice one minus SFace's cosine; from 0.4 to 1.0 pairs are told apart
# equally well (docs/decisions/0008-embedder-fused.md)
_RESNET_SHARE = 0.6
# alone it has no variations: galleries made elsewhere and its threshold rest on its numbers as they are
_RESNET_OF_TWO = replace(_RESNET, factor=_RESNET_SHARE**0.5, gains_by_variations=True)

EMBEDDERS: dict[str, EmbedderKind] = {
    kind.name: kind
    for kind in (
        EmbedderKind(name="fused", networks=(_RESNET_OF_TWO, _SFACE)),
        EmbedderKind(name="dlib-resnet", networks=(_RESNET,)),
        EmbedderKind(name="sface", networks=(_SFACE,)),
        EmbedderKind(name="facenet", networks=(_FACENET,), optional=True),
    )
}


def embedder_kind(name: str) -> EmbedderKind:
    """Errors: ValueError for a name that no embedder has."""
    if name not in EMBEDDERS:
        raise ValueError(f"no embedder is named {name!r}; there are {', '.join(EMBEDDERS)}")
    return EMBEDDERS[name]


def common_kind(one: EmbedderKind, other: EmbedderKind) -> EmbedderKind | None:
    """The embedder whose numbers both hold, so their embeddings can be compared; None where there is none."""
    shared = set(one.files) & set(other.files)
    return next((kind for kind in EMBEDDERS.values() if set(kind.files) == shared), None)
