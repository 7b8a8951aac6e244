"""`python -m gateway_lib.evaluation`: one night, as the environment describes it."""

import sys

from gateway_lib.errors import GatewayError
from gateway_lib.evaluation.night import Night, evaluate
from gateway_lib.settings import process_environment

if __name__ == "__main__":
    try:
        sys.exit(evaluate(Night.of(process_environment())))
    except GatewayError as error:
        sys.exit(f"evaluation: {error}")
