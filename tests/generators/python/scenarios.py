"""The address, the password and the runner that the Python programs share."""

import os

server = os.environ["AGORA_URL"].rstrip("/")

# The password of everyone in the sample data.
PASSWORD = "agora-demo-2026"


def equal(shown, expected):
    """Fails when the values differ."""
    assert shown == expected, f"{shown!r} is not {expected!r}"


def run(generator, scenarios):
    """Runs the scenarios and prints a line for each; the first one that fails ends the program."""
    for name, scenario in scenarios.items():
        scenario()
        print(f"{generator} {name}: passed", flush=True)
