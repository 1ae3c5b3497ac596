import subprocess
import sys

import cocktailparty


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "cocktailparty", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == cocktailparty.__version__
    found = subprocess.run([*command[:-1], "datasets", "/nonexistent"], capture_output=True)
    assert found.returncode == 2
