"""`data`, `train`, `publish`, `models`: the way of a model by hand."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infermeter.errors import InvalidRequest
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE
from infermeter.registry.inspection import (
    TOKENIZER_FILE,
    EmbeddingWish,
    inspect,
    with_embedding,
)
from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

# What scripts may rely on.
PRINTED = ("recipe", "metric", "test", "baseline", "seconds", "artifact")
ARTIFACTS = Path(__file__).resolve().parents[2] / ".build" / "artifacts"

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infermeter.engine.runtime import Runtime
    from infermeter.registry.publication import Artifact
    from training.written import WrittenData


def data(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, for instance speech.")],
    out: Annotated[Path, typer.Option(help="Where the files go: a new or empty folder.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Write a recipe's own data as files, for a SageMaker job, which cannot make it."""
    from training.written import write_data

    overrides = _overrides(settings or [])
    with console.step(f"Writing the data of {recipe} and reading it back"):
        written = write_data(recipe, overrides, out)
    if json:
        console.print_json(asdict(written))
        return
    console.print_table(
        f"{written.recipe}: {written.digest}",
        ["files", "bytes", "folder"],
        [[written.files, written.bytes, out]],
    )
    for line in _next_to_type(recipe, overrides, written):
        console.note(line)


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, for instance tabular.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the artefact goes.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Train on this folder, or file, of your own.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train by N processes, or GPUs, together.")
    ] = 1,
    *,
    json: Json = False,
) -> None:
    """Train a recipe here, by the same program that the SageMaker job runs."""
    from training.local import Stopped, train_locally
    from training.recipe import load

    overrides = _overrides(settings or [])
    out = out or ARTIFACTS / load(recipe, overrides).name
    try:
        outcome = train_locally(
            recipe,
            overrides,
            out,
            data=data,
            processes=processes,
            on_line=console.note,
        )
    except Stopped as stopped:
        # As a shell says it of a process that a signal ended.
        raise typer.Exit(128 + stopped.number) from None
    if json:
        console.print_json({key: value for key, value in asdict(outcome).items() if key in PRINTED})
    else:
        console.print_table(
            f"{recipe}: {outcome.metric}",
            ["test", "baseline", "seconds", "artefact"],
            [[f"{outcome.test:.4f}", f"{outcome.baseline:.4f}", f"{outcome.seconds:.1f}", out]],
        )
        console.note(f"next: infermeter publish {out}")


def publish(
    path: Annotated[Path, typer.Argument(help="An artefact's folder, or an .onnx file.")],
    name: Annotated[str | None, typer.Option(help="Model name (default: the manifest's).")] = None,
    alias: Annotated[
        str, typer.Option(help="Alias to move to the version; '' moves none.")
    ] = "prod",
    embedding: Annotated[
        str | None,
        typer.Option(metavar="OUTPUT", help="The .onnx file embeds: which output has the vectors."),
    ] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="Its tokenizer.json; without one it takes token ids.")
    ] = None,
    pooling: Annotated[
        str, typer.Option(help="Of that output, over its tokens: none, mean or cls.")
    ] = "none",
    max_tokens: Annotated[int, typer.Option(help="The longest text that it takes.")] = 512,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Gate, verify, write and register a version, then move an alias to it."""
    wiring = find_target(profile, stack, region).wiring()
    publisher = wiring.publisher
    wish = _wish(path, embedding, tokenizer, pooling, max_tokens)
    version = publisher.publish(_artifact(path, name, wiring.runtime, wish), name=name)
    if alias:
        publisher.promote(version.model, version.version, alias)
    if json:
        console.print_json(
            {"model": version.model, "version": version.version, "digest": version.digest}
        )
    else:
        moved = f"; {alias} points to it" if alias else ""
        console.out.print(
            f"{version.model} version {version.version} {version.digest}{moved}", markup=False
        )


def list_models(
    profile: Profile = None, stack: Stack = None, region: Region = None, *, json: Json = False
) -> None:
    """Published models, their versions and aliases."""
    registry = find_target(profile, stack, region).wiring().registry
    records = [record for name in registry.models() if (record := registry.model(name))]
    if json:
        console.print_json(
            [
                {
                    "model": record.model,
                    "versions": list(record.versions),
                    "aliases": dict(record.aliases),
                }
                for record in records
            ]
        )
        return
    console.print_table(
        "models",
        ["model", "versions", "aliases"],
        [
            [
                record.model,
                " ".join(record.versions),
                " ".join(f"{alias}={version}" for alias, version in record.aliases.items()),
            ]
            for record in records
        ],
    )


def _next_to_type(recipe: str, overrides: Mapping[str, str], written: WrittenData) -> Iterator[str]:
    """How to train on it, here and in the cloud, where there are the project's recipes alone."""
    chosen = [part for name, value in overrides.items() for part in ("--set", f"{name}={value}")]
    folder = str(written.folder)
    yield f"next: {shlex.join(['infermeter', 'train', recipe, '--data', folder, *chosen])}"
    if recipe.endswith(".toml"):
        return
    place = f"s3://<TrainingBucket>/data/{written.recipe}/"
    yield f"or: {shlex.join(['aws', 's3', 'cp', '--recursive', folder])} {place}"
    given = {"recipe": recipe, "name": written.recipe, "alias": "prod", "data": place}
    document = dumps({**given, "hyperparameters": overrides})
    yield f"and start the state machine (output StateMachine) with {document}"


def _overrides(settings: list[str]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise InvalidRequest(f"--set: expected KEY=VALUE, got '{setting}'")
        pairs[name] = value
    return pairs


def _wish(
    path: Path, output: str | None, tokenizer: Path | None, pooling: str, max_tokens: int
) -> EmbeddingWish | None:
    if output is None:
        if tokenizer is not None:
            raise InvalidRequest("--tokenizer: expected --embedding OUTPUT with it, got none")
        return None
    if not path.is_file():
        raise InvalidRequest(
            f"--embedding: expected an .onnx file, got '{path}'; a folder's manifest says it itself"
        )
    if tokenizer is not None and not tokenizer.is_file():
        raise InvalidRequest(f"--tokenizer: expected a file, got '{tokenizer}'")
    content = None if tokenizer is None else tokenizer.read_bytes()
    return EmbeddingWish(output, content, pooling, max_tokens)


def _artifact(
    path: Path, name: str | None, runtime: Runtime, wish: EmbeddingWish | None
) -> Artifact:
    """A folder with its manifest, or a bare model with one made from its graph."""
    from infermeter.adapters.artifacts import FolderArtifact, HeldArtifact

    if not path.is_file():
        return FolderArtifact(path)
    files = {MODEL_FILE: path.read_bytes()}
    manifest = inspect(files[MODEL_FILE], name or path.stem, runtime)
    if wish is not None:
        manifest = with_embedding(manifest, wish)
        files |= {} if wish.tokenizer is None else {TOKENIZER_FILE: wish.tokenizer}
    return HeldArtifact({**files, MANIFEST_FILE: manifest.to_json()})
