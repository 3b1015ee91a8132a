-- What a person does to runs: an order for those that wait, tags and notes, putting away, deleting with a way back.

alter table runs add column tags text not null default '[]';
alter table runs add column notes text not null default '';
alter table runs add column archived_at integer;
-- Purged some time after this, with the run's folder.
alter table runs add column deleted_at integer;
-- Place among the runs that wait; null for all others. Gaps and fractions are fine.
alter table runs add column queue_place real;
-- The status that a waiting run goes back to when it is taken out of the queue: null for a new one.
alter table runs add column queued_from text;
-- Lowest eval_loss so far.
alter table runs add column best_eval_loss real;

update runs set best_eval_loss =
  (select min(loss) from metrics where metrics.run_id = runs.id and metrics.kind = 'eval');

create index runs_by_queue on runs (queue_place) where queue_place is not null;
