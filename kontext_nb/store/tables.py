"""The tables of the ledger's file, and how an older file comes to have them."""

from __future__ import annotations

import sqlite3
from typing import Any

from kontext_nb.model import Request, picture_mark

# Append only: a store is brought up to date by the scripts it has not yet seen.
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        prompt TEXT NOT NULL,
        seed INTEGER NOT NULL,
        aspect_ratio TEXT,
        source TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        ask TEXT NOT NULL,
        source_blob TEXT NOT NULL,
        request_id TEXT,
        result_blob TEXT,
        engine TEXT,
        notices TEXT NOT NULL,
        error TEXT,
        created_at REAL NOT NULL,
        submitted_at REAL,
        finished_at REAL
    ) STRICT;
    CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
    CREATE INDEX jobs_by_ask ON jobs (ask);
    CREATE TABLE steps (
        id TEXT PRIMARY KEY,
        chain TEXT NOT NULL,
        parent TEXT REFERENCES steps (id),
        job TEXT NOT NULL REFERENCES jobs (id),
        call TEXT,
        text_call TEXT,
        created_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX steps_by_chain ON steps (chain);
    CREATE INDEX steps_by_call ON steps (call);
    CREATE INDEX steps_by_text_call ON steps (text_call);
    """,
    # Any model's inputs and outputs, who sends, and what it costs. The foreign key of
    # steps follows the name, so the old table makes room first.
    """
    CREATE TABLE jobs_2 (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        body TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        ask TEXT NOT NULL,
        pictures TEXT NOT NULL,
        owner TEXT,
        claimed_at REAL,
        sends INTEGER NOT NULL,
        consents TEXT NOT NULL,
        request_id TEXT,
        results TEXT NOT NULL,
        output TEXT,
        engine TEXT,
        estimate_usd REAL,
        cost_usd REAL,
        notices TEXT NOT NULL,
        error TEXT,
        created_at REAL NOT NULL,
        submitted_at REAL,
        took_s REAL,
        finished_at REAL
    ) STRICT;
    INSERT INTO jobs_2 SELECT id, state, provider, model,
        body_1(prompt, seed, aspect_ratio, source),
        fingerprint_1(model, provider, prompt, seed, aspect_ratio, source),
        fingerprint_1(model, provider, prompt,
            CASE WHEN ask = fingerprint THEN seed END, aspect_ratio, source),
        json_object(source, source_blob), NULL, NULL,
        state NOT IN ('intent', 'cancelled'), '[]', request_id,
        CASE WHEN result_blob IS NULL THEN '[]' ELSE json_array(result_blob) END,
        NULL, engine, NULL, NULL, notices, error, created_at, submitted_at,
        finished_at - submitted_at, finished_at
        FROM jobs;
    DROP TABLE jobs;
    ALTER TABLE jobs_2 RENAME TO jobs;
    CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint);
    CREATE INDEX jobs_by_ask ON jobs (ask);
    CREATE INDEX jobs_by_request ON jobs (request_id);
    """,
    # Stars, names, notes and what is hidden; and where a chain belongs, which for most
    # steps is in front of the number of the call.
    """
    ALTER TABLE steps ADD COLUMN marks TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE steps ADD COLUMN place TEXT;
    UPDATE steps SET place = rtrim(rtrim(call, '0123456789'), ':')
    """,
    # What a step shows in the place of the model's picture; and how two pictures, named
    # by their blobs, differ.
    """
    ALTER TABLE steps ADD COLUMN keeping TEXT NOT NULL DEFAULT '{}';
    ALTER TABLE steps ADD COLUMN kept TEXT NOT NULL DEFAULT '{}';
    CREATE TABLE measures (
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        version INTEGER NOT NULL,
        numbers TEXT NOT NULL,
        mask TEXT NOT NULL,
        PRIMARY KEY (before, after, version)
    ) STRICT
    """,
)


class Newer(sqlite3.DatabaseError):
    """A newer version wrote the store: what its rows mean cannot be known here."""


def migrate(db: sqlite3.Connection) -> None:
    """Bring a store up to date, in one transaction.

    Raises:
        Newer: It is ahead.
    """
    if _scripts_to_run(db):
        db.create_function("body_1", 4, _body_1, deterministic=True)
        db.create_function("fingerprint_1", 6, _fingerprint_1, deterministic=True)
        db.execute("BEGIN IMMEDIATE")
        for script in _scripts_to_run(db):  # another kernel may have been here
            for statement in script.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")


def _scripts_to_run(db: sqlite3.Connection) -> tuple[str, ...]:
    seen: int = db.execute("PRAGMA user_version").fetchone()[0]
    if seen > len(MIGRATIONS):
        raise Newer("a newer kontext_nb wrote it")
    return MIGRATIONS[seen:]


def _body_1(prompt: str, seed: int | None, ratio: str | None, source: str) -> str:
    """Return what the first schema held in columns as a request's body."""
    inputs = {"prompt": prompt, "image_url": picture_mark(source)}
    given = {"seed": seed, "aspect_ratio": ratio}
    return Request.of(inputs | {k: v for k, v in given.items() if v is not None}).body


def _fingerprint_1(model: str, provider: str, *inputs: Any) -> str:
    return Request(model=model, provider=provider, body=_body_1(*inputs)).fingerprint
