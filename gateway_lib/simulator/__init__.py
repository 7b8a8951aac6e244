"""Model providers with known truth.

One HTTP server that speaks OpenAI's wire, Bedrock Runtime's wire, Bedrock's managed prompts and
an OpenID Connect issuer. A gateway in front of it is exercised through its real provider code,
while every latency, price, error and answer comes from a profile the measurements can be compared
with. Start it with ``python -m gateway_lib.simulator --port PORT``.
"""
