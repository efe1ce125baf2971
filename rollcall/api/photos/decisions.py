"""Who is on a photo, decided once: for the answer, and for the result that is stored later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rollcall.api.recognizers.messages import SeenFace, SeenPhoto
from rollcall.people.calibration import Calibration
from rollcall.people.gallery import Gallery, Match
from rollcall.people.gallery_store import face_id
from rollcall.people.gop_faces import unpack_embedding
from rollcall.people.tracks import Identity, Sighting, identify, link


@dataclass(frozen=True, kw_only=True)
class Decision:
    matches: Sequence[Match]  # one for each face, in the photo's order
    identities: Sequence[Identity]  # the same, by person
    decided_by: Mapping[str, str]  # name: the enrolled face that is nearest
    calibration: Calibration  # by which it was decided


def decide(seen: SeenPhoto, gallery: Gallery) -> Decision:
    """Decide over all faces together, as for uploads: two that look different cannot both be one person."""
    sightings = [_sighting(face) for face in seen.faces]
    identities = identify(link(sightings, gallery), gallery)
    names = {id(sighting): identity.match.name for identity in identities for sighting in identity.sightings}
    alone = {id(of[0]): identity.match for identity in identities if len(of := identity.sightings) == 1}
    found = [alone.get(id(one)) or gallery.match(one.embedding, evidence=one.weight) for one in sightings]
    matches = [replace(match, name=names[id(one)]) for match, one in zip(found, sightings, strict=True)]
    decided_by = _decided_by(identities, gallery)
    return Decision(matches=matches, identities=identities, decided_by=decided_by, calibration=gallery.calibration)


def _sighting(face: SeenFace) -> Sighting:
    return Sighting(
        frame=0, time=0.0, box=face.box, weight=face.quality.weight, embedding=unpack_embedding(face.embedding)
    )


def _decided_by(identities: Sequence[Identity], gallery: Gallery) -> dict[str, str]:
    decided: dict[str, str] = {}
    for identity in identities:
        name = identity.match.name
        if name is not None:
            nearest = (gallery.nearest_template(sighting.embedding, name) for sighting in identity.sightings)
            decided[name] = face_id(min(nearest, key=lambda found: found[0])[1])
    return decided
