"""Where the functions' images come from: built here from the Dockerfile, or a repository that holds them already."""

from pathlib import Path

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.errors import BadSettings
from infra.pipeline import Function
from infra.settings import Deployment

DOCKERFILE = "docker/Dockerfile"  # with a target for each function, named after its component
BUILD_CONTEXT = ("docker", "functions", "model", "pyproject.toml")

_ARCHITECTURES = {
    "x86_64": (lambda_.Architecture.X86_64, ecr_assets.Platform.LINUX_AMD64),
    "arm64": (lambda_.Architecture.ARM_64, ecr_assets.Platform.LINUX_ARM64),
}


class Images(Construct):
    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment, source: Path) -> None:
        super().__init__(scope, construct_id)
        self.architecture, self._platform = _ARCHITECTURES[deployment.architecture]
        self._source = source
        self._tag = deployment.image_tag
        self._repository = deployment.image_repository and ecr.Repository.from_repository_name(
            self, "repository", deployment.image_repository
        )

    def code_of(self, function: Function) -> lambda_.DockerImageCode:
        command = [function.handler]
        if self._repository:
            tag = f"{function.component}-{self._tag}"
            return lambda_.DockerImageCode.from_ecr(self._repository, tag_or_digest=tag, cmd=command)
        if not (self._source / DOCKERFILE).is_file():
            raise BadSettings(
                f"{DOCKERFILE} is missing: run this in a full checkout, or give image_repository and image_tag"
            )
        return lambda_.DockerImageCode.from_image_asset(
            str(self._source),
            file=DOCKERFILE,
            target=function.component,
            platform=self._platform,
            cmd=command,
            exclude=["*", *(f"!{name}" for name in BUILD_CONTEXT), "**/__pycache__", "**/.*_cache"],
            display_name=function.component,
        )
