"""A training job that does what its hyperparameters say."""

import json
import os
import signal
import sys
import time
from pathlib import Path

root = Path(os.environ["INFERMETER_ML_ROOT"])
config = root / "input" / "config"
parameters = json.loads((config / "hyperparameters.json").read_text())
channels = json.loads((config / "inputdataconfig.json").read_text())
json.loads((config / "resourceconfig.json").read_text())["hosts"].index("algo-1")


def stop(number, frame):
    (root / "model" / "stopped.txt").write_text("stopped")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
sys.stdout.write("validation: accuracy=0.75\n")
if parameters["do"] == "fail":
    (root / "output" / "failure").write_text("the data is empty")
    sys.exit(2)
if parameters["do"] == "sleep":
    time.sleep(60)
data = (root / "input" / "data" / "training" / "nested" / "rows.csv").read_text()
(root / "model" / "sub").mkdir()
(root / "model" / "sub" / "model.txt").write_text(f"{data} {sorted(channels)}")
