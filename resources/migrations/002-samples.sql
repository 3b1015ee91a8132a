-- What a model in training answered to the prompts of its recipe.

create table samples (
  run_id text not null references runs (id) on delete cascade,
  step integer not null,
  -- Place of the prompt in the recipe's sample_prompts.
  prompt_index integer not null,
  recorded_at integer not null,
  -- Text, or a list of messages, as JSON.
  prompt text not null,
  answer text not null,
  primary key (run_id, step, prompt_index)
) strict, without rowid;
