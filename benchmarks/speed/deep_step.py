"""Time a training step of the thesis' network against the same network in PyTorch.

64 channels, 33 bands, 3 s at 64 Hz, batches of 128, Adamax, dropout, single precision; E 8, R 32,
kernels of 30, 20 and 40 samples. Two cases: the loss of the thesis, and with the masker as hard
negative, which is embedded then, too.

What a step takes at least: 27 Gflop (31 with the masker), of which 15 in the convolutions, at the
rate of a square product: 0.2 s on two cores at 140 Gflop/s. Attention has 9 (12) layers with two
heads and 9.4 million pairs of times each; their maps are made twice, and at 7 ms a map of a layer
the 18 (24) exponentials of each pair add 0.13 (0.17) s. If all maps were kept for the gradient,
they alone would be 340 (450) MB to be written, read, and mapped by the system anew in each step:
that is why neither library keeps them.

Each program runs in a process of its own and steps when it is told to, so that programs take turns
and none spins while another works. Ratios are taken within a round. The compilation of PyTorch
finds its results of an earlier run; without them it took 73 s here. Memory of a step is what XLA
plans, and the peak of the process beyond what it had before its first step (not given after a
compilation by PyTorch, which steps). On a GPU (--device cuda, which has not been run yet), samples
per second and the share of the peak (--peak, Tflop/s) are given. Cases can be measured one at a
time (--cases) into one file.

    python benchmarks/speed/deep_step.py [--out results.json] [--device cuda]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path

import numpy as np

N_EXAMPLES, N_TIMES, N_CHANNELS, N_BANDS, N_SUBJECTS = 128, 192, 64, 33, 32
PROGRAMS = ("jax", "torch eager", "torch compiled")
CASES = {"attended only": 1, "with the masker": 2}
# Of products and convolutions, three times those of the forward pass; activations of deep.md.
GFLOP = {"attended only": 27, "with the masker": 31}
ACTIVATIONS_MB = 600


def batch(n_stimuli):
    rng = np.random.default_rng(0)

    def unit(x):
        return (x / np.linalg.norm(x, axis=-2, keepdims=True)).astype(np.float32)

    stimuli = unit(np.abs(rng.normal(size=(N_EXAMPLES, n_stimuli, N_TIMES, N_BANDS))))
    return {
        "eeg": unit(rng.normal(size=(N_EXAMPLES, N_TIMES, N_CHANNELS))),
        "stimuli": stimuli,
        "envelopes": stimuli[..., -1],
        "subject": rng.integers(0, N_SUBJECTS, N_EXAMPLES).astype(np.int32),
    }


def jax_program(n_stimuli, device):
    """Return a step, seconds of compilation, and what XLA plans to use."""
    import equinox as eqx
    import jax

    from deep.siglip.networks.thesis import ThesisNetwork
    from deep.siglip.task import ContrastTask
    from deep.training.devices import choose_device
    from deep.training.optimizers import Optimizer
    from deep.training.programs import start

    network = eqx.nn.make_with_state(ThesisNetwork)(
        N_CHANNELS, N_BANDS, N_SUBJECTS, key=jax.random.key(0)
    )
    task = ContrastTask(1.0, float(n_stimuli > 1), mask_same=False, n_window=N_TIMES)
    recipe, arrays, fixed = start(*network, task, Optimizer("adamax", 6e-4), 1)
    where = choose_device(device)
    moved = jax.device_put((arrays, fixed, np.uint32(0), batch(n_stimuli)), where)
    began = time.perf_counter()
    compiled = recipe.programs[0].lower(*moved).compile()
    seconds = time.perf_counter() - began
    arrays, *rest = moved

    def step():
        nonlocal arrays
        arrays, report = compiled(arrays, *rest)
        return float(report[1])

    return step, seconds, compiled.memory_analysis().temp_size_in_bytes / 2**20


def torch_program(n_stimuli, device, compile):
    import siglip_torch
    import torch

    torch.manual_seed(0)
    made = batch(n_stimuli)
    inputs = [
        torch.tensor(np.ascontiguousarray(np.swapaxes(made["eeg"], 1, 2)), device=device),
        torch.tensor(np.ascontiguousarray(np.swapaxes(made["stimuli"], 2, 3)), device=device),
        torch.tensor(made["subject"], device=device, dtype=torch.long),
    ]
    model = siglip_torch.SigLIP(N_SUBJECTS).to(device)
    optimizer = torch.optim.Adamax(model.parameters(), 6e-4, foreach=True)
    loss_of = torch.compile(siglip_torch.loss) if compile else siglip_torch.loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model, *inputs)
        loss.backward()
        optimizer.step()
        return loss.item()

    began = time.perf_counter()
    if compile:
        step()
    return step, time.perf_counter() - began, None


def serve(program, n_stimuli, device):
    """Step once for each line of the input; print what that took as JSON."""
    if program == "jax":
        step, compilation, planned = jax_program(n_stimuli, device)
    else:
        step, compilation, planned = torch_program(n_stimuli, device, "compiled" in program)
    before = resident("VmRSS")
    for _ in range(3):
        loss = step()
    ready = {"compile_s": compilation, "planned_mb": planned, "loss": loss}
    peak = None if program == "torch compiled" else resident("VmHWM") - before
    print(json.dumps(ready | {"peak_mb": peak}), flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            wall, own = time.perf_counter(), time.process_time()
            step()
            wall, own = time.perf_counter() - wall, time.process_time() - own
        print(json.dumps([wall, own]), flush=True)


def resident(name):
    """Return memory in use now or at most so far, in MB; after the latter is set back."""
    status = Path("/proc/self/status").read_text()
    found = int(status.split(f"{name}:")[1].split()[0]) / 1024
    if name == "VmRSS":
        Path("/proc/self/clear_refs").write_text("5")
    return found


def busy_seconds():
    """Return the time that all cores have been at work for anybody."""
    ticks = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    return (sum(map(int, ticks)) - int(ticks[3]) - int(ticks[4])) / os.sysconf("SC_CLK_TCK")


def measure(case, programs, device, rounds, peak):
    processes, found = {}, {}
    for name in programs:  # one after the other: each compiles undisturbed
        command = [sys.executable, __file__, "--serve", name, "--stimuli", str(CASES[case])]
        processes[name] = subprocess.Popen(
            [*command, "--device", device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = processes[name].stdout.readline()
        if not line:
            raise SystemExit(f"{name} failed, see above")
        found[name] = json.loads(line)
    seconds, others = {name: [] for name in programs}, []
    for _ in range(rounds):
        for name, process in processes.items():
            # The first step only brings caches and clocks back.
            busy, began = busy_seconds(), time.perf_counter()
            process.stdin.write("2\n")
            process.stdin.flush()
            wall, own = json.loads(process.stdout.readline())
            both = time.perf_counter() - began
            seconds[name].append(wall)
            others.append(max(0.0, (busy_seconds() - busy) / both - own / wall))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    for name in programs:
        found[name] |= {"s": spread(seconds[name])}
        if device == "cuda":
            rate = GFLOP[case] / statistics.median(seconds[name])
            found[name]["samples_per_s"] = N_EXAMPLES / statistics.median(seconds[name])
            found[name]["share_of_peak"] = rate / 1e3 / peak if peak else None
        if name != "jax":
            ratio = np.divide(seconds["jax"], seconds[name])
            found[name]["time of jax to this"] = spread(ratio)
    found["jax"]["planned memory to activations of the reference"] = (
        found["jax"]["planned_mb"] / ACTIVATIONS_MB
    )
    found["others at work, cores"] = round(statistics.median(others), 2)
    return found


def spread(values):
    points = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).round(4).tolist()
    return dict(zip(("min", "25 %", "median", "75 %", "max"), points, strict=True))


def flop_rate(n=1536):
    """Return Gflop/s of a square product of NumPy in single precision on all cores."""
    a, times = np.ones((n, n), np.float32), []
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times) / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--programs", choices=PROGRAMS, nargs="*", default=PROGRAMS)
    parser.add_argument("--cases", choices=CASES, nargs="*", default=list(CASES))
    parser.add_argument("--peak", type=float, help="Tflop/s of the GPU, single precision")
    parser.add_argument("--serve", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--stimuli", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.stimuli, options.device)
        return
    if util.find_spec("torch") is None:
        print("skipped: PyTorch, which this is a comparison with, is not installed")
        return
    from cocktailparty.versions import versions

    result = {
        "versions": versions() | {"torch": metadata.version("torch")},
        "cores": len(os.sched_getaffinity(0)),
        "GF/s of a square product": round(flop_rate(), 1),
    }
    result |= {
        case: measure(case, options.programs, options.device, options.rounds, options.peak)
        for case in options.cases
    }
    print(json.dumps(result, indent=2))
    if options.out:
        if options.out.exists():  # cases can be measured one at a time
            result = json.loads(options.out.read_text()) | result
        options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
