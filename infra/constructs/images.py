"""The functions' images: built here from the Dockerfile, or taken from a repository that holds them."""

from pathlib import Path
from typing import Any

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from rollcall.pipeline.deployment_errors import BadSettings
from rollcall.pipeline.deployment_settings import Deployment
from rollcall.pipeline.description import AnyFunction, entry_point, image_of

FACENET_WEIGHTS = "docker/weights/20180402-114759-vggface2.pt"  # built into the image where it lies there
DOCKERFILE = "docker/Dockerfile"  # with a target for each function, named after its component
REFRESH = "REFRESH"  # of the Dockerfile: another value builds every layer again that packages of Debian go into
BUILD_CONTEXT = ("docker", "functions", "pyproject.toml", "rollcall")

_ARCHITECTURES = {
    "x86_64": (lambda_.Architecture.X86_64, ecr_assets.Platform.LINUX_AMD64, ecs.CpuArchitecture.X86_64),
    "arm64": (lambda_.Architecture.ARM_64, ecr_assets.Platform.LINUX_ARM64, ecs.CpuArchitecture.ARM64),
}


class Images(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment, source: Path) -> None:
        super().__init__(scope, construct_id)
        self.architecture, self._platform, self.cpu_architecture = _ARCHITECTURES[deployment.architecture]
        self._source = source
        self._tag = deployment.image_tag
        self._embedder = deployment.embedder
        self._refresh = deployment.refresh
        self._repository = deployment.image_repository and ecr.Repository.from_repository_name(
            self, "repository", deployment.image_repository
        )

    def code_of(self, function: AnyFunction) -> lambda_.DockerImageCode:
        command = [entry_point(function.handler)]
        if self._repository:
            tag = self._tag_of(function)
            return lambda_.DockerImageCode.from_ecr(self._repository, tag_or_digest=tag, cmd=command)
        return lambda_.DockerImageCode.from_image_asset(cmd=command, **self._asset(function))

    def container_of(self, function: AnyFunction) -> ecs.ContainerImage:
        """The same image for a task, which says itself what it runs."""
        if self._repository:
            return ecs.ContainerImage.from_ecr_repository(self._repository, self._tag_of(function))
        return ecs.ContainerImage.from_asset(**self._asset(function))

    def _tag_of(self, function: AnyFunction) -> str:
        return f"{image_of(function)}-{self._tag}"

    def _asset(self, function: AnyFunction) -> dict[str, Any]:
        if not (self._source / DOCKERFILE).is_file():
            raise BadSettings(
                f"{DOCKERFILE} is missing: run this in a full checkout, or give image_repository and image_tag"
            )
        if self._embedder == "facenet" and not (self._source / FACENET_WEIGHTS).is_file():
            raise BadSettings(
                f"embedder = 'facenet': its weights are yours to bring; put them into {FACENET_WEIGHTS}, or give"
                " image_repository and image_tag of images that hold them"
            )
        return {
            "directory": str(self._source),
            "file": DOCKERFILE,
            "target": image_of(function),
            "platform": self._platform,
            "exclude": ["*", *(f"!{name}" for name in BUILD_CONTEXT), "**/__pycache__", "**/.*_cache"],
            "display_name": image_of(function),
            "build_args": {REFRESH: self._refresh} if self._refresh else None,
        }
