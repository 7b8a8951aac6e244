"""Every error the workbench raises on purpose, as one tree.

::

    GatewayError                what the CLI turns into one line and an exit status
    ├── SettingsError           a setting is missing or cannot be used
    ├── ConfigurationError      the LiteLLM configuration cannot be built
    ├── GatewayUnreachable      the gateway of the settings does not answer
    ├── StackError              the local stack cannot do what was asked
    │   ├── StateUnusable       the state folder cannot be written, is full, or belongs to somebody else
    │   ├── StackRunning        a stack already runs in this state folder
    │   ├── StackNotRunning     no stack runs in this state folder
    │   ├── PortTaken           a port that was asked for is in use
    │   ├── PartMissing         a program the stack needs is not installed
    │   └── ComponentFailed     a component did not become ready, or died too often
    ├── ProvisioningError       users cannot be provisioned as asked (gateway_lib.provisioning)
    │   ├── RosterError         the roster cannot be read, or something in it is not right
    │   ├── DeliveryError       issued keys cannot be handed over
    │   ├── ApplyFailed         the gateway did not take everything that was asked for
    │   ├── ApplyInterrupted    stopped by Ctrl-C or SIGTERM; the next apply goes on
    │   └── VerificationFailed  a key does not do what the roster says
    ├── DeployError             the gateway cannot be deployed as asked (gateway_lib.deploy)
    │   ├── PreflightFailed     something that a deployment needs is missing
    │   ├── TreeInvalid         the configuration or the deployment tree has faults
    │   ├── CopilotFailed       a Copilot command failed; its last lines are in the text
    │   ├── DeployInterrupted   stopped by Ctrl-C or SIGTERM; deploying again goes on
    │   ├── ProofFailed         it is deployed, and does not do what it must
    │   └── NotConfirmed        what deletes was not confirmed
    ├── UploadFailed            run folders cannot be kept in S3 (gateway_lib.evaluation)
    ├── BenchmarkError          a measurement cannot be done (gateway_lib.benchmark)
    │   ├── SpecError           what is to be measured is not said right
    │   ├── RecordsUnusable     a file or table holds no records, or not these
    │   ├── MeterMissing        AIPerf, the second meter, is not installed or did not finish
    │   ├── RunInvalid          the meter was overloaded, and figures were asked for
    │   └── BenchmarkInterrupted  stopped by Ctrl-C or SIGTERM; what was measured is kept
    ├── ExperimentError         an experiment cannot be done (gateway_lib.experiments)
    │   ├── ExperimentFileError   its file cannot be read, or something in it is not right
    │   ├── ExperimentRefused   the gateway does not start, change or end it as asked
    │   ├── OutcomesUnusable    a file or table holds no outcomes of an experiment, or not these
    │   └── DesignRefused       a metric cannot be analysed under this design with honest errors
    ├── GuardrailError          guardrails cannot be checked (gateway_lib.guardrails)
    │   ├── SuiteError          a suite cannot be read, or a case in it is not said right
    │   ├── ChecksUnusable      a file or table holds no checks, or not these
    │   ├── UnknownGuardrail    the gateway has no guardrail of that name
    │   ├── ThresholdMissed     more leaked, or was blocked without need, than is allowed
    │   ├── NotTold             too many calls failed for their outcome to be judged
    │   └── ChecksInterrupted   stopped by Ctrl-C or SIGTERM; what was found is kept
    ├── PrismaError             LiteLLM's database engine cannot be prepared (gateway_lib.local.prisma)
    └── RunError                a notebook run cannot be done
        ├── NotebookNotFound    no notebook has that name
        ├── UnknownParameter    the notebook has no parameter of that name
        ├── ParameterTypeError  a parameter's value is not of its type
        ├── SecretInParameter   a parameter would put a secret into the executed notebook
        ├── SecretInArtefact    a file of the run held a secret; the file was removed
        ├── NotebookFailed      a cell raised, or the kernel died
        ├── RunInterrupted      stopped by Ctrl-C or SIGTERM
        ├── RunNotFound         no run, or more than one, matches the id asked for
        ├── RegressionFound     a figure became worse than the baseline's, beyond the tolerance
        └── NotComparable       what two runs found cannot be compared: the meter of one was overloaded
"""

from __future__ import annotations


class GatewayError(Exception):
    """Root of the tree; its text is one line that says what is wrong and what to do."""

    exit_code: int = 1


class SettingsError(GatewayError):
    """A setting is missing or cannot be used."""


class ConfigurationError(GatewayError):
    """The LiteLLM configuration cannot be built."""


class StackError(GatewayError):
    """The local stack cannot do what was asked."""


class StateUnusable(StackError):
    """The state folder cannot be written, is full, or belongs to somebody else."""


class StackRunning(StackError):
    """A stack already runs in this state folder."""


class StackNotRunning(StackError):
    """No stack runs in this state folder."""


class PortTaken(StackError):
    """A port that was asked for is in use."""


class PartMissing(StackError):
    """A program the stack needs is not installed."""


class ComponentFailed(StackError):
    """A component did not become ready, or died too often."""


class GatewayUnreachable(GatewayError):
    """The gateway of the settings does not answer, or refuses what was asked."""


class ProvisioningError(GatewayError):
    """Users cannot be provisioned as asked."""


class RosterError(ProvisioningError):
    """The roster cannot be read, or something in it is not right; a line for each mistake."""


class DeliveryError(ProvisioningError):
    """Issued keys cannot be handed over."""


class ApplyFailed(ProvisioningError):
    """The gateway did not take everything that was asked for."""


class ApplyInterrupted(ProvisioningError):
    """Stopped by Ctrl-C or SIGTERM; the next apply goes on."""

    exit_code = 130


class VerificationFailed(ProvisioningError):
    """A key does not do what the roster says."""


class DeployError(GatewayError):
    """The gateway cannot be deployed as asked."""


class PreflightFailed(DeployError):
    """Something that a deployment needs is missing; a line for each."""


class TreeInvalid(DeployError):
    """The configuration or the deployment tree has faults; a line for each."""


class CopilotFailed(DeployError):
    """A Copilot command failed; the text has its last lines and what to do."""


class DeployInterrupted(DeployError):
    """Stopped by Ctrl-C or SIGTERM; deploying again goes on with the step that was interrupted."""

    exit_code = 130


class ProofFailed(DeployError):
    """It is deployed, and does not do what it must; a line for each."""


class NotConfirmed(DeployError):
    """What deletes was not confirmed."""


class UploadFailed(GatewayError):
    """Run folders cannot be kept in S3."""


class BenchmarkError(GatewayError):
    """A measurement cannot be done."""


class SpecError(BenchmarkError):
    """What is to be measured is not said right; the text names the place."""


class RecordsUnusable(BenchmarkError):
    """A file or table holds no records of a benchmark, or not those that are needed."""


class MeterMissing(BenchmarkError):
    """AIPerf, the second meter, is not installed or did not finish."""


class RunInvalid(BenchmarkError):
    """The meter was overloaded: its figures say more about the client than about the gateway."""

    exit_code = 4


class BenchmarkInterrupted(BenchmarkError):
    """Stopped by Ctrl-C or SIGTERM; what was measured until then is kept."""

    exit_code = 130


class ExperimentError(GatewayError):
    """An experiment cannot be done."""


class ExperimentFileError(ExperimentError):
    """An experiment's file cannot be read, or something in it is not right; a line for each mistake."""


class ExperimentRefused(ExperimentError):
    """The gateway does not start, change or end an experiment as asked."""


class OutcomesUnusable(ExperimentError):
    """A file or table holds no outcomes of an experiment, or not those that are needed."""


class DesignRefused(ExperimentError):
    """A metric cannot be analysed under this design with error rates that hold."""


class GuardrailError(GatewayError):
    """Guardrails cannot be checked."""


class SuiteError(GuardrailError):
    """A suite cannot be read, or a case in it is not said right; the text names the case, not its text."""


class ChecksUnusable(GuardrailError):
    """A file or table holds no checks, or not those that are needed."""


class UnknownGuardrail(GuardrailError):
    """The gateway has no guardrail of that name."""


class ThresholdMissed(GuardrailError):
    """More leaked, or was blocked without need, than is allowed; or a probe found a way round."""

    exit_code = 3


class NotTold(GuardrailError):
    """Too many calls failed for their outcome to be judged."""

    exit_code = 4


class ChecksInterrupted(GuardrailError):
    """Stopped by Ctrl-C or SIGTERM; what was found until then is kept."""

    exit_code = 130


class RunError(GatewayError):
    """A notebook run cannot be done."""


class NotebookNotFound(RunError):
    """No notebook has that name."""


class UnknownParameter(RunError):
    """The notebook has no parameter of that name."""


class ParameterTypeError(RunError):
    """A parameter's value is not of its type."""


class SecretInParameter(RunError):
    """A parameter would put a secret into the executed notebook."""


class SecretInArtefact(RunError):
    """A file of the run held a secret; the file was removed."""


class NotebookFailed(RunError):
    """A cell raised, or the kernel died."""


class RunInterrupted(RunError):
    """The run was stopped by Ctrl-C or SIGTERM."""

    exit_code = 130


class RunNotFound(RunError):
    """No run, or more than one, matches the id asked for."""


class RegressionFound(RunError):
    """A figure became worse than the baseline's, beyond the tolerance."""

    exit_code = 3


class NotComparable(RunError):
    """What two runs found cannot be compared: the meter of one was overloaded, or nothing matches."""

    exit_code = 4
