"""Lets a real MLflow server and TensorBoard's own reader judge what Lorelei tracks.

Usage: python trackers_check.py NODE WRITE_TRACKED_RUN_TS
Starts `mlflow server` on 127.0.0.1, tracks a run that is stopped at step 12 and resumed at step 10, and reads it back.
Exits with 1 where something differs.
"""

import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from mlflow.tracking import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEPS = 20
START_SECONDS = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_server(folder, port):
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--default-artifact-root", str(folder / "artifacts")]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with open(folder / "server.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
    for _ in range(2 * START_SECONDS):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return server
        except OSError:
            time.sleep(0.5)
        if server.poll() is not None:
            break
    server.kill()
    sys.exit(f"mlflow server did not start:\n{(folder / 'server.log').read_text()[-2000:]}")


def close(a, b):
    """TensorBoard keeps float32."""
    return math.isclose(a, b, rel_tol=1e-6) or (math.isnan(a) and math.isnan(b))


def differences(name, found, expected):
    if found.keys() != expected.keys():
        return [f"{name}: steps {sorted(found)} instead of {sorted(expected)}"]
    return [f"{name} at {step}: {found[step]} is not {expected[step]}" for step in found if not close(found[step], expected[step])]


def check_mlflow(address, folder):
    client = MlflowClient(address)
    experiment = client.get_experiment_by_name("lorelei")
    runs = client.search_runs([experiment.experiment_id])
    if len(runs) != 1:
        return [f"MLflow: {len(runs)} runs instead of one that was resumed"]
    run = runs[0]
    problems = []
    facts = {
        "name": (run.info.run_name, "first try"),
        "status": (run.info.status, "FINISHED"),
        "learning_rate": (run.data.params.get("learning_rate"), "2e-05"),
        "use_peft": (run.data.params.get("use_peft"), "True"),
        "max_length": (run.data.params.get("max_length"), "None"),
        "parameters": (len(run.data.params), 123),
        "tag team": (run.data.tags.get("team"), "river"),
        "tag lorelei.run": (run.data.tags.get("lorelei.run"), "calm-otter"),
    }
    problems += [f"MLflow {name}: {found!r} is not {wanted!r}" for name, (found, wanted) in facts.items() if found != wanted]
    if not run.info.end_time:
        problems.append("MLflow: no end time")
    expected = {
        "loss": {step: 1 / step for step in range(1, STEPS + 1)},
        "rewards _mean_/chosen": {step: float(step) for step in range(1, STEPS + 1)},
        "eval_loss": {step: 2 / step for step in range(5, STEPS + 1, 5)},
        "eval_strange": {step: math.nan for step in range(5, STEPS + 1, 5)},
    }
    for name, values in expected.items():
        history = {point.step: point.value for point in client.get_metric_history(run.info.run_id, name)}
        problems += differences(f"MLflow {name}", history, values)
    return problems


def check_tensorboard(folder):
    [logs] = (folder / "adapter" / "runs").iterdir()
    if len(list(logs.glob("events.out.tfevents.*"))) != 2:
        return ["TensorBoard: not one file for each of the two processes in one folder"]
    accumulator = EventAccumulator(str(logs), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    expected = {
        "train/loss": {step: 1 / step for step in range(1, STEPS + 1)},
        "train/rewards (mean)/chosen": {step: float(step) for step in range(1, STEPS + 1)},
        "train/epoch": {step: step / 20 for step in range(1, STEPS + 1)},
        "eval/loss": {step: 2 / step for step in range(5, STEPS + 1, 5)},
        "eval/strange": {step: math.nan for step in range(5, STEPS + 1, 5)},
    }
    tags = accumulator.Tags()
    problems = [] if set(tags["scalars"]) == set(expected) else [f"TensorBoard tags: {tags['scalars']}"]
    for name, values in expected.items():
        points = accumulator.Scalars(name)
        if len(points) != len(values):
            problems.append(f"TensorBoard {name}: {len(points)} points instead of {len(values)}: steps computed anew remain")
        problems += differences(f"TensorBoard {name}", {point.step: point.value for point in points}, values)
    args = json.loads(accumulator.Tensors("args/text_summary")[0].tensor_proto.string_val[0])
    if args["learning_rate"] != 2e-05:
        problems.append(f"TensorBoard args: {args['learning_rate']}")
    return problems


def main():
    node, writer = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="lorelei-trackers-") as name:
        folder = Path(name)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        server = start_server(folder, port)
        try:
            for span in (["0", "12", "stopped"], ["10", str(STEPS), "completed"]):
                subprocess.run([node, writer, str(folder), address, *span], check=True, timeout=120)
            problems = check_mlflow(address, folder) + check_tensorboard(folder)
        finally:
            server.terminate()
            server.wait(30)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(problems)} differences")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
