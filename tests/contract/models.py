"""The models the suite asks, and what their simulated providers can do."""

OPENAI = "gpt-4o-mini"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
HAIKU_4_5 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

CHAT = (OPENAI, HAIKU_3, HAIKU_4_5)
"""One behind OpenAI's wire and two behind Bedrock's."""

READS_DOCUMENTS = (OPENAI, HAIKU_4_5)
REASONS = HAIKU_4_5
NOBODY = "no.such-model-v1:0"
