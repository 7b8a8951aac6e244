"""The ASGI application: all wires over one engine."""

from starlette.applications import Starlette

from gateway_lib.simulator.bedrock_wire import BedrockWire
from gateway_lib.simulator.control import Control
from gateway_lib.simulator.engine import Engine
from gateway_lib.simulator.issuer import Issuer
from gateway_lib.simulator.openai_wire import OpenAIWire


def create_app(engine: Engine) -> Starlette:
    """Return the application for an engine."""
    control = Control(engine, Issuer(engine.settings.oidc))
    return Starlette(
        routes=[*control.routes, *OpenAIWire(engine).routes, *BedrockWire(engine).routes]
    )
