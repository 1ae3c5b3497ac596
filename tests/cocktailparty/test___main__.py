import subprocess
import sys

import cocktailparty


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "cocktailparty", "--version"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == cocktailparty.__version__
    found = subprocess.run([*command[:-1], "datasets", "/nonexistent"], capture_output=True)
    assert found.returncode == 2


def test_a_reader_who_has_enough_ends_it_quietly():
    command = [sys.executable, "-m", "cocktailparty", "decoders"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 0
