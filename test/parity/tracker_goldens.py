"""Makes goldens/trackers: what TensorBoard's own writer and transformers' callbacks make of a log.

Usage: python tracker_goldens.py GOLDENS_FOLDER
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

from tensorboard.compat.proto.event_pb2 import Event, SessionLog, SourceMetadata
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c, masked_crc32c
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import scalar, text
from transformers.integrations.integration_utils import MLflowCallback, rewrite_logs

AT = 1_700_000_000.25
LOGS = {
    "loss": 2.5,
    "epoch": 0.5,
    "rewards/chosen": -0.25,
    "logps (mean)/chosen+x": 1.0,
    "eval_loss": 2.0,
    "eval_rewards/margins": 0.125,
    "test_loss": 3.0,
    "evaluation": 1.0,
}
VALUES = [
    None,
    True,
    False,
    0,
    7,
    -3,
    2e-05,
    0.0001,
    1.5e-07,
    0.1,
    1e16,
    123456.75,
    "all-linear",
    "it's",
    ["q_proj", "v_proj"],
    ["it's", 'a "word"', "both ' and \""],
    {"num_cycles": 0.5, "inner": {"a": None}},
    [],
    {},
]


def events():
    yield Event(wall_time=AT, file_version="brain.Event:2", source_metadata=SourceMetadata(writer="lorelei"))
    yield Event(wall_time=AT, summary=text("args", '{\n  "learning_rate": 2e-05\n}'))
    yield Event(wall_time=AT, step=0, summary=scalar("eval/loss", 3.0))
    yield Event(wall_time=AT + 1, step=1, summary=scalar("train/loss", 2.5))
    yield Event(wall_time=AT + 2, step=300, summary=scalar("train/loss", 0.0))
    yield Event(wall_time=AT + 3, step=2**33, summary=scalar("train/loss", float("nan")))
    yield Event(wall_time=AT + 4, step=11, session_log=SessionLog(status=SessionLog.START))


def mlflow_names():
    """The callback itself, with a stand-in for the mlflow module."""
    logged = {}
    callback = MLflowCallback.__new__(MLflowCallback)
    callback._initialized, callback._async_log, callback._auto_end_run = True, False, False
    callback._ml_flow = SimpleNamespace(log_metrics=lambda metrics, step: logged.update(metrics))
    state = SimpleNamespace(is_world_process_zero=True, global_step=1)
    callback.on_log(None, state, None, dict(LOGS))
    return list(logged)


def main():
    folder = Path(sys.argv[1]) / "trackers"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "events.out.tfevents", "wb") as file:
        writer = RecordWriter(file)
        for event in events():
            writer.write(event.SerializeToString())
        writer.flush()
    samples = [b"", b"a", b"123456789", bytes(range(256)), bytes(32), bytes([255]) * 32]
    golden = {
        "names": {"trl": list(LOGS), "grouped": list(rewrite_logs(LOGS)), "mlflow": mlflow_names()},
        "texts": [{"value": value, "text": str(value)} for value in VALUES],
        "checksums": [{"bytes": list(sample), "crc32c": crc32c(sample), "masked": masked_crc32c(sample)} for sample in samples],
    }
    (folder / "expected.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
