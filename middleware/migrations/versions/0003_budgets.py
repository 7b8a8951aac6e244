"""Budgets per model: who has which, what is spent, and what is held for calls under way."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Five tables. Spend is only ever added, a row per call; all amounts are nano-dollars.

    `model_budgets` is small and wholly known to every replica, which asks for what has a higher revision than
    it has seen; what is taken away therefore stays as a row that says so. A key that is regenerated and the
    one before it share a `budget_id`, and so what is spent.

    `budget_ledgers` has a row per budget and period. Its `epoch` is that of the copy in Redis: a reservation
    that was made in another copy is not written. `budget_reservations` are those of calls under way; ending
    one moves it to `budget_bookings`, in one statement.
    """
    op.execute("CREATE SEQUENCE model_budget_revisions")
    op.execute("""
        CREATE TABLE model_budgets (
            owner text NOT NULL,
            model text NOT NULL,
            budget_id uuid NOT NULL,
            amount bigint NOT NULL,
            period text NOT NULL,
            began_at timestamptz NOT NULL,
            removed boolean NOT NULL DEFAULT false,
            revision bigint NOT NULL UNIQUE DEFAULT nextval('model_budget_revisions'),
            PRIMARY KEY (owner, model)
        )
    """)
    op.execute("""
        CREATE TABLE budget_ledgers (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            budget_id uuid NOT NULL,
            began_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            epoch text NOT NULL DEFAULT '',
            UNIQUE (budget_id, began_at)
        )
    """)
    op.execute("""
        CREATE TABLE budget_replicas (
            id uuid PRIMARY KEY,
            seen_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE budget_reservations (
            call_id uuid NOT NULL,
            ledger_id bigint NOT NULL REFERENCES budget_ledgers,
            amount bigint NOT NULL,
            replica uuid NOT NULL,
            reserved_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (call_id, ledger_id)
        )
    """)
    op.execute("CREATE INDEX reservations_of_a_ledger ON budget_reservations (ledger_id)")
    op.execute("CREATE INDEX reservations_of_a_replica ON budget_reservations (replica)")
    op.execute("""
        CREATE TABLE budget_bookings (
            call_id uuid NOT NULL,
            ledger_id bigint NOT NULL REFERENCES budget_ledgers,
            reserved bigint NOT NULL,
            amount bigint NOT NULL,
            source text NOT NULL,
            booked_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (call_id, ledger_id)
        )
    """)
    op.execute("CREATE INDEX bookings_of_a_ledger ON budget_bookings (ledger_id) INCLUDE (amount)")
