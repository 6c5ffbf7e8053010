"""The two layers under every function, and the one under the function that shows `/docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.code import ROOT, source
from layers.docs.build import build as build_docs
from layers.onnxruntime.build import build as build_onnxruntime

if TYPE_CHECKING:
    from infra.settings import Functions


class Layers(Construct):
    """The core, pure Python that changes with every release, and the compiled runtime below it.

    Each stack has its own: a layer shared between stacks could never be replaced, because its
    version's ARN would be an export in use.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Functions) -> None:
        super().__init__(scope, construct_id)
        built = build_onnxruntime(
            python=settings.python, architecture=settings.architecture, root=ROOT
        )
        self.core = lambda_.LayerVersion(
            self, "Core", code=source("layers/core"), description="infermeter"
        )
        self.onnxruntime = lambda_.LayerVersion(
            self,
            "Onnxruntime",
            code=lambda_.Code.from_asset(str(built)),
            compatible_architectures=[architecture(settings)],
            compatible_runtimes=[runtime(settings)],
            description="onnxruntime, numpy, codecs, tokenizers, Powertools",
        )
        self.base = [self.core, self.onnxruntime]


def docs_layer(scope: Construct, construct_id: str) -> lambda_.LayerVersion:
    """Return the layer with the page that shows the API, for any Python and processor."""
    code = lambda_.Code.from_asset(str(build_docs(root=ROOT)))
    return lambda_.LayerVersion(scope, construct_id, code=code, description="Swagger UI")


def architecture(settings: Functions) -> lambda_.Architecture:
    """Return the processor that functions and compiled layers are for."""
    arm = settings.architecture == "arm64"
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64


def runtime(settings: Functions) -> lambda_.Runtime:
    """Return the Lambda runtime of a Python version."""
    return lambda_.Runtime(f"python{settings.python}", lambda_.RuntimeFamily.PYTHON)
