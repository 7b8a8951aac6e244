"""Conversations: sessions, their turns, and the answers to them."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Three tables whose rows are written once and never changed.

    A turn is accepted before its answer is known, so the answer is a row of its own: a turn without one is
    under way, or its service died. `json` keeps the text as it is, which `jsonb` would not, and is passed on
    to the model without being read again.
    """
    op.execute("""
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            key_hash text NOT NULL,
            user_id text,
            opened_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("CREATE INDEX sessions_of_a_key ON sessions (key_hash, opened_at, id)")
    op.execute("""
        CREATE INDEX sessions_of_a_user ON sessions (user_id, opened_at, id)
        WHERE user_id IS NOT NULL
    """)
    op.execute("CREATE INDEX sessions_by_age ON sessions (opened_at, id)")
    op.execute("""
        CREATE TABLE turns (
            id bigint GENERATED ALWAYS AS IDENTITY,
            session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
            accepted_at timestamptz NOT NULL DEFAULT now(),
            interface text NOT NULL,
            model text NOT NULL,
            request_id text NOT NULL,
            messages json NOT NULL,
            plain boolean NOT NULL,
            size integer NOT NULL,
            PRIMARY KEY (session_id, id),
            UNIQUE (id)
        )
    """)
    op.execute("""
        CREATE TABLE answers (
            turn_id bigint PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
            ended_at timestamptz NOT NULL DEFAULT now(),
            complete boolean NOT NULL,
            status smallint NOT NULL,
            message json,
            plain boolean NOT NULL,
            size integer NOT NULL,
            served_by text,
            usage json,
            cost double precision
        )
    """)
