-- What makes a list of many thousand runs cheap: the two values of the recipe that it shows, and a number by which one
-- can ask for the runs that changed since the last look.

alter table runs add column model text not null default '';
-- dataset_name as JSON: a text or a list.
alter table runs add column data text not null default '""';
-- Grows with each change to any run.
alter table runs add column revision integer not null default 0;

update runs set model = coalesce(recipe ->> '$.model_name_or_path', ''), data = coalesce(recipe -> '$.dataset_name', '""');

-- Not the highest revision of the runs: that would be given twice once its run is purged.
create table run_revision (last integer not null) strict;
insert into run_revision values (0);

create trigger run_added after insert on runs begin
  update run_revision set last = last + 1;
  update runs set
    model = coalesce(recipe ->> '$.model_name_or_path', ''),
    data = coalesce(recipe -> '$.dataset_name', '""'),
    revision = (select last from run_revision)
  where id = new.id;
end;

create trigger run_changed after update on runs when new.revision = old.revision begin
  update run_revision set last = last + 1;
  update runs set revision = (select last from run_revision) where id = new.id;
end;

create index runs_by_revision on runs (revision);
