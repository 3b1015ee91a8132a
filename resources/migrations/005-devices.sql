-- What a run trains on, with its number where there may be several: "cpu", "cuda:1", "webgpu". Null until that is known.

alter table runs add column device text;
