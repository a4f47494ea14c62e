"""Compares a training step of audio-visual + attention with its usual PyTorch form.

    python benchmarks/pytorch.py --torch_python OTHER_ENVIRONMENT/bin/python

The PyTorch form is implemented here layer by layer as published, and runs eagerly in float32, as is
usual. Both run in separate processes, on batches of 64 records with full maps.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

BATCH, SEGMENTS, REGIONS, CHANNELS, AUDIO, LABELS = 64, 10, 49, 512, 128, 29
WARM_UP = 3
OURS = pathlib.Path(__file__).with_name("training.py")


def measure_torch(steps: int) -> float:
    """Measures the median seconds of a step, in this process."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = nn.Linear(CHANNELS, CHANNELS)
            self.audio = nn.Linear(AUDIO, CHANNELS)
            self.of_regions = nn.Linear(CHANNELS, REGIONS, bias=False)
            self.of_audio = nn.Linear(CHANNELS, REGIONS, bias=False)
            self.weight = nn.Linear(REGIONS, 1, bias=False)

        def forward(self, audio, maps):
            regions = maps.reshape(-1, REGIONS, CHANNELS)
            hidden = functional.relu(self.visual(regions))
            query = functional.relu(self.audio(audio.reshape(-1, AUDIO)))
            content = self.of_regions(hidden) + self.of_audio(query)[:, :, None]
            weights = functional.softmax(self.weight(torch.tanh(content)).squeeze(2), dim=-1)
            attended = torch.bmm(weights[:, None], regions)
            return attended.reshape(-1, SEGMENTS, CHANNELS)

    class Localizer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = Attention()
            self.audio = nn.LSTM(AUDIO, 128, batch_first=True, bidirectional=True)
            self.visual = nn.LSTM(CHANNELS, 128, batch_first=True, bidirectional=True)
            self.hidden = nn.Linear(512, 64)
            self.label = nn.Linear(64, LABELS)

        def forward(self, audio, maps):
            visual, _ = self.visual(self.attention(audio, maps))
            audio, _ = self.audio(audio)
            both = functional.relu(torch.cat([audio, visual], dim=-1))
            return self.label(functional.relu(self.hidden(both)))

    torch.manual_seed(0)
    model = Localizer()
    optimizer = torch.optim.Adam(model.parameters())
    audio, maps = torch.rand(BATCH, SEGMENTS, AUDIO), torch.rand(BATCH, SEGMENTS, 7, 7, CHANNELS)
    labels = torch.randint(LABELS, (BATCH, SEGMENTS))
    seconds = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(audio, maps).reshape(-1, LABELS), labels.reshape(-1))
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[WARM_UP:])[steps // 2]


def in_process(*command: str | pathlib.Path) -> float:
    """Returns the seconds of a step, which a program prints as JSON."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--torch_python",
        default=sys.executable,
        metavar="FILE",
        help="interpreter that has PyTorch (default: this one)",
    )
    parser.add_argument("--steps", type=int, default=9, metavar="N", help="default: 9")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        print(json.dumps({"seconds": measure_torch(flags.steps)}))
        return
    steps = str(flags.steps)
    theirs = in_process(flags.torch_python, __file__, "--measure", "--steps", steps)
    print(f"PyTorch, float32: {theirs:.3f} s")
    for precision in ("float32", "mixed_bfloat16"):
        step = ("step", "audio_visual_attention", precision, "no", steps)
        ours = in_process(sys.executable, OURS, "--measure", *step)
        print(
            f"this, {precision}: {ours:.3f} s, {theirs / ours:.2f} times PyTorch's speed",
            flush=True,
        )


if __name__ == "__main__":
    main()
