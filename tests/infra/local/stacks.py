"""A small cloud assembly by hand: two stacks, one importing from the other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

FUNCTIONS = Path(__file__).parent / "functions"
ASSETS = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "function_request_id": "$context.integration.requestId",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "integration_status": "$context.integration.integrationStatus",
}
ERROR = '{"error":$context.error.messageString}'


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def arn(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


def code(key: str) -> dict[str, Any]:
    return {"S3Bucket": {"Fn::Sub": ASSETS}, "S3Key": f"{key}.zip"}


def base() -> dict[str, Any]:
    table = {
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "TimeToLiveSpecification": {"AttributeName": "ex", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
    }
    streamed = {
        name: table[name] for name in ("AttributeDefinitions", "KeySchema", "BillingMode")
    } | {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}
    rules = [
        {"Status": "Enabled", "ExpirationInDays": 30, "Prefix": "old/"},
        {
            "Status": "Enabled",
            "ExpirationInDays": 1,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
    ]
    encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    bucket = {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{**encryption, "BucketKeyEnabled": True}]
        },
        "LifecycleConfiguration": {"Rules": rules},
    }
    return {
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
            "Streamed": {"Type": "AWS::DynamoDB::Table", "Properties": streamed},
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
        },
        "Outputs": {
            "Table": {"Value": ref("Table")},
            "Bucket": {"Value": ref("Bucket")},
            "Streamed": {"Value": ref("Streamed")},
            "Exported": {"Value": ref("Table"), "Export": {"Name": "base:Table"}},
            "ExportedTableArn": {"Value": arn("Table"), "Export": {"Name": "base:TableArn"}},
            "ExportedBucketArn": {"Value": arn("Bucket"), "Export": {"Name": "base:BucketArn"}},
            "ExportedStream": {
                "Value": {"Fn::GetAtt": ["Streamed", "StreamArn"]},
                "Export": {"Name": "base:Stream"},
            },
        },
    }


def service() -> dict[str, Any]:
    function = {
        "Code": code("echo"),
        "Handler": "echo.handler",
        "Runtime": "python3.13",
        "Timeout": 2,
        "MemorySize": 256,
        "Layers": [ref("Layer")],
        "Role": arn("Role"),
        "Environment": {"Variables": {"TABLE": {"Fn::ImportValue": "base:Table"}}},
    }
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
            }
        ],
    }
    resources = {
        "Role": ("AWS::IAM::Role", {"AssumeRolePolicyDocument": trust}),
        "Policy": ("AWS::IAM::Policy", _policy()),
        "Layer": ("AWS::Lambda::LayerVersion", {"Content": code("layer"), "Description": "marks"}),
        "Function": ("AWS::Lambda::Function", function),
        **_api(),
        **_queues(),
        **_stream(),
        "Machine": (
            "AWS::StepFunctions::StateMachine",
            {"RoleArn": arn("Role"), "DefinitionString": json.dumps(_machine())},
        ),
    }
    url = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live/"
    return {
        "Resources": {
            name: {"Type": kind, "Properties": properties}
            for name, (kind, properties) in resources.items()
        },
        "Outputs": {
            "ApiUrl": {"Value": {"Fn::Sub": url}},
            "EchoFunction": {"Value": ref("Function")},
            "Queue": {"Value": ref("Queue")},
            "DeadLetters": {"Value": ref("DeadLetters")},
            "Machine": {"Value": ref("Machine")},
            "AccessLog": {"Value": ref("AccessLog")},
        },
    }


def _api() -> dict[str, tuple[str, dict[str, Any]]]:
    api = ref("Api")
    path = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F}/invocations"
    method = {
        "HttpMethod": "ANY",
        "AuthorizationType": "NONE",
        "RestApiId": api,
        "Integration": {
            "Type": "AWS_PROXY",
            "IntegrationHttpMethod": "POST",
            "Uri": {"Fn::Sub": [path, {"F": arn("Function")}]},
        },
    }
    errors = {
        f"Default{kind}": (
            "AWS::ApiGateway::GatewayResponse",
            {
                "RestApiId": api,
                "ResponseType": f"DEFAULT_{kind}",
                "ResponseTemplates": {"application/json": ERROR},
            },
        )
        for kind in ("4XX", "5XX")
    }
    root = {"Fn::GetAtt": ["Api", "RootResourceId"]}
    return {
        "Api": ("AWS::ApiGateway::RestApi", {"Name": "api", "BinaryMediaTypes": ["*/*"]}),
        "Proxy": (
            "AWS::ApiGateway::Resource",
            {"RestApiId": api, "ParentId": root, "PathPart": "{proxy+}"},
        ),
        "Any": ("AWS::ApiGateway::Method", {**method, "ResourceId": ref("Proxy")}),
        **errors,
        "Deployment": ("AWS::ApiGateway::Deployment", {"RestApiId": api}),
        "Stage": (
            "AWS::ApiGateway::Stage",
            {
                "RestApiId": api,
                "DeploymentId": ref("Deployment"),
                "StageName": "live",
                "AccessLogSetting": {
                    "DestinationArn": arn("AccessLog"),
                    "Format": json.dumps(ACCESS_LOG),
                },
            },
        ),
        "AccessLog": ("AWS::Logs::LogGroup", {"RetentionInDays": 1}),
    }


def _queues() -> dict[str, tuple[str, dict[str, Any]]]:
    redrive = {"deadLetterTargetArn": arn("DeadLetters"), "maxReceiveCount": 2}
    mapping = {
        "EventSourceArn": arn("Queue"),
        "FunctionName": ref("Function"),
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    return {
        "DeadLetters": ("AWS::SQS::Queue", {}),
        "Queue": ("AWS::SQS::Queue", {"VisibilityTimeout": 2, "RedrivePolicy": redrive}),
        "Mapping": ("AWS::Lambda::EventSourceMapping", mapping),
    }


def _policy() -> dict[str, Any]:
    """What the function does; the table's items it may not read."""
    table, bucket = ({"Fn::ImportValue": f"base:{name}Arn"} for name in ("Table", "Bucket"))
    allowed = [
        (["dynamodb:PutItem", "dynamodb:UpdateItem"], table),
        (["s3:GetObject", "s3:PutObject"], {"Fn::Join": ["", [bucket, "/*"]]}),
    ]
    return {
        "PolicyName": "policy",
        "Roles": [ref("Role")],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": actions, "Resource": resource}
                for actions, resource in allowed
            ],
        },
    }


def _stream() -> dict[str, tuple[str, dict[str, Any]]]:
    stream = {
        "EventSourceArn": {"Fn::ImportValue": "base:Stream"},
        "FunctionName": ref("Function"),
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 2,
        "BisectBatchOnFunctionError": True,
        "StartingPosition": "TRIM_HORIZON",
    }
    return {"Stream": ("AWS::Lambda::EventSourceMapping", stream)}


def _machine() -> dict[str, Any]:
    return {
        "StartAt": "Train",
        "States": {
            "Train": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
                "Parameters": {
                    "TrainingJobName.$": "$.job.TrainingJobName",
                    "RoleArn.$": "$.job.RoleArn",
                    "AlgorithmSpecification.$": "$.job.AlgorithmSpecification",
                    "HyperParameters.$": "$.job.HyperParameters",
                    "InputDataConfig.$": "$.job.InputDataConfig",
                    "OutputDataConfig.$": "$.job.OutputDataConfig",
                    "ResourceConfig.$": "$.job.ResourceConfig",
                    "StoppingCondition.$": "$.job.StoppingCondition",
                },
                "End": True,
            }
        },
    }


def write_assembly(folder: Path) -> Path:
    """Write both stacks and their assets as `cdk synth` does."""
    (folder / "asset.layer" / "python").mkdir(parents=True)
    (folder / "asset.layer" / "python" / "marker.py").write_text('TEXT = "from the layer"\n')
    shutil.copytree(FUNCTIONS, folder / "asset.echo", ignore=shutil.ignore_patterns("__pycache__"))
    templates = {"service": service(), "base": base()}
    for name, template in templates.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))
        (folder / f"{name}.assets.json").write_text(json.dumps({"files": _files(name)}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": _artifacts()}))
    return folder


def _files(name: str) -> dict[str, Any]:
    files = {f"{name}.template.json": ("file", f"{name}.json")}
    if name == "service":
        files |= {"asset.layer": ("zip", "layer.zip"), "asset.echo": ("zip", "echo.zip")}
    return {
        path: {
            "source": {"path": path, "packaging": packaging},
            "destinations": {"here": {"bucketName": ASSETS, "objectKey": key}},
        }
        for path, (packaging, key) in files.items()
    }


def _artifacts() -> dict[str, Any]:
    parts = {"service": ["base"], "base": []}
    artifacts: dict[str, Any] = {}
    for name, dependencies in parts.items():
        artifacts[f"{name}.assets"] = {
            "type": "cdk:asset-manifest",
            "properties": {"file": f"{name}.assets.json"},
        }
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.template.json", "stackName": f"test-{name}"},
            "dependencies": [f"{name}.assets", *dependencies],
        }
    return artifacts
