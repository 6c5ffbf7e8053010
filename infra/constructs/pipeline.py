"""The state machine: train, gate, publish, promote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.constructs.training_permissions import permissions_to_run

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from infra.constructs.training_job import TrainingJob

# The model's own figures, in the words of the failed execution.
SHORTFALL = (
    "States.Format('{} is {}, the threshold is {}: {}',"
    " $.gate.metric, $.gate.value, $.gate.threshold, $.gate.reason)"
)


class Pipeline(Construct):
    """Standard workflow, whose own history is its log: 90 days, with every state's input.

    Input: `recipe`, `name`, `alias`, `data`, `hyperparameters`.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, job: TrainingJob, publish: lambda_.IFunction
    ) -> None:
        super().__init__(scope, construct_id)
        self.publish = publish
        self.failed = sfn.Fail(
            self, "Failed", error_path="$.error.Error", cause_path="$.error.Cause"
        )
        chosen = sfn.Pass(
            self, "Choose", parameters={"recipe.$": "$.recipe"}, result_path="$.chosen"
        )
        gate = self._ask("Gate", {"artifact": "$.job.artifact"})
        published = self._ask(
            "Publish",
            {"artifact": "$.job.artifact", "name": "$.name"},
            lineage={"job.$": "$.job.name", "execution.$": "$$.Execution.Id"},
        )
        promoted = self._ask(
            "Promote",
            {
                "model": "$.publish.model",
                "version": "$.publish.version",
                "alias": "$.alias",
            },
        )
        refused = sfn.Fail(self, "Refused", error="GateFailed", cause_path=SHORTFALL)
        published.next(promoted).next(sfn.Succeed(self, "Served"))
        passed = sfn.Choice(self, "Passed?")
        passed.when(sfn.Condition.boolean_equals("$.gate.passed", True), published)
        passed.otherwise(refused)

        # Nothing is repeated after the job has started: its name is the execution's.
        job.state.add_retry(
            errors=["SageMaker.AmazonSageMakerException"],
            interval=Duration.seconds(10),
            max_attempts=3,
        )
        job.state.add_catch(self.failed, result_path="$.error")
        chosen.next(job.state).next(gate).next(passed)

        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        for statement in permissions_to_run(prefix=job.prefix, role=job.role):
            role.add_to_policy(statement)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(chosen),
            role=role,
        )

    def _ask(
        self, name: str, fields: dict[str, str], *, lineage: dict[str, str] | None = None
    ) -> tasks.LambdaInvoke:
        """Return a state that asks the publish function for an action, the state's own name.

        The answer is found under that name in the data.
        """
        action = name.lower()
        payload: dict[str, object] = {f"{field}.$": path for field, path in fields.items()}
        if lineage:
            payload["lineage"] = lineage
        state = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self.publish,
            payload=sfn.TaskInput.from_object({"action": action, **payload}),
            payload_response_only=True,
            result_path=f"$.{action}",
        )
        state.add_retry(
            errors=["Lambda.TooManyRequestsException"], interval=Duration.seconds(2), max_attempts=6
        )
        state.add_catch(self.failed, result_path="$.error")
        return state
