-- The history of runs. Times are milliseconds since 1970, UTC.

create table runs (
  id text primary key,
  method text not null,
  name text,
  status text not null,
  -- The checked recipe with absolute paths, as JSON.
  recipe text not null,
  output_dir text not null,
  created_at integer not null,
  started_at integer,
  ended_at integer,
  total_steps integer,
  last_step integer not null default 0,
  last_loss real,
  -- The process that follows the run, and what tells it from a later process with the same number.
  host_pid integer,
  host_identity text,
  -- The same of the process that trains.
  job_pid integer,
  job_identity text,
  -- Final metrics and error, as JSON.
  metrics text not null default '{}',
  error text
) strict;

create index runs_by_time on runs (created_at);

-- One row per optimizer step ('train') or evaluation ('eval').
create table metrics (
  run_id text not null references runs (id) on delete cascade,
  kind text not null check (kind in ('train', 'eval')),
  step integer not null,
  recorded_at integer not null,
  loss real,
  step_ms real,
  tokens_per_second real,
  -- Metrics as TRL names them, as JSON; null on steps that logging_steps leaves out.
  logged text,
  primary key (run_id, kind, step)
) strict, without rowid;

create table events (
  id integer primary key,
  run_id text not null references runs (id) on delete cascade,
  recorded_at integer not null,
  step integer,
  level text not null,
  message text not null
) strict;

create index events_by_run on events (run_id);

create table checkpoints (
  run_id text not null references runs (id) on delete cascade,
  step integer not null,
  path text not null,
  recorded_at integer not null,
  primary key (run_id, step)
) strict, without rowid;

create table exports (
  id integer primary key,
  run_id text not null references runs (id) on delete cascade,
  recorded_at integer not null,
  target text not null,
  -- The checkpoint that was exported; null for the finished adapter.
  step integer,
  path text not null
) strict;

create index exports_by_run on exports (run_id);
