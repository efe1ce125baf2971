"""One peer over frames in files; runs in the benchmark's own environment, which has dlib, torch and facenet-pytorch.

python run.py face_recognition|facenet FRAMES WEIGHTS ROUNDS THREADS

FRAMES: folder of .npy files, [H, W, 3] uint8 RGB each. Prints JSON: each frame's fastest round in seconds, faces found.
"""

import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Peer = Callable[[Any], int]  # a frame in, the number of its faces out


def face_recognition(weights: Path) -> Peer:
    """Works like the library `face_recognition` 1.3.0: HOG with one upsampling, 68 points, dlib's ResNet, per face."""
    import dlib  # noqa: PLC0415 - only this peer's environment has it

    detect = dlib.get_frontal_face_detector()
    predict = dlib.shape_predictor(str(weights / "shape_predictor_68_face_landmarks.dat"))
    embed = dlib.face_recognition_model_v1(str(weights / "dlib_face_recognition_resnet_model_v1.dat"))

    def peer(frame: Any) -> int:
        return len([embed.compute_face_descriptor(frame, predict(frame, box), 1) for box in detect(frame, 1)])

    return peer


def facenet(_: Path) -> Peer:
    """Works like known cloud projects: MTCNN once for the crops and once for the probabilities, then the embedding."""
    import torch  # noqa: PLC0415 - only this peer's environment has it

    _stand_in_for_torchvision(torch)
    from facenet_pytorch import MTCNN, InceptionResnetV1  # noqa: PLC0415

    mtcnn = MTCNN(image_size=240, margin=0, min_face_size=20, keep_all=True)
    resnet = InceptionResnetV1(pretrained=None, classify=False).eval()

    def peer(frame: Any) -> int:
        crops = mtcnn(frame)
        mtcnn.detect(frame)
        with torch.no_grad():
            return 0 if crops is None else len(resnet(crops))

    return peer


def _stand_in_for_torchvision(torch: Any) -> None:
    """facenet-pytorch imports torchvision for a suppression and a conversion; its time is not in them."""
    boxes, transforms = types.ModuleType("torchvision.ops.boxes"), types.ModuleType("torchvision.transforms")
    boxes.batched_nms = lambda corners, scores, group, overlap: _suppress(torch, corners, scores, group, overlap)  # type: ignore[attr-defined]
    functional = types.SimpleNamespace(to_tensor=lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1))
    transforms.functional = functional  # type: ignore[attr-defined]
    sys.modules |= {"torchvision.ops.boxes": boxes, "torchvision.transforms": transforms}


def _suppress(torch: Any, corners: Any, scores: Any, group: Any, overlap: float) -> Any:
    import cv2  # noqa: PLC0415

    if len(corners) == 0:
        return torch.empty(0, dtype=torch.int64)
    # groups apart from each other never overlap: as torchvision does it
    apart = (corners + group[:, None].to(corners) * (corners.max() + 1)).numpy().astype(np.float64)
    apart[:, 2:] -= apart[:, :2]
    kept = cv2.dnn.NMSBoxes(apart, scores.numpy(), score_threshold=0, nms_threshold=overlap)
    return torch.from_numpy(np.asarray(kept, dtype=np.int64).reshape(-1))


def main() -> None:
    name, folder, weights, rounds, threads = sys.argv[1:]
    if name == "facenet":
        import torch  # noqa: PLC0415

        torch.set_num_threads(int(threads))
    peer = {"face_recognition": face_recognition, "facenet": facenet}[name](Path(weights))
    frames = [np.load(path) for path in sorted(Path(folder).glob("*.npy"))]
    seconds = [float("inf")] * len(frames)
    faces = [0] * len(frames)
    for _ in range(int(rounds)):
        for number, frame in enumerate(frames):
            started = time.perf_counter()
            faces[number] = peer(frame)
            seconds[number] = min(seconds[number], time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "faces": faces}))


if __name__ == "__main__":
    main()
