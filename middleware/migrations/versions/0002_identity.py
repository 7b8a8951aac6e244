"""The audit trail: who got what."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One table whose rows the database itself lets nobody change or delete.

    Who owns the database can still do away with the triggers; that takes a deliberate act.
    """
    op.execute("""
        CREATE TABLE audit (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now(),
            subject text NOT NULL,
            action text NOT NULL,
            rule text,
            granted json NOT NULL,
            key_hash text,
            request_id text NOT NULL
        )
    """)
    op.execute("CREATE INDEX audit_of_a_subject ON audit (subject, id)")
    op.execute("""
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit trail is append-only';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """)
