"""Experiments: what they are, which call got which arm, what came of it, and what was said of it later."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Five tables.

    `experiments` has a row for each version, small and wholly known to every replica, which asks for what has
    a higher revision than it has seen. `taken_from` and `reserved` are the part of its layer, from 0 to 1,
    that it keeps while it runs; units within the first `share` of the layer from there on take part.

    `experiment_secret` keys the hashes of units: without it nobody can tell a unit from its hash.

    `by_key` and `by_user` say who may give feedback; they are keyed hashes too, other ones than a unit's.

    An exposure is written before a call is made, an outcome when it has ended. Both are written once. An
    exposure's number is the place of its outcome too, so that many of them are read together.
    """
    op.execute("CREATE SEQUENCE experiment_revisions")
    op.execute("""
        CREATE TABLE experiments (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL,
            version integer NOT NULL,
            digest text NOT NULL,
            document json NOT NULL,
            state text NOT NULL DEFAULT 'running',
            share double precision NOT NULL,
            taken_from double precision NOT NULL,
            reserved double precision NOT NULL,
            layer text NOT NULL,
            promoted text,
            reason text,
            started_at timestamptz NOT NULL DEFAULT now(),
            stopped_at timestamptz,
            revision bigint NOT NULL UNIQUE DEFAULT nextval('experiment_revisions'),
            UNIQUE (name, version)
        )
    """)
    op.execute("""
        CREATE TABLE experiment_secret (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            secret text NOT NULL
        )
    """)
    op.execute("""
        INSERT INTO experiment_secret (secret)
        VALUES (gen_random_uuid()::text || gen_random_uuid()::text)
    """)
    op.execute("""
        CREATE TABLE experiment_exposures (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            request_id text NOT NULL UNIQUE,
            experiment_id bigint NOT NULL REFERENCES experiments,
            unit text NOT NULL,
            arm text NOT NULL,
            role text NOT NULL,
            pair text,
            assigned_at timestamptz NOT NULL,
            interface text NOT NULL,
            streamed boolean NOT NULL,
            team text,
            by_key text NOT NULL,
            by_user text
        )
    """)
    op.execute(
        "CREATE INDEX exposures_of_an_experiment ON experiment_exposures (experiment_id, number)"
    )
    op.execute("""
        CREATE TABLE experiment_outcomes (
            number bigint PRIMARY KEY REFERENCES experiment_exposures ON DELETE CASCADE,
            ended_at timestamptz NOT NULL,
            status smallint NOT NULL,
            failed boolean NOT NULL,
            latency_ms double precision,
            ttft_ms double precision,
            input_tokens bigint,
            output_tokens bigint,
            cost_usd double precision,
            served_model text,
            fell_back boolean NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE experiment_feedback (
            number bigint NOT NULL REFERENCES experiment_exposures ON DELETE CASCADE,
            name text NOT NULL,
            value double precision NOT NULL,
            given_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (number, name)
        )
    """)
