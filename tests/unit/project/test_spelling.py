"""The project is written in American English, in code and in prose."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THIS = "tests/unit/project/test_spelling.py"
SUFFIXES = (".py", ".md", ".json", ".toml", ".yml", ".txt", ".in", "Makefile", "Dockerfile")
KEPT = {"RECOGNISERS", "CANCELLING", "CANCELLED", "CancelledError"}  # an older name, states of AWS, one of Python
OF_AWS = "Transaction cancelled, please refer"  # a message that clients may look for
BRITISH = re.compile(
    "enrol(?!l)|recognis|colour|licence|behaviour|centre|neighbour|favour|honour|flavour|harbour|labour"
    "|humour|rumour|grey|metre|\\blitre|theatre|fibre|calibre|analys(?:e[dr]?\\b|ing)|catalogue|dialogue"
    "|cancell(?:ed|ing)|labell|travell|modell|signall|channell|tunnell|levell(?:ed|ing)|fulfil\\b|skilful|judgement"
    "|acknowledgement|artefact|defence|offence|pretence|whilst|amongst|learnt|spelt|ageing|programme\\b|cheque|mould"
    "|sceptic|aluminium|towards|optimis|organis|normalis|initialis|serialis|summaris|minimis|maximis"
    "|synchronis|visualis|authoris|categoris|customis|emphasis[ei]|finalis|generalis|specialis|standardis|utilis"
    "|realis[ei]|prioritis|quantis|vectoris|binaris|randomis|anonymis|tokenis|capitalis|italicis|apologis|criticis"
    "|memoris|penalis|stabilis|harmonis|symbolis|equalis|parallelis|localis[ei]|digitis|itemis|localisation",
    re.IGNORECASE,
)


def test_british_spelling_is_found() -> None:
    for word in ("Enrolment", "enrols", "recogniser", "grey", "neighbour", "labelled", "optimised", "Licence"):
        assert BRITISH.search(word), word
    for word in ("enrollment", "enrolled", "recognize", "parameter", "perimeter", "analyses", "canceled", "model"):
        assert not BRITISH.search(word), word


def test_american_spelling_throughout() -> None:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.splitlines() if name.endswith(SUFFIXES) and name != THIS]
    found = {
        f"{name}:{number}: {word}"
        for name in names
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1)
        for word in re.findall(r"[A-Za-z]+", line.replace(OF_AWS, ""))
        if word not in KEPT and BRITISH.search(word)
    }

    assert found == set()
