"""interp explains vision models: any method on any model, side by side."""

import os

# Read once, when torch is first imported. By default idle OpenMP threads spin on the cores that
# another session or process needs: a small network's pass can take ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
