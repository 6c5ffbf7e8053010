"""The CDK app: `python infra/app.py` writes the templates and assets to infra/cdk.out."""

import os
from pathlib import Path

import aws_cdk as cdk

from infra.settings import load
from infra.stacks.metering import MeteringStack
from infra.stacks.serving import ServingStack
from infra.stacks.storage import StorageStack
from infra.stacks.training import TrainingStack

HERE = Path(__file__).resolve().parent

app = cdk.App(
    outdir=os.environ.get("CDK_OUTDIR", str(HERE / "cdk.out")),
    analytics_reporting=False,
    # Here and not in cdk.json, which only the command line reads: both ways give the same bytes.
    context={
        "@aws-cdk/aws-iam:minimizePolicies": True,
        # Exports: no table or bucket goes while a stack uses it.
        "@aws-cdk/core:defaultCrossStackReferences": "strong",
    },
)
settings = load(HERE / (app.node.try_get_context("settings") or "settings.toml"))
storage = StorageStack(app, f"{settings.name}-storage", settings=settings)
serving = ServingStack(app, f"{settings.name}-serving", settings=settings, storage=storage)
MeteringStack(app, f"{settings.name}-metering", settings=settings, storage=storage, serving=serving)
TrainingStack(app, f"{settings.name}-training", settings=settings, storage=storage)
app.synth()
