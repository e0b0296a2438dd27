# SPDX-License-Identifier: GPL-2.0
"""Where things are, and how the scripts speak."""

import os
import subprocess
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("RINGLET_BUILD", os.path.join(REPO, "build"))
SANDBOX = os.path.join(REPO, "tests", "sandbox")

# What tests/sandbox/run says by its exit status besides the command's own.
EXIT_TIMEOUT = 124
EXIT_TROUBLE = 125
EXIT_KERNEL = 126
# What any test says that cannot run here.
EXIT_SKIPPED = 77


class Trouble(Exception):
    """The test bed itself does not work; the text says what to do."""
    status = EXIT_TROUBLE


def say(text):
    print("sandbox: " + text, file=sys.stderr, flush=True)


def run_main(main, *words):
    """Ends this program as main(*words) says, or its trouble, whose text is said."""
    try:
        sys.exit(main(*words))
    except Trouble as trouble:
        say(str(trouble))
        sys.exit(trouble.status)


def output_of(command, **more):
    """Runs a program and returns its output; Trouble where it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False,
                              **more)
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is missing: run `make deps`") from None
    if done.returncode:
        raise Trouble(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def write_atomically(path, data):
    """Parallel readers see the old file or the new one, never a part."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "wb") as out:
            out.write(data)
        os.rename(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
